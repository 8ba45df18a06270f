"""Rate how doubtful the label of a segment is, so that people look there first.

What unknown and doubtful segments look like tells a person which photos would help.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from activity.network.imagenet_names import heaviest_names
from activity.network.profiles import weights_of_names
from activity.temporal.predictions import Predictions
from activity.temporal.segments import UNKNOWN, Segment
from activity.temporal.summary import Summary

DOUBTFUL = 0.5
"""Segments with at least this much doubt are those that the page leads to."""

# A label that changes at every tenth frame has the highest doubt.
_MOST_SWITCHES = 0.1

_NAMES = 3  # that a segment looks like


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


def weigh_segments(predictions: Predictions, segments: Sequence[Segment]) -> list[WeighedSegment]:
    """Find out how doubtful each segment of a clip is.

    Frames after the last segment count for nothing.

    Args:
        predictions: of the clip.
        segments: what was decided, in order of time and without gaps, with its labels.
    """
    number_of = {label: number for number, label in enumerate(predictions.labels)}
    bounds = [segment.start for segment in segments[1:]] + [segments[-1].end]
    times = predictions.times[:: predictions.stride]
    rows = [0, *np.searchsorted(times, bounds).tolist()]
    weighed = []
    for segment, (first, last) in zip(segments, pairwise(rows), strict=True):
        raw = predictions.probabilities[first:last]
        means = raw.sum(axis=0, dtype=np.float64) / max(1, len(raw))
        own = number_of[segment.label]
        best_other = float(np.delete(means, own).max())
        changes = int(np.count_nonzero(np.diff(raw.argmax(axis=1))))
        value = doubt(segment.label, float(means[own]), best_other, changes, len(raw))
        weighed.append(WeighedSegment(segment, changes, value))
    return weighed


def with_looks(summary: Summary, predictions: Predictions) -> Summary:
    """Add to each unknown or doubtful run the names of ImageNet that weigh most in its frames.

    Args:
        summary: of a clip.
        predictions: of the same frames; without their ``looks``, nothing is added.
    """
    looks = predictions.looks
    if looks is None:
        return summary
    weighed = weigh_segments(predictions, summary.segments)
    runs = []
    for run, segment in zip(summary.runs, weighed, strict=True):
        first, last = np.array([run.first_frame, run.last_frame]) // predictions.stride
        if segment.doubt >= DOUBTFUL:
            names = heaviest_names(weights_of_names(looks[first : last + 1]), _NAMES)
            run = run._replace(looks_like=tuple(names))
        runs.append(run)
    return replace(summary, runs=runs)
