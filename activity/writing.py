"""Output files: written under a temporary name beside the target, renamed when complete."""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from activity.errors import UserError


def check_output(path: Path, what: str) -> None:
    """Make the parent folder of an output and prove, before hours of work, that it is writable.

    Raises:
        UserError: ``path`` is a folder, or its parent cannot be made or written to.
    """
    if path.is_dir():
        raise UserError(f"cannot write {what} to {path}: it is a folder; give a file name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe = _temporary_name(path)
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise UserError(f"cannot write {what} to {path}: {error.strerror}") from error


@contextmanager
def replace_when_complete(*paths: Path) -> Iterator[list[Path]]:
    """Yield temporary paths to write to; on a clean exit rename each to its target.

    The renames happen together at the end, so that files which belong together (a model and
    its labels) change together. On any exception the temporary files are removed and whatever
    stood at the targets before is left as it was.

    Raises:
        UserError: the file system refuses to write (a full disk, a folder taken away).
    """
    temporary = [_temporary_name(path) for path in paths]
    try:
        yield temporary
        for written, path in zip(temporary, paths, strict=True):
            written.replace(path)
    except OSError as error:
        names = ", ".join(str(path) for path in paths)
        raise UserError(f"cannot write {names}: {error.strerror or error}") from error
    finally:
        for written in temporary:
            written.unlink(missing_ok=True)


@contextmanager
def folder_when_complete(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder to fill; on a clean exit it becomes ``folder``.

    Where another run completes the same folder first, that one stays.

    Raises:
        OSError: the file system refuses to write.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=folder.parent, prefix=".", ignore_cleanup_errors=True
    ) as part:
        yield Path(part)
        try:
            Path(part).rename(folder)
        except OSError:
            if not folder.is_dir():
                raise


def _temporary_name(path: Path) -> Path:
    # The suffix stays last: writers choose a file's format by it.
    return path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")
