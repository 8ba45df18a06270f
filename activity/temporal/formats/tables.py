"""Tables of segments, as ``temporal.segments`` describes them: CSV in UTF-8."""

from collections.abc import Sequence
from pathlib import Path

from activity.common.tables import as_text, format_row, header_of
from activity.temporal.formats.annotations import (
    Annotations,
    LabelledMedia,
    NamedSegments,
    Wanted,
)
from activity.temporal.segments import (
    HEADER,
    HEADERS_OF_MANY,
    read_segments,
    read_segments_of_clips,
)


def write(clips: Sequence[LabelledMedia], labels: Sequence[str], path: Path) -> str:
    """Make a table of a clip's segments, with times to the microsecond."""
    (clip,) = clips
    rows = ((f"{start:.6f}", f"{end:.6f}", as_text(label)) for start, end, label in clip.segments)
    return "".join(f"{format_row(row)}\n" for row in (HEADER, *rows))


def read(path: Path, wanted: Wanted) -> Annotations:
    """Read a table of the segments of one clip, or of many.

    Raises:
        UserError: as ``read_segments``.
    """
    if header_of(path) in HEADERS_OF_MANY:
        return Annotations(
            [
                NamedSegments(part.clip, segments, region=part.region)
                for part, segments in read_segments_of_clips(path).items()
            ]
        )
    return Annotations([NamedSegments("", read_segments(path))])
