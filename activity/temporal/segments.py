"""Segments of a clip: which label, from which second to which; as a table that a person can edit.

The same table is what ``predict_video.py --segments`` writes and what ``--truth`` judges by: UTF-8,
with the header ``start,end,label``. With a column ``clip`` in front, one table holds the segments
of many clips; with ``clip`` and ``region``, those of their regions.
"""

import math
from collections.abc import Collection
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from activity.common.errors import UserError
from activity.common.nearest import nearest
from activity.common.tables import from_text, header_of, rows_below

UNKNOWN = "unknown"
"""The label of footage of none of the activities."""

HEADER = ("start", "end", "label")
HEADER_OF_CLIPS = ("clip", *HEADER)
HEADER_OF_REGIONS = ("clip", "region", *HEADER)
HEADERS_OF_MANY = (HEADER_OF_CLIPS, HEADER_OF_REGIONS)

_ROUNDED = 0.000501
"""Seconds: half a millisecond, to which some files round times, and the microsecond of tables."""


class Segment(NamedTuple):
    """From ``start`` to ``end`` (not in it), in seconds by the clock of a player.

    An empty label says that nobody knows what is shown.
    """

    start: float
    end: float
    label: str


def read_segments(path: Path, labels: Collection[str] | None = None) -> list[Segment]:
    """Read a table of segments.

    Args:
        path: path of a table as this module describes it. A byte order mark, and Windows' line
            ends, are what spreadsheets write, and do no harm.
        labels: that may stand in it, besides ``unknown`` and none; None allows any.

    Returns:
        The segments in the order of time. Between them there may be gaps.

    Raises:
        UserError: the file cannot be read, is no such table, or has a segment that ends before it
            starts, overlaps another, or has a label that is none of ``labels``.

    Example:
        >>> read_segments(Path("match.csv"), ["football", "tennis"])
        [Segment(start=0.0, end=4.5, label='tennis'),
         Segment(start=4.5, end=60.0, label='unknown')]
    """
    return _read(path, HEADER, labels).get(NamedPart(), [])


class NamedPart(NamedTuple):
    """What a table calls a clip, and the region of it that the segments are about.

    An empty clip is the only one there is; an empty region stands for the whole frame.
    """

    clip: str = ""
    region: str = ""

    def __str__(self) -> str:
        return f"{self.clip} ({self.region})" if self.region else self.clip


def read_segments_of_clips(
    path: Path, labels: Collection[str] | None = None
) -> dict[NamedPart, list[Segment]]:
    """Read a table of the segments of many clips: ``clip,start,end,label``.

    Behind ``clip`` there may be a column ``region``.

    Args:
        path: path of the table.
        labels: as in ``read_segments``.

    Returns:
        The segments of each clip, or region of one, in the order of time.

    Raises:
        UserError: as in ``read_segments``; or a line names no clip.
    """
    has_regions = header_of(path) == HEADER_OF_REGIONS
    return _read(path, HEADER_OF_REGIONS if has_regions else HEADER_OF_CLIPS, labels)


def latest_starts(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return when a segment that begins with a frame starts at the latest, for each frame.

    Files round times, some of them to milliseconds: a segment may start a little after its first
    frame. That is the nearest frame, even where a millisecond has several.

    Args:
        times: times of the frames in seconds, shape (frames,).

    Returns:
        Seconds, shape (frames,). A frame lies in a segment that starts by then, and ends after it.
    """
    steps = np.diff(times, append=np.inf)
    return times + np.clip(steps / 2, 0, _ROUNDED)


def _read(
    path: Path, header: tuple[str, ...], labels: Collection[str] | None
) -> dict[NamedPart, list[Segment]]:
    named = len(header) - len(HEADER)
    example = ",".join([*("match.mp4", "left")[:named], "0,4.5,tennis"])
    numbered: dict[NamedPart, list[tuple[Segment, int]]] = {}
    for line, row in rows_below(path, "table of segments", header, example):
        part = NamedPart(*row[:named])
        where = f"{path}, line {line}"
        if named and not part.clip.strip():
            raise UserError(f"{where}: it does not say which clip it is about")
        segment = _segment(where, row[named:], labels, example)
        numbered.setdefault(part, []).append((segment, line))
    return {part: _in_order(path, segments) for part, segments in numbered.items()}


def _in_order(path: Path, numbered: list[tuple[Segment, int]]) -> list[Segment]:
    numbered = sorted(numbered)
    for (before, earlier), (segment, line) in pairwise(numbered):
        if segment.start < before.end:
            raise UserError(
                f"{path}, line {line}: this segment starts at {segment.start:g} s, before that of "
                f"line {earlier} ends ({before.end:g} s)"
            )
    return [segment for segment, _ in numbered]


def _segment(where: str, row: list[str], labels: Collection[str] | None, example: str) -> Segment:
    label = from_text(row[2])
    try:
        start, end = float(row[0]), float(row[1])
    except ValueError as error:
        raise UserError(
            f"{where}: {row[0][:20]!r} and {row[1][:20]!r} are not both numbers of "
            f"seconds; a line looks like {example}"
        ) from error
    if not 0 <= start < end < math.inf:
        raise UserError(f"{where}: a segment cannot go from {start:g} to {end:g} seconds")
    if labels is not None and label not in labels and label not in ("", UNKNOWN):
        raise UserError(
            f"{where}: {label[:60]!r} is none of the labels: "
            f"{', '.join([*sorted(labels)[:12], UNKNOWN])}{nearest(label, labels)}"
        )
    return Segment(start, end, label)
