"""A labelled clip compared with its truth, under each smoothing that is compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from activity.temporal.metrics import NOT_JUDGED, OVERLAPS, Agreement, agreement, frame_labels
from activity.temporal.record import Record
from activity.temporal.segments import UNKNOWN, Segment
from activity.temporal.smoothing import RAW, Smoothing, compared_smoothings


@dataclass(frozen=True)
class Judgement:
    """How well the labels of a clip agree with its truth.

    Attributes:
        truth: path of the table with the truth.
        labels: name of each label; the number ``len(labels)`` stands for ``unknown``.
        frames: number of frames that were judged.
        true_switches: how often the true label changes.
        drawn: the smoothing that was asked for.
        agreements: agreement of each smoothing that was compared; empty if no frame is judged.
    """

    truth: Path
    labels: Sequence[str]
    frames: int
    true_switches: int
    drawn: Smoothing
    agreements: dict[Smoothing, Agreement]

    def as_dict(self) -> dict[str, object]:
        """Return the judgement as ``write_json`` takes it."""
        names = [*self.labels, UNKNOWN]
        return {
            "path": self.truth,
            "frames": self.frames,
            "switches": self.true_switches,
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
    record: Record,
    labels: Sequence[str],
    drawn: Smoothing,
    compare: Sequence[int],
    truth: Path,
    segments: Sequence[Segment],
) -> Judgement:
    """Judge a recorded clip: raw, as drawn, and smoothed in both ways at each size.

    Args:
        record: record of the clip.
        labels: name of each class.
        drawn: the smoothing that was asked for.
        compare: further sizes, in frames.
        truth: path that the segments were read from.
        segments: the truth, in order and without overlap.
    """
    times = np.fromiter((time for time, _ in record.read()), np.float64, record.frames)
    true = frame_labels(segments, times, labels)
    judged = true[true != NOT_JUDGED]
    if not len(judged):
        return Judgement(truth, labels, 0, 0, drawn, {})
    agreements = {
        smoothing: agreement(smoothing.labels(record), true)
        for smoothing in compared_smoothings(drawn.size, compare)
    }
    switches = int(np.count_nonzero(np.diff(judged)))
    return Judgement(truth, labels, len(judged), switches, drawn, agreements)


def format_judgement(judgement: Judgement) -> str:
    """Format a judgement as a table; a star marks the smoothing that was asked for."""
    if not judgement.frames:
        return f"no frame of the clip lies in a segment of {judgement.truth}: nothing is judged"
    heads = ["frames", "edit", *(f"F1@{overlap * 100:.0f}" for overlap in OVERLAPS)]
    lines = [
        f"judged by {judgement.truth}: {judgement.frames} frames, "
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


def _by_overlap(result: Agreement) -> list[tuple[float, float]]:
    return list(zip(OVERLAPS, result.f1, strict=True))
