"""Bouts of labels: how long, how often and after what each label is shown.

A bout is a stretch of one label without a pause. Where BORIS (https://www.boris.unito.it) has the
same figure, it is defined alike: total duration, number of occurrences, mean duration, proportion
of time and the matrix of transitions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

import numpy as np
from numpy.typing import NDArray

from activity.temporal.segments import Segment

_TOUCHING = 1e-6  # seconds between two segments that are one bout


@dataclass(frozen=True)
class Footage:
    """A stretch of a clip, or a whole one, and what is shown in it.

    Attributes:
        start, end: in seconds.
        segments: in the order of time, within these.
    """

    start: float
    end: float
    segments: Sequence[Segment]


@dataclass(frozen=True)
class Bouts:
    """The bouts of a label in some footage.

    Attributes:
        seconds: of all of them.
        share: of the footage, 0..1.
        bouts: how many there are.
        mean, median, longest: seconds of a bout; None where there are none.
        latency: seconds from the start of the footage to the first; over several clips the mean of
            those that have one; None where none has.
        per_minute: bouts a minute of footage.
    """

    seconds: float
    share: float
    bouts: int
    mean: float | None
    median: float | None
    longest: float | None
    latency: float | None
    per_minute: float

    def as_dict(self) -> dict[str, object]:
        """Return it as ``write_json`` takes it."""
        return dict(vars(self))


def bouts_of(footage: Sequence[Footage], label: str) -> Bouts:
    """Describe the bouts of a label in footage of one or several clips.

    Example:
        >>> match = [Segment(1, 3, "rally"), Segment(3, 9, "pause"), Segment(9, 10, "rally")]
        >>> found = bouts_of([Footage(0, 10, match)], "rally")
        >>> found.seconds, found.share, found.bouts, found.mean, found.longest, found.latency
        (3, 0.3, 2, 1.5, 2, 1.0)
    """
    lengths: list[float] = []
    latencies: list[float] = []
    for part in footage:
        own = [segment for segment in joined(part.segments) if segment.label == label]
        lengths += [segment.end - segment.start for segment in own]
        latencies += [own[0].start - part.start] if own else []
    seconds, whole = sum(lengths), sum(part.end - part.start for part in footage)
    return Bouts(
        seconds=seconds,
        share=seconds / whole if whole else 0.0,
        bouts=len(lengths),
        mean=fmean(lengths) if lengths else None,
        median=median(lengths) if lengths else None,
        longest=max(lengths, default=None),
        latency=fmean(latencies) if latencies else None,
        per_minute=60 * len(lengths) / whole if whole else 0.0,
    )


def joined(segments: Iterable[Segment]) -> list[Segment]:
    """Join segments of one label that touch, and leave out those without a label."""
    result: list[Segment] = []
    for segment in segments:
        last = result[-1] if result else None
        if last and last.label == segment.label and segment.start <= last.end + _TOUCHING:
            result[-1] = Segment(last.start, segment.end, segment.label)
        elif segment.label:
            result.append(segment)
    return result


def in_bins(footage: Footage, seconds: float) -> list[Footage]:
    """Cut footage into bins; the last one may be shorter. What lies in two counts in both."""
    bins = []
    edges = np.arange(footage.start, footage.end, seconds).tolist()
    for start, end in pairwise([*edges, footage.end]):
        inside = [
            Segment(max(each.start, start), min(each.end, end), each.label)
            for each in footage.segments
            if each.start < end and each.end > start
        ]
        bins.append(Footage(start, end, inside))
    return bins


def transitions(footage: Sequence[Footage], labels: Sequence[str]) -> NDArray[np.int64]:
    """Count which label follows which, within clips.

    Returns:
        Shape (labels, labels): how often the label of the row was followed by that of the column. A
        bout that follows one of its own label, after a pause, counts too.
    """
    number_of = {label: number for number, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), np.int64)
    for part in footage:
        numbers = [number_of[segment.label] for segment in joined(part.segments)]
        for before, after in pairwise(numbers):
            counts[before, after] += 1
    return counts
