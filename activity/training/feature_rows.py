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


def rows_of_features(count: int, size: int, folder: Path | None) -> NDArray[np.float32]:
    """Make room for features: in memory, or where they would take a gigabyte, in a mapped file.

    Args:
        count: rows.
        size: of a feature vector.
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


def let_go(features: NDArray[np.float32]) -> None:
    """Take what was read of features in a mapped file out of this process's memory.

    It is still in the system's cache of files, as long as nobody else needs the room.
    """
    mapped = getattr(features, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)
