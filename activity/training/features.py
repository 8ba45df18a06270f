"""Features of images: what the frozen backbone makes of each view, computed once and kept."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.media.augmentation import view_of_photo
from activity.media.images import Image, read_images
from activity.network.backbone import fingerprint
from activity.network.engine import EngineOptions, open_engine
from activity.training.feature_cache import FeatureCache
from activity.training.feature_rows import let_go, rows_of_features

if TYPE_CHECKING:
    import keras

# Part of the cache's keys: features of photos that were framed in another way are others.
_VIEWS = "centre square, squashed, stretches"


# Of features in a mapped file, about so many are in memory at once.
_ROWS_BETWEEN = 4096


class View(NamedTuple):
    """One view of an image, by its number: see ``augmentation.view_of_photo``."""

    image: Image
    number: int


def compute_features(
    dataset: Path,
    digests: Mapping[Image, str],
    views: Sequence[View],
    backbone: "keras.Model",
    options: EngineOptions,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Look the features of each view up in the cache; send the rest through the backbone.

    Images are read as they are needed: only features are held in memory.

    Args:
        dataset: the folder the images' paths are relative to.
        digests: what tells each image's content from every other: see ``images.digest_of``.
        views: what to compute; views of one image, and frames of one clip, best in a row: they are
            then decoded once.
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
        missing = []
        for place, view in enumerate(views):
            if view.image not in digests:
                continue
            if place % _ROWS_BETWEEN == 0:
                let_go(features)
            known = cache.get(digests[view.image], view.number)
            if known is None:
                missing.append(place)
            else:
                features[place], readable[place] = known, True
        if missing:
            run = open_engine(options, lambda: backbone, key=identity, inputs=len(missing))
            stream = run(pixels_of(dataset, digests, views, missing))
            for place, output in tqdm(stream, "features", len(missing), disable=None, unit="view"):
                features[place], readable[place] = output, True
                cache.put(digests[views[place].image], views[place].number, output)
                if place % _ROWS_BETWEEN == 0:
                    let_go(features)
        if cache.problem is not None:
            print(f"[INFO] {cache.problem}")
    return features, readable


def cache_identity(backbone: "keras.Model") -> str:
    """Name all that features depend on but for the image and the number of its view."""
    return f"{fingerprint(backbone)} {_VIEWS}"


def pixels_of(
    dataset: Path, digests: Mapping[Image, str], views: Sequence[View], places: Sequence[int]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Read and augment the views at ``places``, but for those of images that cannot be read."""
    images = [views[place].image for place in places]
    for index, pixels in read_images(dataset, images, digests):
        place = places[index]
        yield place, view_of_photo(pixels, digests[images[index]], views[place].number)


def rows_to_use(
    readable: NDArray[np.bool_], training: int, views: int, test: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """List the rows of features that can be used.

    Args:
        readable: of each row: ``views`` for each training image, then one for each test image, then
            one for each that is in neither set.
        training, test: how many images.
        views: of each training image; one that lacks a view is not used.

    Returns:
        (training, test, others): shapes (images, views), (images,) and (images,).
    """
    rows = np.arange(len(readable))
    first_test = training * views
    trained = rows[:first_test].reshape(-1, views)
    tested, others = np.split(rows[first_test:], [test])
    whole = readable[trained].all(axis=1)
    return trained[whole], tested[readable[tested]], others[readable[others]]
