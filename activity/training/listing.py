"""Which files and folders lie in a folder of a data set."""

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imutils import paths

from activity.common.errors import UserError
from activity.common.stores import is_stored, list_files

# What file servers, archivers and operating systems put beside people's files. Names that begin
# with a dot (.AppleDouble, .ipynb_checkpoints) are left out as hidden.
_JUNK = {
    "#recycle",
    "$recycle.bin",
    "@eadir",
    "__macosx",
    "lost+found",
    "system volume information",
}


@dataclass(frozen=True)
class Listing:
    """What lies in a folder, by paths relative to it; hidden files and folders are left out.

    Attributes:
        files: all of them.
        folders: all of them, those in an object store excepted, where a folder without files
            does not exist.
        not_followed: links to folders that are listed already, or that would lead in a circle.
    """

    files: list[Path]
    folders: list[Path]
    not_followed: list[Path]


def list_dataset(dataset: Path) -> Listing:
    """List a folder of a data set. Links to other folders are followed, each target once.

    Raises:
        UserError: there is no such folder, or its store cannot be reached.
    """
    if is_stored(dataset):
        if not dataset.is_dir():
            raise UserError(_no_folder(dataset))
        stored = [Path(name) for name in list_files(dataset)]
        return Listing([file for file in stored if _is_visible(file)], [], [])
    # Path.is_dir raises on names that it cannot look up.
    if not os.path.isdir(dataset):  # noqa: PTH112
        raise UserError(_no_folder(dataset))
    listing = Listing([], [], [])
    walked: set[Path] = set()
    above_walked: set[Path] = set()
    waiting = deque([dataset])
    while waiting:
        folder = waiting.popleft()
        target = Path(os.path.realpath(folder))
        listed_by = {*_lists(target)}
        if target in above_walked or listed_by & walked:
            listing.not_followed.append(folder.relative_to(dataset))
            continue
        walked.add(target)
        above_walked |= listed_by
        if folder != dataset:
            listing.folders.append(folder.relative_to(dataset))
        found = [Path(path).relative_to(dataset) for path in paths.list_files(folder)]
        listing.files.extend(file for file in found if _is_visible(file))
        for inner in _folders_below(folder):
            if inner.is_symlink():
                waiting.append(inner)
            else:
                listing.folders.append(inner.relative_to(dataset))
    return listing


def _no_folder(dataset: Path) -> str:
    return f"no folder of photos at {dataset}: give --dataset a folder that exists"


def _folders_below(folder: Path) -> Iterator[Path]:
    """Yield all visible folders below; links to folders are yielded, and not followed."""
    for parent, names, _ in os.walk(folder):
        names[:] = sorted(name for name in names if _is_visible(Path(name)))
        yield from (Path(parent, name) for name in names)


def _is_visible(relative: Path) -> bool:
    return not any(part.startswith(".") or part.lower() in _JUNK for part in relative.parts)


def _lists(folder: Path) -> Iterator[Path]:
    """Yield the folders that list this one when they are walked: itself, and those above it."""
    yield folder
    while folder != folder.parent and _is_visible(Path(folder.name)):
        folder = folder.parent
        yield folder
