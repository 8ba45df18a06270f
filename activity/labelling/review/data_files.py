"""The data file of each clip on a review page: its name and its content."""

import json
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from activity.common.regular_file import hash_file
from activity.common.stores import is_stored
from activity.labelling.review.playable import reference
from activity.temporal.judgement import NO_LABEL
from activity.temporal.segments import UNKNOWN

DATA = ".data"
"""Folder of the data, hidden so that train.py does not learn from the copies of clips in it."""

SUMMARY = "// "
"""Prefix of the summary, the first line of a data file."""

CALL = "takeClip("
"""Prefix of what the page shows of the clip, in the second line."""

_KEYS = {"id", "name", "clip", "label", "doubt", "seconds", "doubtful"}


def data_file(folder: Path, name: str) -> Path:
    """Return the path of the data of the clip with that name."""
    return folder / DATA / f"{name}.js"


def copy_file(folder: Path, name: str) -> Path:
    """Return the path of the copy of the clip with that name, if it needs one."""
    return folder / DATA / f"{name}.mp4"


def page_and_name(data: Path) -> tuple[Path, str]:
    """Return the folder of the page and the clip's name: the inverse of ``data_file``."""
    return data.parent.parent, data.name.removesuffix(".js")


def data_of_clip(folder: Path, name: str, clip: Path) -> Path:
    """Choose the data file of a clip, so that no data of another clip are overwritten.

    Args:
        folder: folder of the page.
        name: name of the clip. If another clip has that name on the page, this one becomes
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
    except OSError:  # reported later
        return False


def name_in_tables(folder: Path, clip: Path) -> str:
    """Name a clip as tables do: its path relative to the page's folder, or its file name alone."""
    if is_stored(clip):
        # Without a password or signature, which would let others read it.
        scheme, host, place, *_ = urlsplit(str(clip))
        return as_text(f"{scheme}://{host.rpartition('@')[2]}{place}")
    path = reference(clip, folder)
    return as_text(clip.name if path is None else path.as_posix())


def as_text(name: str) -> str:
    """Escape the bytes of a name that are not UTF-8, as tables of segments do."""
    return name.encode("utf-8", "backslashreplace").decode()


def read_summary(data: Path) -> dict[str, Any] | None:
    """Read the summary of a clip's data; None if the file is no data file of a page."""
    try:
        with data.open(encoding="ascii") as file:
            summary = json.loads(file.readline().removeprefix(SUMMARY))
        return summary if summary.keys() == _KEYS else None
    except (OSError, ValueError, AttributeError):
        return None


def read_labels(
    data: Path, digest: str, frames: int, labels: Sequence[str]
) -> NDArray[np.intp] | None:
    """Read the label of each frame on a page, to compare an earlier run with this one.

    Args:
        data: the clip's data file.
        digest: SHA-256 of the clip's content.
        frames: number of its frames.
        labels: the labels to index.

    Returns:
        Indices into ``labels``, shape (frames,); ``len(labels)`` for ``unknown`` if it is not among
        them, ``NO_LABEL`` for any other label. None if the data are missing, damaged, or of another
        content.
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
