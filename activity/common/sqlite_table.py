"""A cache in an SQLite file: kept from run to run, and lost without harm."""

import sqlite3
from contextlib import suppress
from pathlib import Path

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def open_table(path: Path, columns: str) -> sqlite3.Connection:
    """Open the table of a cache file; create it if it is missing or damaged.

    The table has the name of its file. Each statement is a transaction of its own, so a killed run
    keeps all it wrote. SQLite keeps the file whole through kills, and lets several runs share it,
    those of several hosts included where the file system knows locks. When the power fails, the
    file may be damaged: each row should carry a checksum.

    Args:
        path: path of the file; its folder is created.
        columns: column definitions for CREATE TABLE.

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
    """Return whether an error means that the content of an SQLite file is damaged."""
    return getattr(error, "sqlite_errorcode", None) in _DAMAGED


def delete_table(path: Path) -> None:
    """Delete a damaged table, so that the next run starts with an empty one."""
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
