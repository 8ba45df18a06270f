"""Draw on a frame: the label with its probability, and a bar for each class."""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from activity.media.frame import Plate, Window

TITLE = "activity"
"""Stands before the label of a whole frame."""

LONGEST_TITLE = 16
"""Characters of a region's name that stand there: what is cut off is never the label."""

MOST_BARS = 6
"""With more classes than this, ``bars_plate`` shows only the most probable ones."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX
# OpenCV 5 draws it with a TrueType font that has most scripts; OpenCV 4 has only ASCII.
_FONT_IS_UNICODE = int(cv2.__version__.split(".")[0]) >= 5

# BGR
_GREEN, _WHITE, _GREY, _TRACK = (0, 255, 0), (255, 255, 255), (170, 170, 170), (70, 70, 70)
_PLATE_BRIGHTNESS = 0.3  # share of a pixel's brightness that is left under a plate

# Font scales in OpenCV's unit: capitals are about 22 pixels high at scale 1.
_SCALE_1_SHORT_SIDE = 400  # a frame with this short side gets scale 1
_SMALLEST_READABLE = 0.45  # small frames get this scale if it fits
_SMALLEST = 0.1  # smaller text cannot be read: nothing is drawn
_BARS_TO_LABEL = 0.6

_LONGEST_LABEL = 40  # characters


class Place(NamedTuple):
    """Where in a frame a label is drawn.

    Attributes:
        title: stands before the label.
        window: the part of the frame.
        outlined: whether a line is drawn around it.
    """

    title: str
    window: Window
    outlined: bool


def whole_frame(size: tuple[int, int]) -> Place:
    """Return the place of a label that is about the whole of a frame of this size."""
    return Place(TITLE, Window(0, 0, *size), outlined=False)


def overlay(
    size: tuple[int, int],
    place: Place,
    labels: Sequence[str],
    probabilities: NDArray[np.floating],
    label: int,
    *,
    bars: bool,
) -> list[Plate]:
    """Make the plates to draw on a frame, or on a region of it.

    Args:
        size: width and height of the frame in pixels.
        place: where in it.
        labels: name of each class.
        probabilities: smoothed probabilities of the frame, shape (labels,), 0..1.
        label: number of the frame's label.
        bars: whether to draw a bar for each class, too.

    Returns:
        No plate, or fewer, where there is too little room for text that can be read.
    """
    left, top, *_ = place.window
    room = place.window[2:]
    plates = [label_plate(room, labels[label], float(probabilities[label]), place.title)]
    if bars:
        plates.append(bars_plate(room, labels, probabilities, label))
    inside = [replace(each, left=each.left + left, top=each.top + top) for each in plates if each]
    return [*_outline(size, place.window), *inside] if place.outlined else inside


def _outline(size: tuple[int, int], window: Window) -> list[Plate]:
    """Make the four lines around a region, inside it: thin, and as thick as text is."""
    left, top, width, height = window
    # Two pixels share a sample of colour.
    line = min(2 * max(1, min(size) // 720), width, height)

    def paint(plate: NDArray[np.uint8]) -> None:
        plate[:] = _GREEN

    return [
        Plate(left, top, width, line, paint),
        Plate(left, window.bottom - line, width, line, paint),
        Plate(left, top, line, height, paint),
        Plate(window.right - line, top, line, height, paint),
    ]


def label_plate(
    size: tuple[int, int], label: str, probability: float, title: str = TITLE
) -> Plate | None:
    """Make the plate ``activity: <label>  <probability> %`` for the top left of a frame.

    The text is scaled to the frame's short side, and shrunk if it does not fit. The plate has the
    same width for all probabilities, so that it does not jitter.

    Args:
        size: width and height of the frame in pixels.
        label: name of the activity.
        probability: probability of the label, 0..1.
        title: stands before the label.

    Returns:
        None if the frame is too small for a text that can be read.
    """
    text = drawable(f"{title}: {label}")
    scale, margin, pad = label_layout(size, text)
    if not scale:
        return None
    plate_width, plate_height = _label_plate(text, scale)

    def paint(plate: NDArray[np.uint8]) -> None:
        _darken(plate)
        baseline = pad + _measure(text, scale)[1]
        _write(plate, text, pad, baseline, scale, _GREEN)
        _write_percent(plate, probability, plate_width - pad, baseline, scale)

    return Plate(margin, margin, plate_width, plate_height, paint)


class LabelLayout(NamedTuple):
    """Where a label's plate lies, in pixels, and how large its text is.

    Attributes:
        scale: of the text in OpenCV's unit; 0 where the frame is too small for one.
        margin: distance between the plate and the edges of the frame.
        pad: distance between the edges of the plate and the text.
    """

    scale: float
    margin: int
    pad: int


def label_layout(size: tuple[int, int], text: str) -> LabelLayout:
    """Lay out the plate of a text, which is ``drawable``, for frames of a size (width, height)."""
    scale = _label_scale(text, size)
    return LabelLayout(scale, _margin(size), _pad(scale))


def bars_plate(
    size: tuple[int, int],
    labels: Sequence[str],
    probabilities: NDArray[np.floating],
    label: int,
) -> Plate | None:
    """Make a plate with a bar for each class for the bottom left of a frame; the label's is green.

    Up to ``MOST_BARS`` classes keep their positions from frame to frame. If there are more, the
    most probable ones are shown, in descending order.

    Args:
        size: width and height of the frame in pixels.
        labels: name of each class.
        probabilities: shape (labels,), 0..1.
        label: index of the frame's label.

    Returns:
        None if the frame is too small for a text that can be read.
    """
    names = _drawable_all(tuple(labels))
    rows = np.arange(len(names))
    if len(names) > MOST_BARS:
        rows = np.argsort(-probabilities, kind="stable")[:MOST_BARS]
    scale = _bars_scale(names, len(rows), size)
    if not scale:
        return None
    pad, margin = _pad(scale), _margin(size)
    name_width, bar_width, _, line = _bars_columns(names, scale)
    plate_width, plate_height = _bars_plate(names, len(rows), scale)

    def paint(plate: NDArray[np.uint8]) -> None:
        _darken(plate)
        bar_left, right = name_width + 2 * pad, plate_width - pad
        for place, row in enumerate(rows):
            probability = float(probabilities[row])
            colour = _GREEN if row == label else _GREY
            baseline = (place + 1) * line
            bar = plate[baseline - line + pad : baseline, bar_left : bar_left + bar_width]
            bar[:] = _TRACK
            bar[:, : round(probability * bar_width)] = colour
            _write(plate, names[row], pad, baseline, scale)
            _write_percent(plate, probability, right, baseline, scale)

    return Plate(margin, size[1] - margin - plate_height, plate_width, plate_height, paint)


def drawable(label: str) -> str:
    """Turn a label into one short line that OpenCV's font can draw, for ``label_plate``.

    If the font has only ASCII, accents are dropped and other characters become ``?``.
    """
    line = " ".join(unicodedata.normalize("NFC", label).split())
    line = "".join(sign if sign.isprintable() else "?" for sign in line)
    if not _FONT_IS_UNICODE:
        signs = unicodedata.normalize("NFKD", line)
        bare = "".join(sign for sign in signs if not unicodedata.combining(sign))
        line = bare.encode("ascii", "replace").decode()
    return line if len(line) <= _LONGEST_LABEL else line[: _LONGEST_LABEL - 3] + "..."


@lru_cache(maxsize=8)
def _drawable_all(labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(drawable, labels))


@lru_cache(maxsize=1024)
def _measure(text: str, scale: float) -> tuple[int, int, int]:
    """Width of a text, and a line's heights above and below the baseline, in pixels."""
    # The height is the same for all lines: one without descenders must not jump.
    (_, above), below = cv2.getTextSize("Ag", _FONT, scale, _thickness(scale))
    (width, _), _ = cv2.getTextSize(text, _FONT, scale, _thickness(scale))
    return width, above, below


@lru_cache(maxsize=64)
def _label_scale(text: str, size: tuple[int, int]) -> float:
    def room(scale: float) -> tuple[int, int]:
        width, height = _label_plate(text, scale)
        return width, 3 * height  # a third of the height: the bars, if any, get the rest

    return _largest_scale(_wanted_scale(size), size, room)


@lru_cache(maxsize=8)
def _bars_scale(names: tuple[str, ...], rows: int, size: tuple[int, int]) -> float:
    def room(scale: float) -> tuple[int, int]:
        width, height = _bars_plate(names, rows, scale)
        return width, 3 * height // 2

    wanted = max(_BARS_TO_LABEL * _wanted_scale(size), _SMALLEST_READABLE)
    return _largest_scale(wanted, size, room)


def _label_plate(text: str, scale: float) -> tuple[int, int]:
    """Width and height of the plate behind a label, in pixels."""
    text_width, above, below = _measure(text, scale)
    percent_width, _, _ = _measure("100 %", scale)
    pad = _pad(scale)
    return text_width + percent_width + 3 * pad, above + below + 2 * pad


def _bars_plate(names: tuple[str, ...], rows: int, scale: float) -> tuple[int, int]:
    """Width and height of the plate behind the bars, in pixels."""
    *columns, line = _bars_columns(names, scale)
    pad = _pad(scale)
    return sum(columns) + 4 * pad, rows * line + pad


@lru_cache(maxsize=128)
def _bars_columns(names: tuple[str, ...], scale: float) -> tuple[int, int, int, int]:
    """Widths of names, bars and percentages, and the height of a row, in pixels."""
    name_width = max(_measure(name, scale)[0] for name in names)
    percent_width, above, _ = _measure("100 %", scale)
    return name_width, 6 * above, percent_width, above + _pad(scale)


def _wanted_scale(size: tuple[int, int]) -> float:
    return max(min(size) / _SCALE_1_SHORT_SIDE, _SMALLEST_READABLE)


def _largest_scale(
    wanted: float, size: tuple[int, int], room: Callable[[float], tuple[int, int]]
) -> float:
    """Shrink ``wanted`` until the room it takes is there; return 0 if nothing fits."""
    margins = 2 * _margin(size)
    while wanted >= _SMALLEST:
        width, height = room(wanted)
        if width + margins <= size[0] and height + margins <= size[1]:
            return wanted
        wanted *= 0.95
    return 0.0


def _margin(size: tuple[int, int]) -> int:
    """Distance between a plate and the edge of the frame, in pixels."""
    return min(size) // 33


def _pad(scale: float) -> int:
    """Distance between the edge of a plate and what is drawn on it, in pixels."""
    return max(2, round(12 * scale))


def _thickness(scale: float) -> int:
    return max(1, round(2 * scale))


def _darken(plate: NDArray[np.uint8]) -> None:
    cv2.convertScaleAbs(plate, plate, _PLATE_BRIGHTNESS)


def _write(
    plate: NDArray[np.uint8],
    text: str,
    x: int,
    baseline: int,
    scale: float,
    colour: tuple[int, int, int] = _WHITE,
) -> None:
    cv2.putText(plate, text, (x, baseline), _FONT, scale, colour, _thickness(scale), cv2.LINE_AA)


def _write_percent(
    plate: NDArray[np.uint8], probability: float, right: int, baseline: int, scale: float
) -> None:
    text = f"{100 * probability:.0f} %"
    _write(plate, text, right - _measure(text, scale)[0], baseline, scale)
