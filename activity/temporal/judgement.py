"""A labelled clip compared with its truth, under each smoothing that is compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from activity.temporal.learned import LearnedSpan, is_learned
from activity.temporal.metrics import NOT_JUDGED, OVERLAPS, Agreement, agreement, frame_labels
from activity.temporal.segments import UNKNOWN, Segment
from activity.temporal.smoothing import RAW, Compared, Smoothing

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
                    **{f"f1_{overlap * 100:.0f}": f1 for overlap, f1 in _by_overlap(result)},
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

    def rightness(chosen: NDArray[np.bool_]) -> Rightness:
        right = chosen & (compared[drawn] == true)
        before = None if earlier.labels is None else chosen & (earlier.labels == true)
        return Rightness(
            frames=int(chosen.sum()),
            seconds=float(_durations(times)[chosen].sum()),
            right=int(right.sum()),
            right_before=None if before is None else int(before.sum()),
        )

    parts = rightness(judged), rightness(learned)
    true[learned] = NOT_JUDGED
    agreements = {
        smoothing: agreement(numbers, true)
        for smoothing, numbers in compared.items()
        if judged.any()
    }
    switches = int(np.count_nonzero(np.diff(true[judged])))
    return Judgement(truth.path, labels, *parts, switches, drawn, agreements)


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


def _durations(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """How long each frame is shown, in seconds; the last as long as the one before."""
    steps = np.diff(times)
    return np.append(steps, steps[-1:] if len(steps) else 0.0)


def _by_overlap(result: Agreement) -> list[tuple[float, float]]:
    return list(zip(OVERLAPS, result.f1, strict=True))
