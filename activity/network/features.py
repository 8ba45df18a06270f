"""Features of photos: what the frozen backbone makes of each view, computed once and kept."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.inputs.augmentation import view_of_photo
from activity.inputs.photo import decode_image, read_photo
from activity.network.backbone import fingerprint
from activity.network.engine import open_engine
from activity.network.feature_cache import FeatureCache

if TYPE_CHECKING:
    import keras

# Part of the cache's keys: features of photos that were framed in another way are others.
_VIEWS = "centre square, squashed, stretches"


@dataclass(frozen=True)
class View:
    """One view of a photo, by its number: see ``augmentation.view_of_photo``."""

    photo: str
    number: int


def hash_photos(dataset: Path, photos: Sequence[str]) -> dict[str, str]:
    """Hash the content of each photo's file.

    Returns:
        SHA-256 in hexadecimal by photo; photos whose file cannot be read are missing.
    """
    digests = {}
    for photo in tqdm(photos, "reading photos", disable=None, unit="photo"):
        try:
            digests[photo] = _digest(read_photo(dataset / photo))
        except OSError:
            continue
    return digests


def compute_features(
    dataset: Path,
    digests: dict[str, str],
    views: Sequence[View],
    backbone: "keras.Model",
    *,
    engine: str,
    batch_size: int,
    cache_folder: Path | None,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Look the features of each view up in the cache; send the rest through the backbone.

    Photos are read as they are needed: only features are held in memory.

    Args:
        dataset: the folder the photos' paths are relative to.
        digests: SHA-256 of each photo's content, as ``hash_photos`` gives it.
        views: what to compute; views of one photo best in a row, it is then decoded once.
        backbone: from pixels to a feature vector.
        engine: one of ``engine.ENGINES``.
        batch_size: of the Keras engine.
        cache_folder: where features are kept from run to run; None keeps none.

    Returns:
        (features, readable): shapes (views, feature size) and (views,); rows that are not
        readable belong to photos that cannot be read or decoded, and hold zeros.
    """
    features = np.zeros((len(views), backbone.output_shape[-1]), np.float32)
    readable = np.zeros(len(views), bool)
    identity = fingerprint(backbone)
    with closing(FeatureCache(cache_folder, f"{identity} {_VIEWS}")) as cache:
        missing = []
        for place, view in enumerate(views):
            if view.photo not in digests:
                continue
            known = cache.get(digests[view.photo], view.number)
            if known is None:
                missing.append(place)
            else:
                features[place], readable[place] = known, True
        if missing:
            run = open_engine(
                engine,
                lambda: backbone,
                exports=cache_folder and cache_folder / "exports",
                key=identity,
                inputs=len(missing),
                batch_size=batch_size,
            )
            stream = run(_pixels(dataset, digests, views, missing))
            for place, output in tqdm(stream, "features", len(missing), disable=None, unit="view"):
                features[place], readable[place] = output, True
                cache.put(digests[views[place].photo], views[place].number, output)
        if cache.problem is not None:
            print(f"[INFO] {cache.problem}")
    return features, readable


def _pixels(
    dataset: Path, digests: dict[str, str], views: Sequence[View], places: Iterable[int]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Decode and augment the views at ``places``.

    Photos that cannot be decoded, or have changed since they were hashed, are skipped.
    """
    decoded: tuple[str, NDArray[np.uint8] | None] = ("", None)
    for place in places:
        photo, number = views[place].photo, views[place].number
        if photo != decoded[0]:
            content = _read_again(dataset / photo, digests[photo])
            decoded = (photo, None if content is None else decode_image(content))
        if decoded[1] is not None:
            yield place, view_of_photo(decoded[1], digests[photo], number)


def _read_again(path: Path, digest: str) -> bytes | None:
    """Read a photo that was hashed before; None where it is no longer what it was."""
    try:
        content = read_photo(path)
    except OSError:
        return None
    # Or the cache would keep its features under the name of the earlier content.
    return content if _digest(content) == digest else None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
