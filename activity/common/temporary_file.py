"""Temporary files for data that do not fit into memory."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from activity.common.errors import UserError


@contextmanager
def temporary_file(folder: Path | None, content: str, advice: str = "") -> Iterator[IO[bytes]]:
    """Open an unnamed file that vanishes when the block or the process ends, even by a kill.

    Args:
        folder: folder on whose disk the file lies; it is created. None takes the system's temporary
            folder, which may be in memory.
        content: what the file is for, for the message "cannot keep <content> in <folder>".
        advice: what to do if the file cannot be created: the end of that message (default: none).

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
