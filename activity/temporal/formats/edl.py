"""Marker lists of DaVinci Resolve: CMX 3600 with a colour, a name and a duration for each event."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import cycle
from pathlib import Path

from activity.temporal.formats.annotations import LabelledMedia, as_text, labels_in, ticks
from activity.temporal.formats.timecode import Timecode

# Rates of editors' timelines; the rate of a recording that varies is none of them.
_RATES = (
    *(Fraction(whole) for whole in (15, 16, 18, 24, 25, 30, 48, 50, 60, 72, 96, 100, 120)),
    *(Fraction(whole * 1000, 1001) for whole in (24, 30, 48, 60, 96, 120)),
)
_COLOURS = (
    *("Blue", "Green", "Red", "Yellow", "Cyan", "Pink", "Purple", "Fuchsia", "Rose", "Lavender"),
    *("Sky", "Mint", "Lemon", "Sand", "Cocoa", "Cream"),
)


def write(clips: Sequence[LabelledMedia], labels: Sequence[str], path: Path) -> str:
    """Make a marker list for a timeline at the clip's rate that starts at the clip's timecode."""
    ((media, segments, _),) = clips
    rate = min(_RATES, key=lambda rate: abs(rate - media.rate))
    timecode = Timecode.of(replace(media, rate=rate))
    colours = dict(zip(labels_in(clips, labels), cycle(_COLOURS), strict=False))
    mode = "DROP FRAME" if timecode.drop else "NON-DROP FRAME"
    lines = [f"TITLE: {as_text(media.path.stem)}", f"FCM: {mode}", ""]
    for number, (start, end, label) in enumerate(ticks(segments, rate), 1):
        at = f"{timecode.at(start)} {timecode.at(start + 1)}"
        name = as_text(label).replace("|", "/")
        lines += [
            f"{number:03}  001      V     C        {at} {at}  ",
            f" |C:ResolveColor{colours[label]} |M:{name} |D:{end - start}",
            "",
        ]
    return "\n".join(lines) + "\n"
