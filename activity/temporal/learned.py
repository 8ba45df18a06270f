"""The spans of clips that a model has learned from: they say nothing about how good it is.

A model's labels carry them as text, a line each: the digest of the clip's content, and the
seconds from and to. A clip is known by its content, under whatever name it is judged later.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_DIGEST = 64  # hexadecimal digits
_ROUNDED = 1e-6  # seconds; times in tables are rounded to microseconds


class LearnedSpan(NamedTuple):
    """Seconds of a clip, from ``start`` to ``end``, which may be infinite.

    Attributes:
        digest: SHA-256 of the clip's content, 64 hexadecimal digits.
        start, end: by the clock of a player.
    """

    digest: str
    start: float
    end: float


def format_spans(spans: Iterable[LearnedSpan]) -> str:
    """Write spans as ``parse_spans`` reads them."""
    return "".join(f"{digest} {start:.6f} {end:.6f}\n" for digest, start, end in spans)


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
        digest, start, end = line.split(" ")
        span = LearnedSpan(digest, float(start), float(end))
        if len(digest) != _DIGEST or not 0 <= span.start < span.end:
            raise ValueError(f"{line[:100]!r} is not a stretch of a clip")
        spans.append(span)
    return tuple(spans)


def is_learned(times: NDArray[np.float64], spans: Sequence[LearnedSpan]) -> NDArray[np.bool_]:
    """Tell which frames of a clip lie in spans of it.

    Args:
        times: times of the frames in seconds, shape (frames,).
        spans: spans of this clip.

    Returns:
        Shape (frames,).
    """
    inside = np.zeros(len(times), bool)
    for _, start, end in spans:
        inside |= (times >= start - _ROUNDED) & (times < end - _ROUNDED)
    return inside
