"""Features of images: what the frozen backbone makes of each view, computed once and kept."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.media.augmentation import view_of_photo
from activity.media.images import Image, map_images
from activity.network.backbone import fingerprint
from activity.network.engine import EngineOptions, open_engine
from activity.training.feature_cache import FeatureCache
from activity.training.feature_rows import let_go, rows_of_features

if TYPE_CHECKING:
    import keras

# Part of the cache's keys: features of photos that were framed in another way are others.
_VIEWS = "centre square, squashed, stretches"


# About this many features of a mapped file are in memory at once.
_ROWS_BETWEEN = 4096


class View(NamedTuple):
    """One view of an image, by its number: see ``augmentation.view_of_photo``."""

    image: Image
    number: int


def compute_features(
    views: Sequence[View],
    backbone: "keras.Model",
    options: EngineOptions,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Look the features of each view up in the cache; send the rest through the backbone.

    Images are read as they are needed: only features are held in memory.

    Args:
        views: what to compute; views of one image, and frames of one clip, best in a row: they are
            then decoded once. Images without a digest count as unreadable.
        backbone: from pixels to a feature vector.
        options: how the backbone is run, and where features are kept from run to run.

    Returns:
        (features, readable): shapes (views, feature size) and (views,); the first may be mapped
        from a file, as ``rows_of_features`` says. Rows that are not readable belong to images
        that cannot be read, and hold zeros.
    """
    features = rows_of_features(len(views), backbone.output_shape[-1], options.cache_folder)
    readable = np.zeros(len(views), bool)
    identity = fingerprint(backbone)
    with closing(FeatureCache(options.cache_folder, cache_identity(backbone))) as cache:
        looked_up = [place for place, view in enumerate(views) if view.image.digest]
        wanted = [(views[place].image.digest, views[place].number) for place in looked_up]
        for number, known in cache.find(wanted):
            place = looked_up[number]
            features[place], readable[place] = known, True
            if number % _ROWS_BETWEEN == 0:
                let_go(features)
        missing = [place for place in looked_up if not readable[place]]
        if missing:
            run = open_engine(options, lambda: backbone, key=identity, inputs=len(missing))
            stream = run(
                (missing[place], pixels)
                for place, pixels in pixels_of(
                    [views[place] for place in missing], backbone.input_shape[1]
                )
            )
            for place, output in tqdm(stream, "features", len(missing), disable=None, unit="view"):
                features[place], readable[place] = output, True
                cache.put(views[place].image.digest, views[place].number, output)
                if place % _ROWS_BETWEEN == 0:
                    let_go(features)
        if cache.problem is not None:
            print(f"[INFO] {cache.problem}")
    return features, readable


def cache_identity(backbone: "keras.Model") -> str:
    """Name all that features depend on but for the image and the number of its view."""
    return f"{fingerprint(backbone)} {_VIEWS}"


def pixels_of(views: Sequence[View], side: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Read and augment views, but for those of images that cannot be read.

    Args:
        views: what to read.
        side: width and height of the network's input in pixels.

    Yields:
        (place among ``views``, RGB, uint8, shape (side, side, 3)).
    """
    return map_images(
        lambda place, image: view_of_photo(
            image, views[place].image.digest, views[place].number, side
        ),
        [view.image for view in views],
        side,
    )
