"""How well labels over time agree with the truth: measures of temporal segmentation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from activity.temporal.segments import Segment

OVERLAPS = (0.1, 0.25, 0.5)
"""Least intersection over union of a segment that counts as found: F1@10, F1@25 and F1@50."""

NOT_JUDGED = -1

_ROUNDED = 1e-6
"""Seconds. Tables round times to microseconds, so a segment may start after its first frame."""


@dataclass(frozen=True)
class Agreement:
    """Labels of a clip's frames compared with the truth. Scores are from 0 to 1, and 1 is best.

    Attributes:
        frames_right: share of the frames with the true label.
        recall: the same share among the frames of each true label, by the label's number.
        edit: segmental edit score: whether the segments have the right labels in the right order.
        f1: F1 scores of the segments found, at each of ``OVERLAPS``.
        switches: how often the label changes.
        delay: frames from a true change until the label is first right (the whole segment if it
            never is), the median over all changes; None if nothing changes.
    """

    frames_right: float
    recall: dict[int, float]
    edit: float
    f1: tuple[float, ...]
    switches: int
    delay: float | None


def frame_labels(
    segments: Sequence[Segment], times: NDArray[np.float64], labels: Sequence[str]
) -> NDArray[np.intp]:
    """Look up the true label of each frame.

    Args:
        segments: the truth, in order and without overlap.
        times: times of the frames in seconds, shape (frames,).
        labels: the labels, whose indices are returned.

    Returns:
        Shape (frames,): the number of the label; ``len(labels)`` for a label that is not one of
        ``labels``; ``NOT_JUDGED`` in gaps and in segments without a label.
    """
    if not segments:
        return np.full(len(times), NOT_JUDGED)
    number_of = {label: number for number, label in enumerate(labels)} | {"": NOT_JUDGED}
    numbers = np.array([number_of.get(segment.label, len(labels)) for segment in segments])
    times = times + _ROUNDED
    place = np.searchsorted([segment.start for segment in segments], times, side="right") - 1
    inside = (place >= 0) & (times < np.array([segment.end for segment in segments])[place])
    return np.where(inside, numbers[place], NOT_JUDGED)


def agreement(predicted: NDArray[np.integer], truth: NDArray[np.integer]) -> Agreement:
    """Compare labels with the truth, by frames and by segments.

    Frames that are ``NOT_JUDGED`` are removed from both.

    Args:
        predicted: number of each frame's label, shape (frames,).
        truth: number of each frame's true label, shape (frames,); at least one is judged.

    Example:
        >>> found = agreement(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]))
        >>> found.frames_right, found.recall, found.edit, found.f1
        (0.75, {0: 1.0, 1: 0.5}, 1.0, (1.0, 1.0, 1.0))
        >>> found.switches, found.delay
        (1, 1.0)
    """
    judged = truth != NOT_JUDGED
    given, wanted = predicted[judged].astype(np.intp), truth[judged].astype(np.intp)
    found, true = _segment_numbers(given), _segment_numbers(wanted)
    found_labels = given[np.flatnonzero(np.diff(found, prepend=-1))]
    true_labels = wanted[np.flatnonzero(np.diff(true, prepend=-1))]
    best = _best_overlaps(found, true, found_labels, true_labels)
    right = given == wanted
    return Agreement(
        frames_right=float(right.mean()),
        recall={
            number: float(right[wanted == number].mean()) for number in np.unique(wanted).tolist()
        },
        edit=_edit_score(found_labels, true_labels),
        f1=tuple(_f1(best, least, len(found_labels), len(true_labels)) for least in OVERLAPS),
        switches=len(found_labels) - 1,
        delay=_median_delay(right, true),
    )


def _segment_numbers(labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the number, from 0, of each frame's segment, shape (frames,)."""
    return np.cumsum(np.diff(labels, prepend=labels[0]) != 0)


def _median_delay(right: NDArray[np.bool_], true: NDArray[np.intp]) -> float | None:
    delays = np.bincount(true)  # a segment that is never right is late by its length
    starts = np.cumsum(delays) - delays
    found, first = np.unique(true[right], return_index=True)
    delays[found] = np.flatnonzero(right)[first] - starts[found]
    return float(np.median(delays[1:])) if len(delays) > 1 else None


def _edit_score(found: NDArray[np.intp], true: NDArray[np.intp]) -> float:
    """1 - Levenshtein distance / length of the longer (Lea et al., CVPR 2017, arXiv:1611.05267)."""
    if len(found) < len(true):
        found, true = true, found
    # Row by row over the longer sequence: a flickering clip has as many segments as frames.
    steps = np.arange(len(found) + 1)
    distance = steps
    for row, label in enumerate(true, 1):
        replaced = distance[:-1] + (found != label)
        removed = distance[1:] + 1
        best = np.concatenate([[row], np.minimum(replaced, removed)])
        # An insertion costs one more than the entry to its left.
        distance = np.minimum.accumulate(best - steps) + steps
    return float(1 - distance[-1] / len(found))


def _best_overlaps(
    found: NDArray[np.intp],
    true: NDArray[np.intp],
    found_labels: NDArray[np.intp],
    true_labels: NDArray[np.intp],
) -> list[tuple[int, float]]:
    """Match each found segment with the true one of the same label that it overlaps most.

    Returns:
        (number of the true segment, intersection over union) of each found segment that overlaps
        one, in the order of time.
    """
    pairs, shared = np.unique(found * len(true_labels) + true, return_counts=True)
    left, right = np.divmod(pairs, len(true_labels))
    union = np.bincount(found)[left] + np.bincount(true)[right] - shared
    best: dict[int, tuple[int, float]] = {}
    for segment, other, overlap in zip(
        left.tolist(), right.tolist(), (shared / union).tolist(), strict=True
    ):
        same = found_labels[segment] == true_labels[other]
        if same and overlap > best.get(segment, (0, 0.0))[1]:
            best[segment] = (other, overlap)
    return list(best.values())


def _f1(best: Sequence[tuple[int, float]], overlap: float, found: int, true: int) -> float:
    """F1 score of ``found`` segments (Lea et al., CVPR 2017); a true one counts at most once."""
    matched = {other for other, shared in best if shared >= overlap}
    return 2 * len(matched) / (found + true)
