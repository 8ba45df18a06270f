"""Check and hash files. Only regular ones are opened: opening a pipe would wait for ever."""

import errno
import hashlib
import stat
from collections.abc import Callable
from pathlib import Path

from activity.common.interruption import LeftUnfinishedError

_CHUNK = 2**18


def check_regular_file(path: Path) -> int:
    """Make sure that a file can be opened without waiting, and return its size in bytes.

    Raises:
        OSError: it cannot be reached, or is not a regular file.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return status.st_size


def hash_file(path: Path, interrupted: Callable[[], bool] = lambda: False) -> str:
    """Hash a file's content, by which it is known under any name.

    Args:
        path: path of the file.
        interrupted: asked after each block; return True to end early. By default, never.

    Returns:
        SHA-256 as 64 hexadecimal digits.

    Raises:
        LeftUnfinishedError: ``interrupted`` returned True.
        OSError: the file cannot be read, or is not a regular file.
    """
    check_regular_file(path)
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            if interrupted():
                raise LeftUnfinishedError
    return digest.hexdigest()
