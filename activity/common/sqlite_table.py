"""A table in an SQLite file that is kept from run to run, and can be lost without harm."""

import sqlite3
from contextlib import suppress
from pathlib import Path

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def open_table(path: Path, columns: str) -> sqlite3.Connection:
    """Open the table that is named as its file is; where there is none, or it is damaged, make it.

    Each statement is a transaction of its own: a killed run keeps all it wrote. SQLite keeps the
    file whole through kills, and lets several runs share it, those of several hosts included where
    the file system knows locks. When the power fails, the file may be damaged: each row should
    carry a checksum.

    Args:
        path: path of the file; its folder is made.
        columns: as CREATE TABLE takes them.

    Raises:
        OSError, sqlite3.Error: the file cannot be used.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _open(path, columns)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        _delete(path)
        return _open(path, columns)


def is_damage(error: Exception) -> bool:
    """Tell whether an error of SQLite's means that the file's content is damaged."""
    return getattr(error, "sqlite_errorcode", None) in _DAMAGED


def delete_table(path: Path) -> None:
    """Delete a table that is damaged, so that the next run starts anew."""
    with suppress(OSError):  # on Windows, while another run has it open
        _delete(path)


def _open(path: Path, columns: str) -> sqlite3.Connection:
    table = sqlite3.connect(path, timeout=30, isolation_level=None)
    try:
        # Not WAL: it needs memory that all who have the file open share, which hosts with one home
        # on NFS do not (https://sqlite.org/wal.html). This journal needs only the locks of files.
        table.execute("PRAGMA journal_mode = TRUNCATE")
        # Waiting for the disk after each row would take ten times as long as the row, and guards
        # only against a power failure, after which damage is noticed.
        table.execute("PRAGMA synchronous = OFF")
        table.execute(f"CREATE TABLE IF NOT EXISTS {path.stem} ({columns})")
    except sqlite3.Error:
        table.close()  # or Windows would not let it be deleted
        raise
    return table


def _delete(path: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
