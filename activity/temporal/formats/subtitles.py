"""Subtitles: SubRip, and WebVTT (https://www.w3.org/TR/webvtt1/). Players show them over a clip."""

import html
import math
from collections.abc import Sequence
from pathlib import Path

from activity.common.errors import printable
from activity.temporal.formats.annotations import LabelledMedia


def write_subrip(clips: Sequence[LabelledMedia], labels: Sequence[str], path: Path) -> str:
    """Make SubRip subtitles."""
    ((_, segments, _),) = clips
    return "\n".join(
        f"{number}\n{_clock(start)} --> {_clock(end)}\n{printable(label)}\n".replace(".", ",", 2)
        for number, (start, end, label) in enumerate(segments, 1)
    )


def write_webvtt(clips: Sequence[LabelledMedia], labels: Sequence[str], path: Path) -> str:
    """Make WebVTT subtitles."""
    ((_, segments, _),) = clips
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
