"""The spans of clips that a model has learned from: they say nothing about how good it is.

A model's labels carry them as text, a line each: the digest of the clip's content, the seconds from
and to, and, where a region of the frames was learned, its left, top, width and height in pixels. A
clip is known by its content, and a region by its pixels, under whatever name it is judged later.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from activity.media.frame import Window
from activity.temporal.segments import latest_starts

_NUMBER = r"\d+(?:\.\d+)?"
_SPAN = re.compile(
    rf"([0-9a-f]{{64}}) ({_NUMBER}) ({_NUMBER}|inf)(?: (\d+),(\d+),(\d+),(\d+))?", re.ASCII
)


class LearnedSpan(NamedTuple):
    """Seconds of a clip, from ``start`` to ``end``, which may be infinite.

    Attributes:
        digest: SHA-256 of the clip's content, 64 hexadecimal digits.
        start, end: by the clock of a player.
        window: the part of the frames that was learned; None for all of them.
    """

    digest: str
    start: float
    end: float
    window: Window | None = None


def format_spans(spans: Iterable[LearnedSpan]) -> str:
    """Write spans as ``parse_spans`` reads them."""
    lines = []
    for digest, start, end, window in spans:
        region = "" if window is None else f" {','.join(map(str, window))}"
        lines.append(f"{digest} {start:.6f} {end:.6f}{region}\n")
    return "".join(lines)


def parse_spans(text: str) -> tuple[LearnedSpan, ...]:
    """Read spans.

    Raises:
        ValueError: the text is not what ``format_spans`` writes.

    Example:
        >>> text = format_spans([LearnedSpan("0" * 64, 0, 2.5)])
        >>> parse_spans(text)[0].end
        2.5
    """
    spans = []
    for line in text.splitlines():
        found = _SPAN.fullmatch(line)
        if found is None or not float(found[2]) < float(found[3]):
            raise ValueError(f"{line[:100]!r} is not a stretch of a clip")
        digest, start, end, *region = found.groups()
        window = Window(*map(int, region)) if region[0] else None
        spans.append(LearnedSpan(digest, float(start), float(end), window))
    return tuple(spans)


def spans_of(
    spans: Iterable[LearnedSpan], digest: str, window: Window | None = None
) -> list[LearnedSpan]:
    """Choose the spans that say nothing about how good a model is on a clip, or a region of it.

    Of the clip's spans, these are the ones whose pixels it shares: at least half of the smaller of
    the two parts of the frame. What lies inside what was learned is known, and the other way round;
    neighbours that overlap a little are not.

    Args:
        spans: of all clips.
        digest: of the clip's content.
        window: the part of its frames; None (default) for all of them.
    """
    return [span for span in spans if span.digest == digest and _shares(span.window, window)]


def _shares(one: Window | None, other: Window | None) -> bool:
    if one is None or other is None:
        return True
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    smaller = min(one.width * one.height, other.width * other.height)
    return min(width, height) > 0 and 2 * width * height >= smaller


def is_learned(times: NDArray[np.float64], spans: Sequence[LearnedSpan]) -> NDArray[np.bool_]:
    """Tell which frames of a clip lie in spans of it.

    Args:
        times: times of the frames in seconds, shape (frames,).
        spans: spans of this clip.

    Returns:
        Shape (frames,).
    """
    inside, latest = np.zeros(len(times), bool), latest_starts(times)
    for span in spans:
        inside |= (span.start <= latest) & (latest < span.end)
    return inside
