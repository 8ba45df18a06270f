"""Rate how doubtful the label of a segment is, so that people look there first."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from activity.temporal.record import Record
from activity.temporal.segments import UNKNOWN, Segment

DOUBTFUL = 0.5
"""Segments with at least this much doubt are those that the page leads to."""

# A label that changes at every tenth frame has the highest doubt.
_MOST_SWITCHES = 0.1


@dataclass(frozen=True)
class WeighedSegment:
    """A segment of a clip, and how doubtful its label is.

    Attributes:
        segment: from when to when, and the label.
        switches: how often the raw label changes within it.
        doubt: 0 (none) to 1, as ``doubt`` computes it.
    """

    segment: Segment
    switches: int
    doubt: float


def doubt(label: str, own: float, best_other: float, switches: int, frames: int) -> float:
    """Compute how doubtful the label of a segment is.

    It is 1 for ``unknown``. Otherwise it is the larger of two numbers: 1 minus the margin of the
    label over the best other label, in mean raw probability and relative to their sum (so that it
    means the same with 3 labels and with 22); and the number of changes of the raw label, where one
    in ten frames or more counts as 1.

    Args:
        label: label of the segment.
        own: mean raw probability of the label over the segment, 0..1.
        best_other: highest mean raw probability among the other labels, 0..1.
        switches: number of times that the raw label changes between classified frames.
        frames: number of classified frames of the segment.

    Returns:
        0 (no doubt) to 1.

    Example:
        >>> doubt("tennis", own=0.75, best_other=0.25, switches=0, frames=100)
        0.5
        >>> round(doubt("tennis", own=0.9, best_other=0.1, switches=8, frames=101), 3)
        0.8
    """
    if label == UNKNOWN:
        return 1.0
    margin = (own - best_other) / (own + best_other) if own > best_other else 0.0
    flicker = switches / max(1, frames - 1) / _MOST_SWITCHES
    return max(1 - margin, min(1.0, flicker))


def clip_doubt(segments: Sequence[WeighedSegment]) -> float:
    """Average the doubt of a clip's segments over time, to rank clips; 0 without segments."""
    seconds = [one.segment.end - one.segment.start for one in segments]
    total = sum(seconds)
    if not total:
        return 0.0
    return sum(s * one.doubt for s, one in zip(seconds, segments, strict=True)) / total


def weigh_segments(
    record: Record, segments: Sequence[Segment], labels: Sequence[str]
) -> list[WeighedSegment]:
    """Find out how doubtful each segment of a recorded clip is, in one pass over its predictions.

    Frames after the last segment count for nothing.

    Args:
        record: record of the clip.
        segments: what was decided, in order of time and without gaps.
        labels: name of each class of the record; a segment's label is one of them.
    """
    if not segments:
        return []
    number_of = {label: number for number, label in enumerate(labels)}
    starts = np.array([segment.start for segment in segments])
    sums = np.zeros((len(segments), len(labels)))
    frames = np.zeros(len(segments), np.int64)
    switches = np.zeros(len(segments), np.int64)
    before_place, before_winner = -1, -1
    for time, raw in record.read():
        if raw is None or time >= segments[-1].end:
            continue
        place = max(0, int(np.searchsorted(starts, time, side="right")) - 1)
        winner = int(raw.argmax())
        sums[place] += raw
        frames[place] += 1
        switches[place] += place == before_place and winner != before_winner
        before_place, before_winner = place, winner

    weighed = []
    for place, segment in enumerate(segments):
        means = sums[place] / max(1, frames[place])
        own = number_of[segment.label]
        best_other = float(np.delete(means, own).max())
        changes, count = int(switches[place]), int(frames[place])
        value = doubt(segment.label, float(means[own]), best_other, changes, count)
        weighed.append(WeighedSegment(segment, changes, value))
    return weighed
