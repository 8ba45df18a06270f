"""The data file of each clip on a review page: its name and its content."""

import base64
import json
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from activity.common.regular_file import hash_file
from activity.common.stores import is_stored, public_name
from activity.common.tables import as_text
from activity.labelling.review.playable import reference
from activity.temporal.judgement import NO_LABEL
from activity.temporal.segments import UNKNOWN

INDEX = "index.html"
"""The page itself, in its folder."""

DATA = ".data"
"""Folder of the data, hidden so that train.py does not learn from the copies of clips in it."""

SUMMARY = "// "
"""Prefix of the summary, the first line of a data file."""

CALL = "takeClip("
"""Prefix of what the page shows of the clip, in the second line."""

# Where frames do not come at one rate, times are told in ticks, as steps of 16 bits. A step that
# these cannot hold is preceded by longest ones, which end no frame.
TICKS = 10_000  # in a second
LONGEST_STEP = 2**16 - 1

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
        return as_text(public_name(str(clip)))
    path = reference(clip, folder)
    return as_text(clip.name if path is None else path.as_posix())


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
    with suppress(OSError, ValueError, LookupError, TypeError):
        given = _labels_in(_read_content(data, digest), labels)
        return given if len(given) == frames else None
    return None


def read_labelled_frames(
    data: Path, digest: str, labels: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.intp]] | None:
    """Read when each frame of a clip is shown, and which label it has on the page.

    Args:
        data, digest: as in ``read_labels``.
        labels: those that the clip was labelled with.

    Returns:
        (times in seconds, ascending, up to a tick late; numbers of the labels), each of shape
        (frames,). None if the data are missing, damaged, of other content, or of other labels.
    """
    with suppress(OSError, ValueError, LookupError, TypeError):
        content = _read_content(data, digest)
        times, given = _times_in(content["timing"]), _labels_in(content, labels)
        if content["labels"] == [as_text(label) for label in labels] and len(times) == len(given):
            return times, given
    return None


def _read_content(data: Path, digest: str) -> dict[str, Any]:
    summary = read_summary(data)
    if summary is None or summary["id"] != digest:
        raise ValueError("these are no data of this clip")
    line = data.read_text(encoding="ascii").split("\n")[1]
    content: dict[str, Any] = json.loads(line.removeprefix(CALL).removesuffix(");"))
    return content


def _labels_in(content: dict[str, Any], labels: Sequence[str]) -> NDArray[np.intp]:
    number_of = {UNKNOWN: len(labels)} | {as_text(label): n for n, label in enumerate(labels)}
    starts = [start for start, *_ in content["segments"]]
    numbers = [number_of.get(label, NO_LABEL) for _, label, *_ in content["segments"]]
    return np.repeat(numbers, np.diff([*starts, content["timing"]["frames"]]))


def _times_in(timing: dict[str, Any]) -> NDArray[np.float64]:
    if "fps" in timing:
        return np.arange(timing["frames"]) / timing["fps"]
    steps = np.frombuffer(base64.b64decode(timing["steps"]), "<u2")
    ticks = np.cumsum(steps, dtype=np.int64)[steps < LONGEST_STEP]
    # They were rounded down. At the end of its tick no frame is before the segment that it starts.
    return (ticks + 0.98) / TICKS
