"""Output files: written under a temporary name beside the target, and renamed when complete.

A worker of a cluster may be cut off and work on. It therefore leaves files under temporary names
(``keep_temporary_names``), and only the process that started the run renames them (``publish``).
"""

import json
import math
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import IO, NamedTuple

from activity.common.errors import UserError
from activity.common.interruption import delay_interrupts
from activity.common.stores import is_stored, rename, upload, upload_when_complete


class Unnamed(NamedTuple):
    """A complete file that still has a temporary name.

    Attributes:
        path: where it belongs.
        part: its temporary name, in the same folder.
    """

    path: Path
    part: str


# In a keep_temporary_names block: its token, and the files that are complete so far.
_held_back: ContextVar[tuple[str, list[Unnamed]] | None] = ContextVar("held_back", default=None)


def check_output(path: Path, what: str) -> None:
    """Create an output's parent folder and check, before hours of work, that it is writable.

    Raises:
        UserError: ``path`` is a folder or a device, or its parent folder cannot be created or
            written to.
    """
    target = _target_of(path)
    try:
        if target.is_dir():
            raise UserError(f"cannot write {what} to {path}: it is a folder; give a file name")
        if target.exists() and not target.is_file():
            # The rename would replace, for example, /dev/null with a file.
            raise UserError(f"cannot write {what} to {path}: it is a device; give a file name")
        if not is_stored(target):  # in a store, folders are only prefixes of names
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

    In a ``keep_temporary_names`` block, complete files keep their temporary names.

    Raises:
        UserError: the file system refuses to write (the disk is full, the folder was removed).
    """
    targets = [_target_of(path) for path in paths]
    temporary = [_temporary_name(target) for target in targets]
    earlier = [_temporary_name(target) for target in targets]
    try:
        with ExitStack() as stack:
            local = [stack.enter_context(upload_when_complete(part)) for part in temporary]
            yield local
            for written in local:
                # A disk may report only now that it is full, and a power failure after the rename
                # must not leave an empty file.
                with written.open("rb+") as file:
                    os.fsync(file.fileno())
        if held_back := _held_back.get():
            parts = zip(paths, temporary, strict=True)
            held_back[1].extend(Unnamed(path, part.name) for path, part in parts)
            temporary = []
            return
        for target, kept in zip(targets[:-1], earlier[:-1], strict=True):
            _keep(target, kept)
        with delay_interrupts():
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
        os.link(_target_of(path), name)
    except FileNotFoundError:
        raise
    except (AttributeError, OSError):
        # Another disk, a file system or platform without links, or another user's file.
        shutil.copyfile(path, name)


def write_json(path: Path, content: dict[str, object]) -> None:
    """Write a JSON file. NaN and infinity become null, paths become text.

    Raises:
        UserError: the file system refuses to write.
    """
    text = json.dumps(_plain(content), ensure_ascii=False, allow_nan=False, indent=2)
    with replace_when_complete(path) as (part,):
        # A path may contain bytes that are not UTF-8. Escaped with a backslash it is valid JSON.
        part.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


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


@contextmanager
def keep_temporary_names(token: str) -> Iterator[list[Unnamed]]:
    """Make files that ``replace_when_complete`` writes in this block keep their temporary names.

    Use it in a worker; ``publish`` then gives the files their names. If the block raises, the files
    are removed.

    Args:
        token: part of each temporary name; letters and digits.

    Yields:
        The list of complete files, which grows as they are written.
    """
    files: list[Unnamed] = []
    earlier = _held_back.set((token, files))
    try:
        yield files
    except BaseException:
        _remove_all(files)
        raise
    finally:
        _held_back.reset(earlier)


def publish(files: Sequence[Unnamed]) -> None:
    """Give complete files their final names, in the order in which they were written.

    Raises:
        UserError: the file system or the store refuses a rename; the remaining files are removed.
    """
    try:
        for file in files:
            try:
                rename(_part(file), _target_of(file.path))
            except OSError as error:
                raise UserError(f"cannot write {file.path}: {error.strerror or error}") from error
    except BaseException:
        _remove_all(files)
        raise


def remove_unnamed(folders: Iterable[Path], tokens: Iterable[str]) -> None:
    """Remove unfinished files of processes that are gone.

    Args:
        folders: folders they wrote to; folders in stores are left alone.
        tokens: the ``token`` of each process's ``keep_temporary_names``.
    """
    wanted = tuple(tokens)
    for folder in set(folders) if wanted else ():
        with suppress(OSError):
            for path in folder.iterdir():
                if path.name.startswith(".") and any(token in path.name for token in wanted):
                    path.unlink(missing_ok=True)


def _temporary_name(path: Path) -> Path:
    """Return a hidden name beside ``path`` that no other run uses.

    Write there first, so that ``path`` never holds half a file. The name keeps the suffix, by which
    writers choose a file's format.
    """
    held_back = _held_back.get()
    token = held_back[0] if held_back else ""
    # Shortened, because the name may already be as long as allowed.
    name = f".{path.stem[:30]}.{token}{secrets.token_hex(4)}.part{path.suffix[:20]}"
    return path.with_name(name)


def _target_of(path: Path) -> Path:
    """Return the path that links lead to, so that the file is replaced and not the link."""
    return path if is_stored(path) else Path(os.path.realpath(path))


def _part(file: Unnamed) -> Path:
    return _target_of(file.path).with_name(file.part)


def _remove_all(files: Iterable[Unnamed]) -> None:
    for file in files:
        _remove(_part(file))


def _canonical(path: Path) -> str:
    """Return a text that is equal for all paths of a file, ignoring case on macOS and Windows."""
    target = str(_target_of(path))
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


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
