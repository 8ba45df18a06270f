"""The labels of a clip as subtitles (ASS) that look like the plates that are drawn on frames."""

from collections.abc import Iterator, Sequence
from itertools import chain, groupby

import numpy as np
from numpy.typing import NDArray

from activity.labelling.overlay import TITLE, Place, drawable, label_layout
from activity.media.remux import Subtitle
from activity.temporal.predictions import Predictions
from activity.temporal.smoothing import Smoothing

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

# Colours are alpha (0 is opaque), blue, green and red. The plate leaves 0.3 of the brightness under
# it, and its own text is not seen; the text of the label is green.
_STYLES = """\
Style: plate{number},sans-serif,{size},&HFF000000,&HFF000000,&H4D000000,&H4D000000,\
0,0,0,0,100,100,0,0,3,{pad},0,7,{left},{edge},{top},1
Style: label{number},sans-serif,{size},&H0000FF00,&H0000FF00,&H0000FF00,&H0000FF00,\
0,0,0,0,100,100,0,0,1,0,0,7,{left},{edge},{top},1
"""
_TO_WHITE = r"{\1c&HFFFFFF&}"


def subtitle_header(size: tuple[int, int], label: str, places: Sequence[Place]) -> str:
    """Make the header of a track of labels.

    Args:
        size: width and height of the frames as they are shown, in pixels.
        label: the longest one, which should fit.
        places: where labels are drawn.
    """
    styles = []
    for number, (title, window, _) in enumerate(places):
        layout = label_layout(window[2:], drawable(f"{title}: {label}"))
        edge = layout.margin + layout.pad
        styles.append(
            _STYLES.format(
                number=number or "",
                size=max(1, round(_SIZE_AT_SCALE_1 * layout.scale)),
                pad=layout.pad,
                left=window.left + edge,
                top=window.top + edge,
                edge=edge,
            )
        )
    return _HEADER.format(width=size[0], height=size[1], styles="".join(styles))


def label_subtitles(
    predictions: Predictions,
    smoothing: Smoothing,
    numbers: NDArray[np.integer],
    place: Place,
    number_of_place: int,
) -> Iterator[Subtitle]:
    """Yield the label of each frame with its probability, as the plate has them.

    Frames that follow each other with the same text share a subtitle. The plate is one of its own
    below the text: with two colours in a line, players would draw it in two parts.

    Args:
        predictions: of a clip.
        smoothing: how its labels were smoothed.
        numbers: number of each frame's label, shape (frames,).
        place: where they are drawn; no subtitles where it is too small for a text that can be read.
        number_of_place: its number among those in the header.
    """
    if not label_layout(place.window[2:], f"{TITLE}:").scale:
        return
    style = f"{number_of_place or ''}"
    names = [_shown(f"{place.title}: {label}") for label in predictions.labels]
    smoothed = chain.from_iterable(smoothing.smoothed(predictions, numbers))
    ends = chain(predictions.times[1:], [predictions.end])
    frames = zip(numbers.tolist(), smoothed, predictions.times, ends, strict=True)
    shown = (
        ((number, round(100 * float(probabilities[number]))), float(start), float(end))
        for number, probabilities, start, end in frames
    )
    for (number, percent), run in groupby(shown, lambda frame: frame[0]):
        start, end = _span(run)
        figures = f"{percent} %".rjust(5, _FIGURE_SPACE)
        text = rf"{names[number]}\h\h"
        yield Subtitle(start, end, f"{text}{figures}", 0, f"plate{style}")
        yield Subtitle(start, end, f"{text}{_TO_WHITE}{figures}", 1, f"label{style}")


def _span(run: Iterator[tuple[object, float, float]]) -> tuple[float, float]:
    """Tell when the first of these frames begins, and when the last one ends."""
    _, start, end = next(run)
    for _, _, later in run:
        end = later
    return start, end


def _shown(label: str) -> str:
    r"""Make a label one short line without tags: ``{`` starts them, ``\`` a sign."""
    line = "".join(sign if sign.isprintable() else "?" for sign in " ".join(label.split()))
    line = line if len(line) <= _LONGEST_LABEL else line[: _LONGEST_LABEL - 3] + "..."
    return line.replace("\\", "\\\N{WORD JOINER}").replace("{", r"\{").replace("}", r"\}")
