"""Labels of Audacity (https://manual.audacityteam.org/man/importing_and_exporting_labels.html)."""

import re
from collections.abc import Sequence
from pathlib import Path

from activity.common.errors import UserError
from activity.temporal.formats.annotations import (
    Annotations,
    LabelledMedia,
    NamedSegments,
    Wanted,
    as_text,
    from_text,
    in_order,
    start_of,
)
from activity.temporal.segments import Segment

# Where the system has decimal commas, some releases write them.
_TIMES = re.compile(rb"[ \t]*\d+(?:[.,]\d+)?\t\d+(?:[.,]\d+)?(?:\t|\r?\n|$)")


def write(clips: Sequence[LabelledMedia], labels: Sequence[str], path: Path) -> str:
    """Make a file with a line for each segment: start, end and label, with tabs between."""
    ((_, segments, _),) = clips
    return "".join(
        f"{start:.6f}\t{end:.6f}\t{as_text(label)}\n" for start, end, label in segments if label
    )


def is_one(path: Path) -> bool:
    """Tell whether a text file starts with two times and a tab between them."""
    return _TIMES.match(start_of(path)) is not None


def read(text: str, path: Path, wanted: Wanted) -> Annotations:
    """Read the labels. Frequencies do not matter, and points, which take no time, are left out.

    Raises:
        UserError: a line is no label, or labels overlap.
    """
    segments, points = [], 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("\\"):
            continue
        start, _, rest = line.partition("\t")
        end, _, label = rest.partition("\t")
        try:
            segment = Segment(_seconds(start), _seconds(end), from_text(label))
        except ValueError as error:
            raise UserError(
                f"{path}, line {number}: {line[:40]!r} is not start, end and label with tabs "
                "between them"
            ) from error
        if segment.start == segment.end:
            points += 1
        else:
            segments.append(segment)
    left_out = [f"labels of a moment, which take no time: {points}"] if points else []
    return Annotations([NamedSegments("", in_order(segments, str(path)))], left_out=left_out)


def _seconds(text: str) -> float:
    return float(text.replace(",", "."))
