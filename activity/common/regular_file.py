"""Check, read and hash files. Only regular ones are opened: opening a pipe would wait for ever."""

import errno
import hashlib
import stat
from collections.abc import Callable
from pathlib import Path

from activity.common.errors import UserError
from activity.common.interruption import LeftUnfinishedError

_CHUNK = 2**18
_LARGEST_TEXT = 2**26  # bytes: a table of a million lines


def check_regular_file(path: Path) -> int:
    """Make sure that a file can be opened without waiting, and return its size in bytes.

    Raises:
        OSError: it cannot be reached, or is not a regular file.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return status.st_size


def read_text(path: Path, kind: str, header: str | None = None) -> str:
    """Read a file as text in UTF-8; a byte order mark is accepted.

    Args:
        path: path of the file.
        kind: what it should be, for messages, such as ``"table of segments"``.
        header: of a table, for messages. None (default): it is none, and its line ends become
            those of Python.

    Raises:
        UserError: the file is missing, not a regular file, larger than any such file, or not UTF-8.
    """
    try:
        if not path.is_file():
            wanted = f": give a file with {header}" if header else ""
            raise UserError(f"no {kind} at {path}{wanted}")
        if path.stat().st_size > _LARGEST_TEXT:
            raise UserError(f"{path} is too large to be a {kind}")
        with path.open(encoding="utf-8-sig", newline="" if header else None) as file:
            return file.read()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        form = "as CSV in UTF-8" if header else "in UTF-8"
        raise UserError(f"{path} is not UTF-8: save it again {form}") from error


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
