"""Features kept from run to run, so that no photo goes through the backbone twice."""

import hashlib
import sqlite3
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_FILE = "features.sqlite"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


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
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._table = _open_table(self._path)
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorcode not in _DAMAGED:
                    raise
                _delete_table(self._path)
                self._table = _open_table(self._path)
        except (OSError, sqlite3.Error) as error:
            self._give_up(error)

    def get(self, digest: str, view: int) -> NDArray[np.float32] | None:
        """Look up the features of a photo's view; None where they are not known."""
        if self._table is None:
            return None
        try:
            row = self._table.execute(
                "SELECT features, checksum FROM features WHERE key = ?", [self._key(digest, view)]
            ).fetchone()
        except sqlite3.Error as error:
            self._give_up(error)
            return None
        if row is None or zlib.crc32(row[0]) != row[1]:
            return None
        return np.frombuffer(row[0], "<f4")

    def put(self, digest: str, view: int, features: NDArray[np.float32]) -> None:
        """Keep the features of a photo's view."""
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

    def _key(self, digest: str, view: int) -> bytes:
        return hashlib.sha256(f"{self._backbone} {digest} {view}".encode()).digest()

    def _give_up(self, error: Exception) -> None:
        self.problem = f"features are not kept in {self._path}: {error}"
        self.close()
        if self._path is not None and getattr(error, "sqlite_errorcode", None) in _DAMAGED:
            with suppress(OSError):  # on Windows, while another run has it open
                _delete_table(self._path)


def _open_table(path: Path) -> sqlite3.Connection:
    # Each statement is a transaction of its own: a killed run keeps all it computed.
    table = sqlite3.connect(path, timeout=30, isolation_level=None)
    try:
        table.execute("PRAGMA journal_mode = WAL")
        table.execute("PRAGMA synchronous = NORMAL")
        table.execute(
            "CREATE TABLE IF NOT EXISTS features "
            "(key BLOB PRIMARY KEY, features BLOB NOT NULL, checksum INTEGER NOT NULL)"
        )
    except sqlite3.Error:
        table.close()  # or Windows would not let it be deleted
        raise
    return table


def _delete_table(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
