"""The labels of a clip as subtitles (ASS) that look like the plates that are drawn on frames."""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from activity.labelling.overlay import TITLE, Place, label_layout
from activity.media.frame import Window
from activity.media.remux import Subtitle
from activity.temporal.predictions import Predictions
from activity.temporal.smoothing import Smoothing

# Alpha is 0 for opaque. The plate leaves 0.3 of the brightness under it.
_PLATE, _GREEN, _WHITE, _UNSEEN = "&H4D000000", "&H0000FF00", "&H00FFFFFF", "&HFF000000"

# Capitals of common fonts are 0.64 of an ASS size; OpenCV's are 22 pixels high at scale 1.
_SIZE_AT_SCALE_1 = 22 / 0.64

_LONGEST_LABEL = 40  # characters
_FIGURE_SPACE = "\N{FIGURE SPACE}"  # as wide as a digit

_HEADER = """\
[Script Info]
ScriptType: v4.00+
WrapStyle: 2
ScaledBorderAndShadow: yes
YCbCr Matrix: None
PlayResX: {width}
PlayResY: {height}

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, \
Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, \
Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
{styles}
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""

_STYLES = """\
Style: plate{number},sans-serif,{size},{unseen},{unseen},{plate},{plate},\
0,0,0,0,100,100,0,0,3,{pad},0,7,{left},{edge},{top},1
Style: label{number},sans-serif,{size},{green},{green},{green},{green},\
0,0,0,0,100,100,0,0,1,0,0,7,{left},{edge},{top},1
"""


def subtitle_header(
    size: tuple[int, int], label: str, places: Sequence[Place | None] = (None,)
) -> str:
    """Make the header of a track of labels.

    Args:
        size: width and height of the frames as they are shown, in pixels.
        label: the longest one, which should fit.
        places: where labels are drawn; None for the whole frame.
    """
    styles = []
    for number, place in enumerate(places):
        window, title = (Window(0, 0, *size), TITLE) if place is None else place[::-1]
        layout = label_layout(window[2:], label, title)
        edge = layout.margin + layout.pad
        styles.append(
            _STYLES.format(
                number=number or "",
                size=max(1, round(_SIZE_AT_SCALE_1 * layout.scale)),
                pad=layout.pad,
                left=window.left + edge,
                top=window.top + edge,
                edge=edge,
                plate=_PLATE,
                green=_GREEN,
                unseen=_UNSEEN,
            )
        )
    return _HEADER.format(width=size[0], height=size[1], styles="".join(styles))


def label_subtitles(
    predictions: Predictions,
    smoothing: Smoothing,
    numbers: NDArray[np.integer],
    title: str = TITLE,
    place: int = 0,
) -> Iterator[Subtitle]:
    """Yield the label of each frame with its probability, as the plate has them.

    Frames that follow each other with the same text share a subtitle. The plate is one of its own
    below the text: with two colours in a line, players would draw it in two parts.

    Args:
        predictions: of a clip.
        smoothing: how its labels were smoothed.
        numbers: number of each frame's label, shape (frames,).
        title: stands before each label.
        place: where they are drawn: one of those in the header, by its number.
    """
    style = f"{place or ''}"
    names = [f"{title}: {label}" for label in predictions.labels]
    smoothed = chain.from_iterable(smoothing.smoothed(predictions, numbers))
    ends = chain(predictions.times[1:], [predictions.end])
    shown: tuple[int, int] | None = None  # label and percent
    start = end = 0.0
    frames = zip(numbers.tolist(), smoothed, predictions.times, ends, strict=True)
    for number, probabilities, frame_start, frame_end in frames:
        text = number, round(100 * float(probabilities[number]))
        if text != shown:
            if shown is not None:
                yield from _both(names[shown[0]], shown[1], start, end, style)
            shown, start = text, float(frame_start)
        end = float(frame_end)
    if shown is not None:
        yield from _both(names[shown[0]], shown[1], start, end, style)


def _both(label: str, percent: int, start: float, end: float, style: str) -> Iterator[Subtitle]:
    name = _shown(label)
    figures = f"{percent} %".rjust(5, _FIGURE_SPACE)
    space = r"\h\h"
    yield Subtitle(start, end, f"{name}{space}{figures}", 0, f"plate{style}")
    coloured = rf"{name}{space}{{\1c{_WHITE[:2]}{_WHITE[4:]}&}}{figures}"
    yield Subtitle(start, end, coloured, 1, f"label{style}")


def _shown(label: str) -> str:
    r"""Make a label one short line without tags: ``{`` starts them, ``\`` a sign."""
    line = "".join(sign if sign.isprintable() else "?" for sign in " ".join(label.split()))
    line = line if len(line) <= _LONGEST_LABEL else line[: _LONGEST_LABEL - 3] + "..."
    return line.replace("\\", "\\\N{WORD JOINER}").replace("{", r"\{").replace("}", r"\}")
