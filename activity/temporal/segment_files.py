"""Files of segments: the table of formats, from which the ending of a name chooses one."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import ParseError

from activity.common.errors import UserError
from activity.common.regular_file import read_text
from activity.common.tables import as_text, format_row, header_of
from activity.common.writing import replace_when_complete
from activity.temporal.formats import (
    audacity,
    boris,
    edl,
    elan,
    labelstudio,
    losslesscut,
    opentimeline,
    sportscode,
    subtitles,
    via,
)
from activity.temporal.formats.annotations import (
    Annotations,
    LabelledMedia,
    Media,
    NamedSegments,
    Reader,
    Wanted,
    Writer,
)
from activity.temporal.segments import (
    HEADER,
    HEADERS_OF_MANY,
    NamedPart,
    Segment,
    read_segments,
    read_segments_of_clips,
)


class Format(NamedTuple):
    """A format of segments.

    Attributes:
        write: None if it is only read.
        read: None if it is only written, or read line by line, as tables are.
        kind: what a file that is read is, for messages.
        holds_many: whether one file can be about many clips when it is written.
        holds_regions: whether it can be about all regions of a clip.
    """

    write: Writer | None = None
    read: Reader | None = None
    kind: str = ""
    holds_many: bool = False
    holds_regions: bool = False


def _write_table(clips: Sequence[LabelledMedia], labels: Sequence[str], path: Path) -> str:
    """Make a table of a clip's segments, with times to the microsecond."""
    ((_, segments, _),) = clips
    rows = ((f"{start:.6f}", f"{end:.6f}", as_text(label)) for start, end, label in segments)
    return "".join(f"{format_row(row)}\n" for row in (HEADER, *rows))


def _read_table(path: Path) -> Annotations:
    """Read a table of the segments of one clip, or of many."""
    if header_of(path) in HEADERS_OF_MANY:
        said = read_segments_of_clips(path)
    else:
        said = {NamedPart(): read_segments(path)}
    return Annotations(
        [NamedSegments(clip, some, region=region) for (clip, region), some in said.items()]
    )


def _read_json(text: str, path: Path, wanted: Wanted) -> Annotations:
    read = labelstudio.read if text.lstrip().startswith("[") else via.read
    return read(text, path, wanted)


FORMATS = {
    ".csv": Format(_write_table),
    ".srt": Format(subtitles.write_subrip),
    ".vtt": Format(subtitles.write_webvtt),
    ".boris": Format(boris.write, boris.read, "BORIS project", holds_many=True, holds_regions=True),
    ".eaf": Format(elan.write, elan.read, "ELAN file", holds_regions=True),
    ".otio": Format(opentimeline.write),
    ".edl": Format(edl.write),
    ".xml": Format(sportscode.write, sportscode.read, "file of Sportscode instances"),
    ".llc": Format(losslesscut.write, losslesscut.read, "LosslessCut project"),
    ".txt": Format(audacity.write, audacity.read, "file of Audacity labels"),
    ".json": Format(read=_read_json, kind="Label Studio export or VIA 3 project"),
}
"""By ending, in lower case."""

SEGMENT_SUFFIXES = tuple(suffix for suffix, form in FORMATS.items() if form.write)
"""Of files that are written."""

READ_SUFFIXES = (".csv", *(suffix for suffix, form in FORMATS.items() if form.read))
"""Of files that are read."""


def _format_of(path: Path) -> Format:
    return FORMATS.get(path.suffix.lower(), Format())


def check_segments_suffix(path: Path) -> None:
    """Check that a file name has a suffix for segments.

    Raises:
        UserError: it has another suffix.
    """
    if _format_of(path).write is None:
        raise UserError(
            f"cannot write {path}: give --segments a name ending in {', '.join(SEGMENT_SUFFIXES)}"
        )


def holds_many_clips(path: Path) -> bool:
    """Return whether a path is that of a file that can be about many clips."""
    return _format_of(path).holds_many and not path.is_dir()


def holds_regions(path: Path) -> bool:
    """Return whether a path is that of a file that can be about all regions of a clip."""
    return _format_of(path).holds_regions


def write_segments(path: Path, segments: Sequence[Segment]) -> None:
    """Write the segments of a clip as a table or subtitles, which say nothing else of it.

    Raises:
        UserError: the file system refuses to write.
    """
    write_annotations(path, [LabelledMedia(Media(path, 0.0, Fraction(1)), segments)])


def write_annotations(
    path: Path, clips: Sequence[LabelledMedia], labels: Sequence[str] = ()
) -> None:
    """Write segments in the format that the suffix of ``path`` names.

    Args:
        path: path of the file.
        clips: with their segments; one, unless ``holds_many_clips``, or ``holds_regions`` and
            they are regions of one.
        labels: all that a person may choose from, where the format can say so.

    Raises:
        UserError: the file system refuses to write.
    """
    write = _format_of(path).write
    assert write is not None
    text = write(clips, labels, path)
    with replace_when_complete(path) as (part,):
        part.write_text(text, encoding="utf-8", newline="")


def read_annotations(path: Path, wanted: Wanted | None = None) -> Annotations:
    """Read segments in the format that the suffix of ``path`` names.

    Args:
        path: path of the file.
        wanted: what to take where there is a choice.

    Raises:
        UserError: the suffix names no format that is read, or the file is flawed.
    """
    if path.suffix.lower() == ".csv":
        return _read_table(path)
    form = _format_of(path)
    if form.read is None:
        raise UserError(
            f"cannot read segments from {path}: give a file ending in {', '.join(READ_SUFFIXES)}"
        )
    text = read_text(path, form.kind)
    try:
        return form.read(text, path, wanted or Wanted())
    # Where a file is not built as its format is, anything may go wrong.
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        RecursionError,
        ParseError,
    ) as error:
        detail = f"{type(error).__name__}: {error}".splitlines()[0][:100]
        raise UserError(f"{path} is no {form.kind}, or is damaged ({detail})") from error


def holds_segments(path: Path) -> bool:
    """Tell whether a file that may be something else, as a ``.txt`` may, is one of segments.

    Only its first bytes are read.
    """
    suffix = path.suffix.lower()
    if suffix == ".txt":
        return audacity.is_one(path)
    if suffix == ".xml":
        return sportscode.is_one(path)
    if suffix == ".json":
        return labelstudio.is_one(path) or via.is_one(path)
    return suffix in READ_SUFFIXES
