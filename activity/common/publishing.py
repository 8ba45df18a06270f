"""Files that one process writes and another one gives their final names.

A worker of a cluster may be cut off and work on. It therefore writes under temporary names, and
only the process that started the run gives a complete file its name.
"""

import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from activity.common.errors import UserError
from activity.common.stores import is_stored, rename


@dataclass(frozen=True)
class Unnamed:
    """A complete file that still has a temporary name.

    Attributes:
        path: where it belongs.
        part: its temporary name, in the same folder.
    """

    path: Path
    part: str


@dataclass(frozen=True)
class Publication:
    """The files of one ``names_held_back`` block.

    Attributes:
        token: part of each temporary name.
        files: the files that are complete so far.
    """

    token: str
    files: list[Unnamed] = field(default_factory=list)


_current: ContextVar[Publication | None] = ContextVar("publication", default=None)


def current_publication() -> Publication | None:
    """Return the publication of the enclosing ``names_held_back`` block; None outside of any."""
    return _current.get()


@contextmanager
def names_held_back(token: str) -> Iterator[list[Unnamed]]:
    """Make files that ``replace_when_complete`` writes in this block keep their temporary names.

    Use it in a worker; ``publish`` then gives the files their names. If the block raises, the files
    are removed.

    Args:
        token: part of each temporary name; letters and digits.

    Yields:
        The list of complete files, which grows as they are written.
    """
    publication = Publication(token)
    earlier = _current.set(publication)
    try:
        yield publication.files
    except BaseException:
        _remove(publication.files)
        raise
    finally:
        _current.reset(earlier)


def publish(files: Sequence[Unnamed]) -> None:
    """Give complete files their final names, in the order in which they were written.

    Raises:
        UserError: the file system or the store refuses a rename; the remaining files are removed.
    """
    try:
        for file in files:
            try:
                rename(_part(file), target_of(file.path))
            except OSError as error:
                raise UserError(f"cannot write {file.path}: {error.strerror or error}") from error
    except BaseException:
        _remove(files)
        raise


def remove_unnamed(folders: Iterable[Path], tokens: Iterable[str]) -> None:
    """Remove unfinished files of processes that are gone.

    Args:
        folders: folders they wrote to; folders in stores are left alone.
        tokens: the ``token`` of each process's ``names_held_back``.
    """
    wanted = tuple(tokens)
    for folder in set(folders) if wanted else ():
        with suppress(OSError):
            for path in folder.iterdir():
                if path.name.startswith(".") and any(token in path.name for token in wanted):
                    path.unlink(missing_ok=True)


def temporary_name(path: Path) -> Path:
    """Return a hidden name beside ``path`` that no other run uses.

    Write there first, so that ``path`` never holds half a file. The name keeps the suffix, by which
    writers choose a file's format.
    """
    publication = current_publication()
    token = publication.token if publication else ""
    # Shortened, because the name may already be as long as allowed.
    name = f".{path.stem[:30]}.{token}{secrets.token_hex(4)}.part{path.suffix[:20]}"
    return path.with_name(name)


def target_of(path: Path) -> Path:
    """Return the path that links lead to, so that the file is replaced and not the link."""
    return path if is_stored(path) else Path(os.path.realpath(path))


def _part(file: Unnamed) -> Path:
    return target_of(file.path).with_name(file.part)


def _remove(files: Iterable[Unnamed]) -> None:
    for file in files:
        with suppress(OSError):
            _part(file).unlink(missing_ok=True)
