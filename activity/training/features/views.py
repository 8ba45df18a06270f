"""Features: one pass of the images through the frozen network, and the cache of its outputs."""

import errno
import hashlib
import mmap
import os
import shutil
import sqlite3
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.common.errors import UserError
from activity.common.sqlite_table import delete_table, is_damage, open_table
from activity.media.augmentation import view_of_photo
from activity.media.images import Image, map_images
from activity.network.backbone import fingerprint
from activity.network.engine import EngineOptions, open_engine

if TYPE_CHECKING:
    import keras

# Part of the cache's keys: features of photos that were framed in another way are others.
_VIEWS = "centre square, squashed, stretches"

_FILE = "features.sqlite"
_COLUMNS = "key BLOB PRIMARY KEY, features BLOB NOT NULL, checksum INTEGER NOT NULL"

# Some megabytes of features.
_ROWS_A_QUERY = 512

# Bytes of features; more of them lie in a file, and about so many rows of it in memory at once.
_MOST_IN_MEMORY = 2**30
_ROWS_BETWEEN = 4096

# Around each row, the system maps up to a megabyte more.
_MAPPED_ROWS_AT_ONCE = 64


class View(NamedTuple):
    """One view of an image, by its number: see ``augmentation.view_of_photo``."""

    image: Image
    number: int


def compute_features(
    views: Sequence[View], backbone: "keras.Model", options: EngineOptions
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

    def keep(place: int, output: NDArray[np.float32]) -> None:
        features[place], readable[place] = output, True
        if place % _ROWS_BETWEEN == 0:
            let_go(features)

    with closing(FeatureCache(options.cache_folder, cache_identity(backbone))) as cache:
        for place, known in cache.find(views):
            keep(place, known)
        missing = [p for p, view in enumerate(views) if view.image.digest and not readable[p]]
        if missing:
            key = fingerprint(backbone)
            run = open_engine(options, lambda: backbone, key=key, inputs=len(missing))
            pixels = pixels_of([views[place] for place in missing], backbone.input_shape[1])
            stream = run((missing[number], some) for number, some in pixels)
            for place, output in tqdm(stream, "features", len(missing), disable=None, unit="view"):
                keep(place, output)
                cache.put(views[place], output)
        if cache.problem is not None:
            print(f"[INFO] {cache.problem}")
    return features, readable


def pixels_of(views: Sequence[View], side: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Read and augment views; those of images that cannot be read are left out.

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


def cache_identity(backbone: "keras.Model") -> str:
    """Identify a backbone and the framing of its inputs: the part of a cache key that all features
    of a run share.
    """
    return f"{fingerprint(backbone)} {_VIEWS}"


class FeatureCache:
    """A table from (backbone, photo content, view) to a feature vector, in one SQLite file.

    SQLite keeps it whole through kills and lets several runs share it; each row carries a
    checksum, so a damaged one is computed again. Without a folder, or where the file cannot be
    used (a full disk, a read-only folder), nothing is kept, ``problem`` says why, and the run
    goes on. An entry takes 4 bytes a feature and some 100 more: 8.3 kB with ResNet50.
    """

    def __init__(self, folder: Path | None, backbone: str) -> None:
        """Open the cache in ``folder`` for the backbone with this identity."""
        self.problem: str | None = None
        self._backbone = backbone
        self._path = (folder or Path()) / _FILE
        self._table: sqlite3.Connection | None = None
        if folder is not None:
            try:
                self._table = open_table(self._path, _COLUMNS)
            except (OSError, sqlite3.Error) as error:
                self._give_up(error)

    def find(self, views: Sequence[View]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Look up the features of views.

        Yields:
            (place among ``views``, features) of those that are known, in any order; float32, shape
            (feature size,).
        """
        for start in range(0, len(views), _ROWS_A_QUERY):
            places = defaultdict(list)
            for place, view in enumerate(views[start : start + _ROWS_A_QUERY], start):
                places[self._key(view)].append(place)
            wanted = ", ".join("?" * len(places))
            query = f"SELECT key, features, checksum FROM features WHERE key IN ({wanted})"
            for key, content, checksum in self._ask(query, [*places]):
                if zlib.crc32(content) == checksum:
                    features = np.frombuffer(content, "<f4")
                    yield from ((place, features) for place in places[key])

    def put(self, view: View, features: NDArray[np.float32]) -> None:
        """Keep the features of a view, float32, shape (feature size,)."""
        content = features.astype("<f4").tobytes()
        row = [self._key(view), content, zlib.crc32(content)]
        self._ask("INSERT OR REPLACE INTO features VALUES (?, ?, ?)", row)

    def close(self) -> None:
        """Close the file; the cache is not used after."""
        if self._table is not None:
            self._table.close()
            self._table = None

    def _ask(self, query: str, values: Sequence[object]) -> list[tuple[bytes, bytes, int]]:
        """Run a query; if it fails, nothing is found or kept, and ``problem`` says why."""
        if self._table is not None:
            try:
                return self._table.execute(query, values).fetchall()
            except sqlite3.Error as error:
                self._give_up(error)
        return []

    def _key(self, view: View) -> bytes:
        key = f"{self._backbone} {view.image.digest} {view.number}"
        return hashlib.sha256(key.encode()).digest()

    def _give_up(self, error: Exception) -> None:
        self.problem = f"features are not kept in {self._path}: {error}"
        self.close()
        if is_damage(error):
            delete_table(self._path)


def rows_of_features(count: int, size: int, folder: Path | None) -> NDArray[np.float32]:
    """Allocate a table of features: in memory, or from a gigabyte on in a memory-mapped file.

    Args:
        count: rows.
        size: size of a feature vector.
        folder: where the file lies until the array is let go; None takes the system's folder for
            temporary files.

    Returns:
        Zeros, shape (count, size).

    Raises:
        UserError: there is no room for the file.
    """
    if count * size * 4 < _MOST_IN_MEMORY:
        return np.zeros((count, size), np.float32)
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        # Its name is gone already, and its content goes with the last that maps it.
        with tempfile.TemporaryFile(dir=folder) as file:
            if shutil.disk_usage(folder or tempfile.gettempdir()).free < count * size * 4:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return np.memmap(file, np.float32, "w+", shape=(count, size))
    except OSError as error:
        raise UserError(
            f"no room for {count * size * 4 / 2**30:.0f} GB of features in "
            f"{folder or tempfile.gettempdir()}: {error.strerror}; --cache names another folder"
        ) from error


def take_rows(features: NDArray[np.float32], rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """Copy rows of a table of features. Of a mapped file, few pages are in memory at once.

    Returns:
        Shape (*rows' shape, size).
    """
    if not _is_mapped(features):
        return features[rows]
    taken = np.empty((*rows.shape, features.shape[1]), np.float32)
    for start in range(0, len(rows), _MAPPED_ROWS_AT_ONCE):
        some = slice(start, start + _MAPPED_ROWS_AT_ONCE)
        taken[some] = features[rows[some]]
        let_go(features)
    return taken


def let_go(features: NDArray[np.float32]) -> None:
    """Release the pages of a mapped table from this process's memory.

    They stay in the system's page cache for as long as nothing else needs the room.
    """
    if _is_mapped(features) and hasattr(mmap, "MADV_DONTNEED"):
        features._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]


def _is_mapped(features: NDArray[np.float32]) -> bool:
    return getattr(features, "_mmap", None) is not None
