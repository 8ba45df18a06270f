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
    """Where in a frame a label is drawn, and what stands before it: the name of the region."""

    title: str
    window: Window


def overlay(
    size: tuple[int, int],
    labels: Sequence[str],
    probabilities: NDArray[np.floating],
    label: int,
    *,
    bars: bool,
    place: Place | None = None,
) -> list[Plate]:
    """Make the plates to draw on a frame, or on a region of it, which gets an outline.

    Args:
        size: width and height of the frame in pixels.
        labels: name of each class.
        probabilities: smoothed probabilities of the frame, shape (labels,), 0..1.
        label: number of the frame's label.
        bars: whether to draw a bar for each class, too.
        place: of the region; None (default) for the whole frame.

    Returns:
        No plate, or fewer, where there is too little room for text that can be read.
    """
    room, title = (size, TITLE) if place is None else (place.window[2:], place.title)
    plates = [label_plate(room, labels[label], float(probabilities[label]), title)]
    if bars:
        plates.append(bars_plate(room, labels, probabilities, label))
    found = [plate for plate in plates if plate is not None]
    if place is None:
        return found
    left, top, *_ = place.window
    inside = [replace(plate, left=plate.left + left, top=plate.top + top) for plate in found]
    return [*_outline(size, place.window), *inside]


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
    width, height = size
    text = drawable(f"{title}: {label}")
    scale = _label_scale(text, height, width)
    if scale < _SMALLEST:
        return None
    pad, margin = _pad(scale), _margin(height, width)
    plate_width, plate_height = _label_plate(text, scale)

    def paint(plate: NDArray[np.uint8]) -> None:
        _darken(plate)
        baseline = pad + _measure(text, scale)[1]
        _write(plate, text, pad, baseline, scale, _GREEN)
        right = plate_width - pad
        _write(plate, _percent(probability), right, baseline, scale, _WHITE, right_aligned=True)

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


def label_layout(size: tuple[int, int], label: str, title: str = TITLE) -> LabelLayout:
    """Lay out the plate of a label for frames of a size (width, height)."""
    width, height = size
    scale = _label_scale(drawable(f"{title}: {label}"), height, width)
    return LabelLayout(scale, _margin(height, width), _pad(scale))


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
    width, height = size
    names = _drawable_all(tuple(labels))
    rows = np.arange(len(names))
    if len(names) > MOST_BARS:
        rows = np.argsort(-probabilities, kind="stable")[:MOST_BARS]
    scale = _bars_scale(names, len(rows), height, width)
    if scale < _SMALLEST:
        return None
    pad, margin = _pad(scale), _margin(height, width)
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
            _write(plate, names[row], pad, baseline, scale, _WHITE)
            _write(plate, _percent(probability), right, baseline, scale, _WHITE, right_aligned=True)

    return Plate(margin, height - margin - plate_height, plate_width, plate_height, paint)


def drawable(label: str) -> str:
    """Turn a label into one short line that OpenCV's font can draw, for ``label_plate``.

    If the font has only ASCII, accents are dropped and other characters become ``?``.
    """
    line = " ".join(unicodedata.normalize("NFC", label).split())
    line = "".join(sign if sign.isprintable() else "?" for sign in line)
    if not _FONT_IS_UNICODE:
        bare = (sign for sign in unicodedata.normalize("NFKD", line) if not _is_accent(sign))
        line = "".join(bare).encode("ascii", "replace").decode()
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
def _label_scale(text: str, height: int, width: int) -> float:
    def fits(scale: float) -> bool:
        plate_width, plate_height = _label_plate(text, scale)
        # A third of the height: the bars, if any, get the rest.
        return _inside(plate_width, 3 * plate_height, height, width)

    return _largest_scale(_wanted_scale(height, width), fits)


@lru_cache(maxsize=8)
def _bars_scale(names: tuple[str, ...], rows: int, height: int, width: int) -> float:
    def fits(scale: float) -> bool:
        plate_width, plate_height = _bars_plate(names, rows, scale)
        return _inside(plate_width, 3 * plate_height // 2, height, width)

    wanted = max(_BARS_TO_LABEL * _wanted_scale(height, width), _SMALLEST_READABLE)
    return _largest_scale(wanted, fits)


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


def _inside(plate_width: int, plate_height: int, height: int, width: int) -> bool:
    margins = 2 * _margin(height, width)
    return plate_width + margins <= width and plate_height + margins <= height


def _wanted_scale(height: int, width: int) -> float:
    return max(min(height, width) / _SCALE_1_SHORT_SIDE, _SMALLEST_READABLE)


def _largest_scale(wanted: float, fits: Callable[[float], bool]) -> float:
    """Shrink ``wanted`` until it fits; return 0 if nothing fits."""
    while wanted >= _SMALLEST and not fits(wanted):
        wanted *= 0.95
    return wanted if wanted >= _SMALLEST else 0.0


def _margin(height: int, width: int) -> int:
    """Distance between a plate and the edge of the frame, in pixels."""
    return min(height, width) // 33


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
    colour: tuple[int, int, int],
    *,
    right_aligned: bool = False,
) -> None:
    if right_aligned:
        x -= _measure(text, scale)[0]
    cv2.putText(plate, text, (x, baseline), _FONT, scale, colour, _thickness(scale), cv2.LINE_AA)


def _percent(probability: float) -> str:
    return f"{100 * probability:.0f} %"


def _is_accent(sign: str) -> bool:
    return unicodedata.combining(sign) > 0
