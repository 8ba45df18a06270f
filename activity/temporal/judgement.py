"""A labelled clip compared with its truth, under each smoothing that is compared.

Frames and segments are compared by the measures of temporal segmentation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from activity.temporal.learned import LearnedSpan, is_learned
from activity.temporal.segments import UNKNOWN, Segment, latest_starts
from activity.temporal.smoothing import RAW, Compared, Smoothing, run_starts

OVERLAPS = (0.1, 0.25, 0.5)
"""Least intersection over union of a segment that counts as found: F1@10, F1@25 and F1@50."""

NOT_JUDGED = -1

NO_LABEL = -2
"""Number of an earlier label that the model does not have now: it is never right."""


@dataclass(frozen=True)
class Truth:
    """What a table says a clip shows.

    Attributes:
        path: path of the table.
        segments: in order and without overlap; gaps are not judged.
    """

    path: Path
    segments: Sequence[Segment]


@dataclass(frozen=True)
class Earlier:
    """What was known of a clip before it was labelled.

    Attributes:
        learned: stretches of it that the model has learned from.
        labels: labels that an earlier run gave its frames, numbered as ``frame_labels`` does, or
            ``NO_LABEL``; shape (frames,). None if there is no such run.
    """

    learned: Sequence[LearnedSpan] = ()
    labels: NDArray[np.intp] | None = None


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


@dataclass(frozen=True)
class Rightness:
    """How many of some frames of a clip have the true label.

    Attributes:
        frames: how many there are.
        seconds: that they are shown for.
        right: how many are right, as drawn.
        right_before: how many were right in the earlier run; None if there was none.
    """

    frames: int
    seconds: float
    right: int
    right_before: int | None

    def as_dict(self) -> dict[str, object]:
        """Return it as ``write_json`` takes it."""
        return {
            "frames": self.frames,
            "seconds": self.seconds,
            "frames_right": _share(self.right, self.frames),
            "frames_right_before": _share(self.right_before, self.frames),
        }


@dataclass(frozen=True)
class Judgement:
    """How well the labels of a clip agree with its truth.

    Attributes:
        truth: path of the table with the truth.
        labels: name of each label; the number ``len(labels)`` stands for ``unknown``.
        judged: the frames that count.
        learned: those that the model has learned from, and that do not.
        true_switches: how often the true label changes.
        drawn: the smoothing that was asked for.
        agreements: agreement of each smoothing that was compared; empty if no frame is judged.
    """

    truth: Path
    labels: Sequence[str]
    judged: Rightness
    learned: Rightness
    true_switches: int
    drawn: Smoothing
    agreements: dict[Smoothing, Agreement]

    def as_dict(self) -> dict[str, object]:
        """Return the judgement as ``write_json`` takes it."""
        names = [*self.labels, UNKNOWN]
        return {
            "path": self.truth,
            "frames": self.judged.frames,
            "switches": self.true_switches,
            "frames_right_before": _share(self.judged.right_before, self.judged.frames),
            "learned_from": self.learned.as_dict(),
            "results": [
                {
                    "smoothing": None if smoothing == RAW else smoothing.way,
                    "size": smoothing.size,
                    "drawn": smoothing == self.drawn,
                    "frames_right": result.frames_right,
                    "recall": {names[number]: share for number, share in result.recall.items()},
                    "edit": result.edit,
                    **{
                        f"f1_{overlap * 100:.0f}": f1
                        for overlap, f1 in zip(OVERLAPS, result.f1, strict=True)
                    },
                    "switches": result.switches,
                    "delay_frames": result.delay,
                }
                for smoothing, result in self.agreements.items()
            ],
        }


def judge(
    times: NDArray[np.float64],
    labels: Sequence[str],
    compared: Compared,
    drawn: Smoothing,
    truth: Truth,
    earlier: Earlier,
) -> Judgement:
    """Judge the labels of a clip under each smoothing.

    Frames that the model has learned from are not judged: they say nothing of other footage.

    Args:
        times: when each frame is shown, in seconds, shape (frames,).
        labels: name of each class.
        compared: the smoothings to judge, with the numbers of their labels.
        drawn: the one of them that was asked for.
        truth: what the clip shows.
        earlier: what was known of it before.
    """
    true = frame_labels(truth.segments, times, labels)
    learned = (true != NOT_JUDGED) & is_learned(times, earlier.learned)
    judged = (true != NOT_JUDGED) & ~learned
    steps = np.diff(times)
    durations = np.append(steps, steps[-1:] if len(steps) else 0.0)  # the last as the one before

    def rightness(chosen: NDArray[np.bool_]) -> Rightness:
        def right(numbers: NDArray[np.integer]) -> int:
            return int((numbers == true)[chosen].sum())

        before = None if earlier.labels is None else right(earlier.labels)
        seconds = float(durations[chosen].sum())
        return Rightness(int(chosen.sum()), seconds, right(compared[drawn]), before)

    parts = rightness(judged), rightness(learned)
    true[learned] = NOT_JUDGED
    agreements = {
        smoothing: agreement(numbers, true)
        for smoothing, numbers in compared.items()
        if judged.any()
    }
    switches = int(np.count_nonzero(np.diff(true[judged])))
    return Judgement(truth.path, labels, *parts, switches, drawn, agreements)


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
    latest = latest_starts(times)
    place = np.searchsorted([segment.start for segment in segments], latest, side="right") - 1
    inside = (place >= 0) & (latest < np.array([segment.end for segment in segments])[place])
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
    found_labels, true_labels = given[run_starts(given)], wanted[run_starts(wanted)]
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


def format_judgement(judgement: Judgement) -> str:
    """Format a judgement as a table; a star marks the smoothing that was asked for."""
    if not judgement.judged.frames:
        why = f"the model has learned from all that {judgement.truth} is about"
        if not judgement.learned.frames:
            why = f"no frame of the clip lies in a segment of {judgement.truth}"
        return f"{why}: nothing is judged"
    heads = ["frames", "edit", *(f"F1@{overlap * 100:.0f}" for overlap in OVERLAPS)]
    lines = [
        f"judged by {judgement.truth}: {judgement.judged.frames} frames, "
        f"{judgement.true_switches} true switches; from 0 to 1, 1 is best; delay in frames:",
        f"  {'':16}{''.join(f'{head:>8}' for head in heads)}{'switches':>10}{'delay':>8}",
    ]
    for smoothing, result in judgement.agreements.items():
        figures = [result.frames_right, result.edit, *result.f1]
        cells = "".join(f"{figure:8.3f}" for figure in figures)
        star = "*" if smoothing == judgement.drawn else " "
        delay = "" if result.delay is None else f"{result.delay:8g}"
        lines.append(f"{star} {smoothing.name:16}{cells}{result.switches:10}{delay}")
    return "\n".join(lines)


def format_rightness(judgements: Sequence[Judgement]) -> list[str]:
    """Say in a line each how many frames of all clips were right before, and how many are now.

    Frames that the model has learned from are told apart, in a line of their own.
    """
    judged = _sum([judgement.judged for judgement in judgements])
    learned = _sum([judgement.learned for judgement in judgements])
    lines = []
    if judged.frames:
        if judged.right_before is not None:
            share = _share(judged.right_before, judged.frames)
            lines.append(f"frames right before: {share:.3f}, as the review page has them")
        share = _share(judged.right, judged.frames)
        lines.append(f"frames right now: {share:.3f} of {judged.frames}")
    if learned.frames:
        right = f"{_share(learned.right, learned.frames):.3f}"
        if learned.right_before is not None:
            right += f", before {_share(learned.right_before, learned.frames):.3f}"
        lines.append(
            f"left out of that: {learned.seconds:.1f} s that the model has learned from "
            f"(frames right there: {right})"
        )
    return lines


def _sum(parts: Sequence[Rightness]) -> Rightness:
    before = [part.right_before for part in parts if part.right_before is not None]
    return Rightness(
        frames=sum(part.frames for part in parts),
        seconds=sum(part.seconds for part in parts),
        right=sum(part.right for part in parts),
        right_before=sum(before) if len(before) == len(parts) else None,
    )


def _share(right: int | None, frames: int) -> float | None:
    return right / frames if right is not None and frames else None
