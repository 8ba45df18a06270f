"""Files that are read whole: only regular ones, since opening a pipe would wait for ever."""

import errno
import hashlib
import stat
from pathlib import Path


def check_regular_file(path: Path) -> int:
    """Return a file's size in bytes.

    Raises:
        OSError: it cannot be reached, or is not a regular file.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return status.st_size


def hash_file(path: Path) -> str:
    """Hash a file's content: SHA-256, as 64 hexadecimal digits.

    Raises:
        OSError: it cannot be read, or is not a regular file.
    """
    check_regular_file(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
