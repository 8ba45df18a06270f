"""Output files: written under a temporary name beside the target, renamed when complete."""

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from activity.common.errors import UserError
from activity.common.interruption import interrupts_held_back
from activity.common.stores import is_stored, rename, upload, written_here


def check_output(path: Path, what: str) -> None:
    """Make the parent folder of an output and prove, before hours of work, that it is writable.

    Raises:
        UserError: ``path`` is a folder or a device, or its parent cannot be made or written to.
    """
    target = _target(path)
    try:
        if target.is_dir():
            raise UserError(f"cannot write {what} to {path}: it is a folder; give a file name")
        if target.exists() and not target.is_file():
            # The rename would put a file in the place of, say, /dev/null.
            raise UserError(f"cannot write {what} to {path}: it is a device; give a file name")
        if not is_stored(target):  # there, folders are but the beginnings of names
            target.parent.mkdir(parents=True, exist_ok=True)
        probe = _temporary_name(target)
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"cannot write {what} to {path}: {error.strerror or error}; give a file name in a "
            "folder that can be written to"
        ) from error


def check_apart(outputs: Sequence[Path], inputs: Iterable[Path] = ()) -> None:
    """Make sure that no output overwrites another, or an input, under whatever spelling or link.

    Raises:
        UserError: two of ``outputs`` are one file, or one of them is one of ``inputs``.
    """
    seen: dict[str, Path] = {}
    for path in outputs:
        same = seen.setdefault(_canonical(path), path)
        if same is not path:
            raise UserError(
                f"{same} and {path} are one file: give each output a file name of its own"
            )
    for path in inputs:
        if _canonical(path) in seen:
            raise UserError(
                f"writing {seen[_canonical(path)]} would overwrite {path}, which is read: "
                "give the output another file name"
            )


@contextmanager
def replace_when_complete(*paths: Path) -> Iterator[list[Path]]:
    """Yield temporary paths to write to; on a clean exit rename each to its target.

    The renames happen together at the end, so that files which belong together (a model and
    its labels) change together: Ctrl-C waits for them, and where one fails the others are taken
    back. On any exception the temporary files are removed and whatever stood at the targets
    before is left as it was. A link is followed, and stays a link.

    Raises:
        UserError: the file system refuses to write (a full disk, a folder taken away).
    """
    targets = [_target(path) for path in paths]
    temporary = [_temporary_name(target) for target in targets]
    earlier = [_temporary_name(target) for target in targets]
    try:
        with ExitStack() as stack:
            local = [stack.enter_context(written_here(part)) for part in temporary]
            yield local
            for written in local:
                _flush_to_disk(written)
        for target, kept in zip(targets[:-1], earlier[:-1], strict=True):
            _keep(target, kept)
        with interrupts_held_back():
            _rename_all(temporary, targets, earlier)
    except OSError as error:
        names = ", ".join(str(path) for path in paths)
        raise UserError(
            f"cannot write {names}: {error.strerror or error}; what was there before is unchanged"
        ) from error
    finally:
        for leftover in temporary + earlier:
            _remove(leftover)


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


def give_second_name(path: Path, name: Path) -> None:
    """Let a file be found under another name, too: by a link, or as a copy where there are none.

    A hard link, which needs no privilege on Windows, as a symbolic one does.

    Raises:
        OSError: the file is not there, or cannot be copied.
    """
    try:
        os.link(_target(path), name)
    except FileNotFoundError:
        raise
    except (AttributeError, OSError):
        # Another disk, a file system or a platform without links, a file of somebody else.
        shutil.copyfile(path, name)


def _temporary_name(path: Path) -> Path:
    """Make up a hidden name beside ``path`` that no other run uses.

    The suffix stays last: writers choose a file's format by it.
    """
    # Shortened, because a name that is as long as allowed has no room for more.
    return path.with_name(f".{path.stem[:30]}.{secrets.token_hex(4)}.part{path.suffix[:20]}")


def _target(path: Path) -> Path:
    """Follow links, so that the file is replaced and not the link to it."""
    return path if is_stored(path) else Path(os.path.realpath(path))


def _canonical(path: Path) -> str:
    """Spell a path as every other spelling of the same file: there, case makes no difference."""
    target = str(_target(path))
    return target.casefold() if sys.platform in ("darwin", "win32") else target


def _flush_to_disk(path: Path) -> None:
    # A disk may report only now that it is full, and a power cut after the rename must not
    # leave an empty file.
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _keep(path: Path, kept: Path) -> None:
    """Give a file a second name; where there is no file yet there is nothing to keep."""
    with suppress(FileNotFoundError):
        if not is_stored(path):
            give_second_name(path, kept)
        elif path.exists():
            upload(path, kept)


def _remove(path: Path) -> None:
    # Windows does not remove a file that a failed writer still has open.
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _rename_all(temporary: list[Path], targets: list[Path], earlier: list[Path]) -> None:
    done = 0
    try:
        for written, target in zip(temporary, targets, strict=True):
            rename(written, target)
            done += 1
    except OSError:
        for kept, target in list(zip(earlier, targets, strict=True))[:done]:
            if kept.exists():
                rename(kept, target)
            else:
                target.unlink()
        raise
