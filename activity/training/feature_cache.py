"""Features kept from run to run, so that no photo goes through the backbone twice."""

import hashlib
import sqlite3
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from activity.common.sqlite_table import delete_table, is_damage, open_table

_FILE = "features.sqlite"
_COLUMNS = "key BLOB PRIMARY KEY, features BLOB NOT NULL, checksum INTEGER NOT NULL"

# Some megabytes of features.
_ROWS_A_QUERY = 512


class FeatureCache:
    """A table from (backbone, photo content, view) to a feature vector, in one SQLite file.

    SQLite keeps it whole through kills and lets several runs share it; each row carries a
    checksum, so a damaged one is computed again. Without a folder, or where the file cannot be
    used (a full disk, a read-only folder), nothing is kept, ``problem`` says why, and the run
    goes on. An entry takes 4 bytes a feature and some 100 more: 8.3 kB with ResNet50.
    """

    def __init__(self, folder: Path | None, backbone: str) -> None:
        """Open the cache in ``folder`` for the backbone with this fingerprint."""
        self.problem: str | None = None
        self._backbone = backbone
        self._path = folder / _FILE if folder is not None else None
        self._table: sqlite3.Connection | None = None
        if self._path is None:
            return
        try:
            self._table = open_table(self._path, _COLUMNS)
        except (OSError, sqlite3.Error) as error:
            self._give_up(error)

    def find(self, views: Sequence[tuple[str, int]]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Look up the features of views, each given by its photo's digest and its number.

        Yields:
            (place among ``views``, features) of those that are known, in any order; float32, shape
            (feature size,).
        """
        for start in range(0, len(views), _ROWS_A_QUERY):
            places = defaultdict(list)
            for place, view in enumerate(views[start : start + _ROWS_A_QUERY], start):
                places[self._key(*view)].append(place)
            for key, content, checksum in self._rows(list(places)):
                if zlib.crc32(content) == checksum:
                    features = np.frombuffer(content, "<f4")
                    yield from ((place, features) for place in places[key])

    def get(self, digest: str, view: int) -> NDArray[np.float32] | None:
        """Look up the features of a photo's view, as ``find`` does; None if they are not known."""
        return next((features for _, features in self.find([(digest, view)])), None)

    def put(self, digest: str, view: int, features: NDArray[np.float32]) -> None:
        """Keep the features of a photo's view, float32, shape (feature size,)."""
        if self._table is None:
            return
        content = features.astype("<f4").tobytes()
        row = [self._key(digest, view), content, zlib.crc32(content)]
        try:
            self._table.execute("INSERT OR REPLACE INTO features VALUES (?, ?, ?)", row)
        except sqlite3.Error as error:
            self._give_up(error)

    def close(self) -> None:
        """Close the file; the cache is not used after."""
        if self._table is not None:
            self._table.close()
            self._table = None

    def _rows(self, keys: Sequence[bytes]) -> list[tuple[bytes, bytes, int]]:
        if self._table is None:
            return []
        wanted = ", ".join("?" * len(keys))
        query = f"SELECT key, features, checksum FROM features WHERE key IN ({wanted})"
        try:
            return self._table.execute(query, keys).fetchall()
        except sqlite3.Error as error:
            self._give_up(error)
            return []

    def _key(self, digest: str, view: int) -> bytes:
        return hashlib.sha256(f"{self._backbone} {digest} {view}".encode()).digest()

    def _give_up(self, error: Exception) -> None:
        self.problem = f"features are not kept in {self._path}: {error}"
        self.close()
        if self._path is not None and is_damage(error):
            delete_table(self._path)
