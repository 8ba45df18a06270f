"""The data that a page keeps of each clip: how their files are named, and what they say."""

import json
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from activity.common.regular_file import hash_file
from activity.common.stores import is_stored, public_name
from activity.labelling.review.playable import reference
from activity.temporal.judgement import NO_LABEL
from activity.temporal.segments import UNKNOWN

DATA = ".data"
"""Folder of the data: hidden, since copies are no clips to learn from for train.py."""

SUMMARY = "// "
"""Stands before the summary, which is the first line of a clip's file."""

CALL = "takeClip("
"""Stands before what the page shows of the clip, in the second line."""

_KEYS = {"id", "name", "clip", "label", "doubt", "seconds", "doubtful"}


def data_file(folder: Path, name: str) -> Path:
    """Where the data of the clip with that name are written."""
    return folder / DATA / f"{name}.js"


def copy_file(folder: Path, name: str) -> Path:
    """Where a copy of the clip with that name is written, if it needs one."""
    return folder / DATA / f"{name}.mp4"


def page_and_name(data: Path) -> tuple[Path, str]:
    """Tell from a file of ``data_file`` the folder of the page and the name of the clip."""
    return data.parent.parent, data.name.removesuffix(".js")


def data_of_clip(folder: Path, name: str, clip: Path) -> Path:
    """Where the data of a clip are, or are to be written: another clip's are left alone.

    Args:
        folder: folder of the page.
        name: what the clip is called. If another clip has that name on the page, it is called
            ``name~2``, ``name~3`` and so on.
        clip: path of the clip, or its address in a store.
    """
    names = chain([name], (f"{name}~{number}" for number in count(2)))
    files = (data_file(folder, candidate) for candidate in names)
    return next(file for file in files if not _is_of_another(file, folder, clip))


def _is_of_another(data: Path, folder: Path, clip: Path) -> bool:
    summary = read_summary(data)
    if summary is None:
        return False
    has_place = is_stored(clip) or reference(clip, folder) is not None
    if has_place and summary["clip"] == name_in_tables(folder, clip):
        return False  # even if it has been edited
    try:
        return is_stored(clip) or summary["id"] != hash_file(clip)
    except OSError:  # it is said later what is wrong with it
        return False


def name_in_tables(folder: Path, clip: Path) -> str:
    """How a table names a clip: relative to the page's folder, else by its name alone."""
    if is_stored(clip):
        return as_text(public_name(str(clip)))
    path = reference(clip, folder)
    return as_text(clip.name if path is None else path.as_posix())


def as_text(name: str) -> str:
    """Spell out the bytes of a name that are not UTF-8, as tables of segments do."""
    return name.encode("utf-8", "backslashreplace").decode()


def read_summary(data: Path) -> dict[str, Any] | None:
    """Read the first line of a clip's data; None if the file is not one of ours."""
    try:
        with data.open(encoding="ascii") as file:
            summary = json.loads(file.readline().removeprefix(SUMMARY))
        return summary if summary.keys() == _KEYS else None
    except (OSError, ValueError, AttributeError):
        return None


def read_labels(
    data: Path, digest: str, frames: int, labels: Sequence[str]
) -> NDArray[np.intp] | None:
    """Read which label each frame of a clip has on the page.

    Args:
        data: the clip's file there.
        digest: SHA-256 of the clip's content.
        frames: how many frames it has.
        labels: whose numbers to give.

    Returns:
        Shape (frames,): the number of each frame's label; ``len(labels)`` for ``unknown`` where it
        is none of them, ``NO_LABEL`` for any other. None if the data are missing, damaged, or
        of other content.
    """
    summary = read_summary(data)
    if summary is None or summary["id"] != digest:
        return None
    number_of = {UNKNOWN: len(labels)} | {as_text(label): n for n, label in enumerate(labels)}
    try:
        line = data.read_text(encoding="ascii").split("\n")[1]
        content = json.loads(line.removeprefix(CALL).removesuffix(");"))
        starts = [start for start, *_ in content["segments"]]
        numbers = [number_of.get(label, NO_LABEL) for _, label, *_ in content["segments"]]
        given = np.repeat(numbers, np.diff([*starts, content["timing"]["frames"]]))
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return given if len(given) == frames else None
