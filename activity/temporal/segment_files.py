"""Files of segments: the table of formats, from which the ending of a name chooses one."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from activity.common.errors import UserError
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
    tables,
    via,
)
from activity.temporal.formats.annotations import (
    Annotations,
    LabelledMedia,
    Media,
    Reader,
    Wanted,
    Writer,
    start_of,
)
from activity.temporal.segments import Segment


class Format(NamedTuple):
    """A format of segments.

    Attributes:
        program: whose it is, for messages.
        write: None if it is only read.
        read: None if it is only written.
        holds_many: whether one file can be about many clips when it is written.
        holds_regions: whether it can be about all regions of a clip.
    """

    program: str
    write: Writer | None = None
    read: Reader | None = None
    holds_many: bool = False
    holds_regions: bool = False


def _read_json(path: Path, wanted: Wanted) -> Annotations:
    read = (
        labelstudio.read if start_of(path).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[" else via.read
    )
    return read(path, wanted)


FORMATS = {
    ".csv": Format("a table", tables.write, tables.read),
    ".srt": Format("SubRip subtitles", subtitles.write_subrip),
    ".vtt": Format("WebVTT subtitles", subtitles.write_webvtt),
    ".boris": Format("BORIS", boris.write, boris.read, holds_many=True, holds_regions=True),
    ".eaf": Format("ELAN", elan.write, elan.read, holds_regions=True),
    ".otio": Format("OpenTimelineIO", opentimeline.write),
    ".edl": Format("DaVinci Resolve markers", edl.write),
    ".xml": Format("Sportscode", sportscode.write, sportscode.read),
    ".llc": Format("LosslessCut", losslesscut.write, losslesscut.read),
    ".txt": Format("Audacity labels", audacity.write, audacity.read),
    ".json": Format("Label Studio or VIA 3", read=_read_json),
}
"""By ending, in lower case."""

SEGMENT_SUFFIXES = tuple(suffix for suffix, form in FORMATS.items() if form.write)
"""Of files that are written."""

READ_SUFFIXES = tuple(suffix for suffix, form in FORMATS.items() if form.read)
"""Of files that are read."""


def check_segments_suffix(path: Path) -> None:
    """Check that a file name has a suffix for segments.

    Raises:
        UserError: it has another suffix.
    """
    if path.suffix.lower() not in SEGMENT_SUFFIXES:
        raise UserError(
            f"cannot write {path}: give --segments a name ending in {', '.join(SEGMENT_SUFFIXES)}"
        )


def holds_many_clips(path: Path) -> bool:
    """Return whether a path is that of a file that can be about many clips."""
    form = FORMATS.get(path.suffix.lower())
    return form is not None and form.holds_many and not path.is_dir()


def holds_regions(path: Path) -> bool:
    """Return whether a path is that of a file that can be about all regions of a clip."""
    form = FORMATS.get(path.suffix.lower())
    return form is not None and form.holds_regions


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
    write = FORMATS[path.suffix.lower()].write
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
    form = FORMATS.get(path.suffix.lower())
    if form is None or form.read is None:
        raise UserError(
            f"cannot read segments from {path}: give a file ending in {', '.join(READ_SUFFIXES)}"
        )
    return form.read(path, wanted or Wanted())


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
