"""Output files: written under a temporary name beside the target, and renamed when complete."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from activity.common.errors import UserError
from activity.common.interruption import interrupts_held_back
from activity.common.publishing import (
    Unnamed,
    current_publication,
    target_of,
    temporary_name,
)
from activity.common.stores import is_stored, rename, upload, written_here


def check_output(path: Path, what: str) -> None:
    """Create an output's parent folder and check, before hours of work, that it is writable.

    Raises:
        UserError: ``path`` is a folder or a device, or its parent folder cannot be created or
            written to.
    """
    target = target_of(path)
    try:
        if target.is_dir():
            raise UserError(f"cannot write {what} to {path}: it is a folder; give a file name")
        if target.exists() and not target.is_file():
            # The rename would replace, for example, /dev/null with a file.
            raise UserError(f"cannot write {what} to {path}: it is a device; give a file name")
        if not is_stored(target):  # in a store, folders are only prefixes of names
            target.parent.mkdir(parents=True, exist_ok=True)
        probe = temporary_name(target)
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"cannot write {what} to {path}: {error.strerror or error}; give a file name in a "
            "folder that can be written to"
        ) from error


def check_apart(outputs: Sequence[Path], inputs: Iterable[Path] = ()) -> None:
    """Check that no output overwrites another one or an input, whichever links lead to it.

    An output that is a second name of an input (a hard link) is refused, too.

    Args:
        outputs: files to write.
        inputs: files to read; some may not be there.

    Raises:
        UserError: two of ``outputs`` are the same file, or one of them is one of ``inputs``.
    """
    seen: dict[str, Path] = {}
    for path in outputs:
        first = seen.setdefault(_canonical(path), path)
        if first is not path:
            raise UserError(
                f"{first} and {path} are one file: give each output a file name of its own"
            )
    linked = {name: path for path in outputs if (name := _inode(path, least_names=2))}
    for path in inputs:
        same = seen.get(_canonical(path))
        if same is None and linked and (name := _inode(path)):
            same = linked.get(name)
        if same is not None:
            raise UserError(
                f"writing {same} would overwrite {path}, which is read: "
                "give the output another file name"
            )


def same_file(path: Path, other: Path) -> bool:
    """Tell whether two paths lead to one file that is there, or would be."""
    if _canonical(path) == _canonical(other):
        return True
    inode = _inode(path)
    return inode is not None and inode == _inode(other)


@contextmanager
def replace_when_complete(*paths: Path) -> Iterator[list[Path]]:
    """Yield temporary paths to write to; on a clean exit, rename each to its target.

    Use it for every output. Files that belong together (a model and its labels) are given together:
    all renames happen at the end, Ctrl-C waits for them, and if one fails, the others are undone.
    On any exception, the temporary files are removed and existing files stay as they are. Links are
    followed, and stay links.

    In a ``names_held_back`` block, complete files keep their temporary names.

    Raises:
        UserError: the file system refuses to write (the disk is full, the folder was removed).
    """
    targets = [target_of(path) for path in paths]
    temporary = [temporary_name(target) for target in targets]
    earlier = [temporary_name(target) for target in targets]
    try:
        with ExitStack() as stack:
            local = [stack.enter_context(written_here(part)) for part in temporary]
            yield local
            for written in local:
                _flush_to_disk(written)
        if publication := current_publication():
            parts = zip(paths, temporary, strict=True)
            publication.files.extend(Unnamed(path, part.name) for path, part in parts)
            temporary = []
            return
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
    """Yield a temporary folder to fill; on a clean exit, rename it to ``folder``.

    If another run completes the same folder first, that folder is kept.

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


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Lock a folder against other processes of this machine that lock it, too.

    Use it so that only one of them does work whose result they share. Where there are no locks (on
    Windows, on some network disks), nobody waits.

    Raises:
        OSError: the folder cannot be created.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def give_second_name(path: Path, name: Path) -> None:
    """Give a file a second name: a hard link, or a copy where links are not possible.

    Unlike a symbolic link, a hard link needs no privilege on Windows.

    Raises:
        OSError: the file does not exist, or cannot be copied.
    """
    try:
        os.link(target_of(path), name)
    except FileNotFoundError:
        raise
    except (AttributeError, OSError):
        # Another disk, a file system or platform without links, or another user's file.
        shutil.copyfile(path, name)


def _canonical(path: Path) -> str:
    """Return a text that is equal for all paths of a file, ignoring case on macOS and Windows."""
    target = str(target_of(path))
    return target.casefold() if sys.platform in ("darwin", "win32") else target


def _inode(path: Path, least_names: int = 1) -> tuple[int, int] | None:
    """Return what a file is under all its names; None if there is none, or it has fewer names."""
    if is_stored(path):
        return None
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if status.st_nlink >= least_names else None


def _flush_to_disk(path: Path) -> None:
    # A disk may report only now that it is full, and a power failure after the rename must not
    # leave an empty file.
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _keep(path: Path, kept: Path) -> None:
    """Give an existing file a second name, so that it can be restored."""
    with suppress(FileNotFoundError):
        if not is_stored(path):
            give_second_name(path, kept)
        elif path.exists():
            upload(path, kept)


def _remove(path: Path) -> None:
    # Windows cannot remove a file that a failed writer still has open.
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
