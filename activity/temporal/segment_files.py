"""Files of segments: a table that a person can correct, or subtitles for a player."""

import html
import math
from collections.abc import Sequence
from pathlib import Path

from activity.common.errors import UserError, printable
from activity.common.tables import as_text, format_row
from activity.common.writing import replace_when_complete
from activity.temporal.segments import HEADER, Segment

SEGMENT_SUFFIXES = (".csv", ".srt", ".vtt")


def check_segments_suffix(path: Path) -> None:
    """Check that a file name has a suffix for segments.

    Raises:
        UserError: it has another suffix.
    """
    if path.suffix.lower() not in SEGMENT_SUFFIXES:
        raise UserError(
            f"cannot write {path}: give --segments a name ending in {', '.join(SEGMENT_SUFFIXES)}"
        )


def write_segments(path: Path, segments: Sequence[Segment]) -> None:
    """Write segments in the format that the suffix of ``path`` names.

    ``.csv`` is what ``segments.read_segments`` reads, with times to the microsecond. ``.srt``
    (SubRip) and ``.vtt`` (WebVTT, https://www.w3.org/TR/webvtt1/) are subtitles: a player shows the
    labels over the original clip.

    Raises:
        UserError: the file system refuses to write.
    """
    form = {".csv": _table, ".srt": _subrip, ".vtt": _webvtt}[path.suffix.lower()]
    with replace_when_complete(path) as (part,):
        part.write_text(form(segments), encoding="utf-8", newline="")


def _table(segments: Sequence[Segment]) -> str:
    rows = ((f"{start:.6f}", f"{end:.6f}", as_text(label)) for start, end, label in segments)
    return "".join(f"{format_row(row)}\n" for row in (HEADER, *rows))


def _subrip(segments: Sequence[Segment]) -> str:
    return "\n".join(
        f"{number}\n{_clock(start)} --> {_clock(end)}\n{printable(label)}\n".replace(".", ",", 2)
        for number, (start, end, label) in enumerate(segments, 1)
    )


def _webvtt(segments: Sequence[Segment]) -> str:
    cues = (
        f"\n{_clock(start)} --> {_clock(end)}\n{html.escape(printable(label), quote=False)}\n"
        for start, end, label in segments
    )
    return "WEBVTT\n" + "".join(cues)


def _clock(seconds: float) -> str:
    """Seconds as hours:minutes:seconds.milliseconds, rounded down.

    A player shows a change from the first frame at or after its time: one rounded up would be
    shown a frame late.
    """
    # 0.57 * 1000 is 569.9999999999999: what differs by less than a nanosecond is no other time.
    milliseconds = math.floor(round(seconds * 1000, 6))
    minutes, milliseconds = divmod(milliseconds, 60_000)
    return (
        f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds // 1000:02}.{milliseconds % 1000:03}"
    )
