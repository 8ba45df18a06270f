"""Rows of features: in memory, or where there are too many, in a file that is mapped into it."""

import errno
import mmap
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from activity.common.errors import UserError

# Bytes of features; more of them lie in a file.
_MOST_IN_MEMORY = 2**30

# Around each row, the system maps up to a megabyte more.
_MAPPED_ROWS_AT_ONCE = 64


def rows_of_features(count: int, size: int, folder: Path | None) -> NDArray[np.float32]:
    """Make room for features: in memory, or where they would take a gigabyte, in a mapped file.

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
    """Copy rows of features; of those in a mapped file, few are in memory at once.

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
    """Take what was read of features in a mapped file out of this process's memory.

    It is still in the system's cache of files, as long as nobody else needs the room.
    """
    if _is_mapped(features) and hasattr(mmap, "MADV_DONTNEED"):
        features._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]


def _is_mapped(features: NDArray[np.float32]) -> bool:
    return getattr(features, "_mmap", None) is not None
