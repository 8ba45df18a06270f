"""Digests of files, and lengths of clips, kept from run to run, so that no file is read again."""

import os
import sqlite3
import stat
import zlib
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import av

from activity.common.sqlite_table import delete_table, is_damage, open_table

_FILE = "digests.sqlite"
_COLUMNS = (
    "path BLOB PRIMARY KEY, size INTEGER NOT NULL, modified INTEGER NOT NULL, "
    "changed INTEGER NOT NULL, inode INTEGER NOT NULL, digest TEXT NOT NULL, "
    "checksum INTEGER NOT NULL, seconds REAL"
)

# Part of the checksums: digests of earlier versions do not tell how a photo is decoded.
_VERSION = 3

# Likewise of those of clips: another FFmpeg may tell another length.
_LENGTHS = ("1", av.library_versions.get("libavformat"))

# The clock of a file system may be as coarse as two seconds (FAT).
_CLEARLY_OLDER = 3 * 10**9  # nanoseconds


class FileState(NamedTuple):
    """What a file is recognised by, besides its path. Git's index does the same.

    Attributes:
        size: in bytes.
        modified: time of the last change of its content, in nanoseconds; programs can set it.
        changed: time of the last change of anything about it, in nanoseconds; programs cannot set
            it. (On Windows: time when it was made.)
        inode: its number in the file system, another one for a file that was moved to its path.
    """

    size: int
    modified: int
    changed: int
    inode: int


class KnownFile(NamedTuple):
    """What is kept of a file: its digest, and of a clip its length in seconds."""

    digest: str
    seconds: float | None = None


class DigestIndex:
    """A table from a file's path and state to what is known of it, in one SQLite file.

    A digest is found only where the file's state is what it was, and nothing may have changed
    unseen. Each row carries a checksum, so a damaged one is not believed. Without a folder, or
    where the index cannot be used, nothing is found and nothing kept.
    """

    def __init__(self, folder: Path | None) -> None:
        """Open the index in ``folder``."""
        self._table: sqlite3.Connection | None = None
        if folder is None:
            return
        self._path = folder / _FILE
        try:
            self._table = open_table(self._path, _COLUMNS)
        except (OSError, sqlite3.Error):
            return
        # Indexes of earlier versions have no lengths. Where there are some, this is refused.
        with suppress(sqlite3.Error):
            self._table.execute("ALTER TABLE digests ADD COLUMN seconds REAL")

    def find(self, path: Path) -> KnownFile | None:
        """Look up a file as it is now; None if it is not known."""
        if self._table is None:
            return None
        key = _key(path)
        try:
            state = state_of(path)
            row = self._table.execute("SELECT * FROM digests WHERE path = ?", [key]).fetchone()
        except OSError:
            return None
        except sqlite3.Error as error:
            self._give_up(error)
            return None
        if row is None:
            return None
        *there, digest, checksum, seconds = row
        known = KnownFile(str(digest), seconds)
        same = there == [key, *state] and checksum == _checksum((key, *state, *known))
        return known if same else None

    def keep(self, path: Path, state: FileState, known: KnownFile, begun: int) -> None:
        """Keep what is known of a file.

        A file that was changed shortly before it was read may be changed again in the same tick of
        the file system's clock, and look as before: its digest is not kept.

        Args:
            path: path of the file.
            state: before it was read.
            known: of what was read.
            begun: time when reading began, in nanoseconds, as ``time.time_ns`` gives it.
        """
        if self._table is None or max(state.modified, state.changed) > begun - _CLEARLY_OLDER:
            return
        row = (_key(path), *state, *known)
        try:
            self._table.execute(
                "INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*row[:-1], _checksum(row), known.seconds),
            )
        except sqlite3.Error as error:
            self._give_up(error)

    def close(self) -> None:
        """Close the file; the index is not used after."""
        if self._table is not None:
            self._table.close()
            self._table = None

    def _give_up(self, error: sqlite3.Error) -> None:
        self.close()
        if is_damage(error):
            delete_table(self._path)


def state_of(path: Path) -> FileState:
    """Ask the file system for a file's state.

    Raises:
        OSError: it cannot be reached, or is not a regular file.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(f"{path} is not a regular file")
    # SQLite's integers have a sign, and some file systems use all 64 bits.
    inode = status.st_ino & (2**63 - 1)
    return FileState(status.st_size, status.st_mtime_ns, status.st_ctime_ns, inode)


def _key(path: Path) -> bytes:
    # As bytes: a name need not be valid text. Links are not followed: a folder that a link now
    # leads to elsewhere holds other inodes.
    return os.fsencode(Path.cwd() / path)


def _checksum(row: tuple[object, ...]) -> int:
    *file, seconds = row
    length = () if seconds is None else (seconds, *_LENGTHS)
    return zlib.crc32(repr((*file, *length, _VERSION)).encode())
