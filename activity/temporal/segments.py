"""Segments of a clip: which label, from which second to which; as a table that a person can edit.

The same table is what ``predict_video.py --segments`` writes and what ``--truth`` judges by: UTF-8,
with the header ``start,end,label``.
"""

import csv
import math
from collections.abc import Collection, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from activity.common.errors import UserError

UNKNOWN = "unknown"
"""The label of footage of none of the activities."""

HEADER = ("start", "end", "label")

_EXAMPLE = "0,4.5,tennis"
_LARGEST_FILE = 2**26  # bytes: a million segments


class Segment(NamedTuple):
    """From ``start`` to ``end`` (not in it), in seconds from a clip's first frame.

    An empty label says that nobody knows what is shown.
    """

    start: float
    end: float
    label: str


def read_segments(path: Path, labels: Collection[str] | None = None) -> list[Segment]:
    """Read a table of segments.

    Args:
        path: of a table as this module describes it. A byte order mark, and Windows' line ends,
            are what spreadsheets write, and do no harm.
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
    rows = _read_rows(path)
    number, header = next(rows, (1, []))
    if tuple(cell.strip().lower() for cell in header) != HEADER:
        raise UserError(
            f"{path}, line {number}: the first line should be {','.join(HEADER)}, "
            f"not {','.join(header)[:60]!r}"
        )
    numbered = sorted((_segment(path, line, row, labels), line) for line, row in rows)
    for (before, earlier), (segment, line) in pairwise(numbered):
        if segment.start < before.end:
            raise UserError(
                f"{path}, line {line}: this segment starts at {segment.start:g} s, before that of "
                f"line {earlier} ends ({before.end:g} s)"
            )
    return [segment for segment, _ in numbered]


def _read_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        if not path.is_file():
            raise UserError(f"no table of segments at {path}: give a file with {','.join(HEADER)}")
        if path.stat().st_size > _LARGEST_FILE:
            raise UserError(f"{path} is too large to be a table of segments")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8: save it again as CSV in UTF-8") from error
    rows = csv.reader(text.splitlines(), strict=True)
    try:
        for row in rows:
            if any(cell.strip() for cell in row):
                yield rows.line_num, row
    except csv.Error as error:
        raise UserError(f"{path}, line {rows.line_num}: {error}") from error


def _segment(path: Path, line: int, row: list[str], labels: Collection[str] | None) -> Segment:
    if len(row) != len(HEADER):
        raise UserError(
            f"{path}, line {line}: {len(row)} values instead of {len(HEADER)}; a line looks like "
            f"{_EXAMPLE}"
        )
    label = row[2].strip()
    try:
        start, end = float(row[0]), float(row[1])
    except ValueError as error:
        raise UserError(
            f"{path}, line {line}: {row[0][:20]!r} and {row[1][:20]!r} are not both numbers of "
            f"seconds; a line looks like {_EXAMPLE}"
        ) from error
    if not 0 <= start < end < math.inf:
        raise UserError(
            f"{path}, line {line}: a segment cannot go from {start:g} to {end:g} seconds"
        )
    if labels is not None and label not in labels and label not in ("", UNKNOWN):
        raise UserError(
            f"{path}, line {line}: {label[:60]!r} is none of the labels: "
            f"{', '.join([*sorted(labels)[:12], UNKNOWN])}"
        )
    return Segment(start, end, label)
