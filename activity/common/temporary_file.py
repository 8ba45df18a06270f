"""Temporary files without a name, for what memory has no room for."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from activity.common.errors import UserError


@contextmanager
def temporary_file(folder: Path | None, content: str, advice: str = "") -> Iterator[IO[bytes]]:
    """Open a file that is gone when the block, or the process, ends, however it ends.

    Args:
        folder: where the file lies; it is created if it is missing. None takes the system's
            temporary folder, which may be in memory.
        content: what the file is for, as it reads in "cannot keep <content> in <folder>".
        advice: what to do when the file cannot be created; the last words of the error.

    Raises:
        UserError: the file cannot be created.
    """
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
    except OSError as error:
        raise UserError(
            f"cannot keep {content} in {folder or tempfile.gettempdir()}: "
            f"{error.strerror or error}{advice and f'; {advice}'}"
        ) from error
    try:
        yield file
    finally:
        # On a full disk, closing tries once more to write what is no longer wanted.
        with suppress(OSError):
            file.close()
