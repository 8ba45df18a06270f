"""A labelled clip held against its truth: every way of smoothing that is compared, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from activity.temporal.envelope import RAW, Band, compared_bands
from activity.temporal.metrics import NOT_JUDGED, OVERLAPS, Agreement, agreement, frame_labels
from activity.temporal.record import Record
from activity.temporal.segments import UNKNOWN, Segment
from activity.temporal.smoothing import smoothed_labels


@dataclass(frozen=True)
class Judgement:
    """What the truth says of a clip's labels.

    Attributes:
        truth: the table that was judged by.
        labels: name of each label; one past the last stands for ``unknown``.
        frames: how many frames were judged.
        true_switches: how often the true label changes.
        drawn: the way of smoothing that was asked for.
        agreements: of each way that was compared; empty where no frame is judged.
    """

    truth: Path
    labels: Sequence[str]
    frames: int
    true_switches: int
    drawn: Band
    agreements: dict[Band, Agreement]

    def as_dict(self) -> dict[str, object]:
        """Turn the judgement into what ``write_json`` takes."""
        names = [*self.labels, UNKNOWN]
        return {
            "path": self.truth,
            "frames": self.frames,
            "switches": self.true_switches,
            "results": [
                {
                    "smoothing": None if band == RAW else band.smoothing,
                    "size": band.size,
                    "drawn": band == self.drawn,
                    "frames_right": result.frames_right,
                    "recall": {names[number]: share for number, share in result.recall.items()},
                    "edit": result.edit,
                    **{f"f1_{overlap * 100:.0f}": f1 for overlap, f1 in _by_overlap(result)},
                    "switches": result.switches,
                    "delay_frames": result.delay,
                }
                for band, result in self.agreements.items()
            ],
        }


def judge(
    record: Record,
    labels: Sequence[str],
    drawn: Band,
    compare: Sequence[int],
    truth: Path,
    segments: Sequence[Segment],
) -> Judgement:
    """Judge a recorded clip: raw, as it was drawn, and at each size in both ways of smoothing.

    Args:
        record: of the clip.
        labels: name of each class.
        drawn: how the labels that were asked for are smoothed.
        compare: further sizes, in frames.
        truth: where the segments are from.
        segments: the truth, in order and without overlap.
    """
    times = np.fromiter((time for time, _ in record.read()), np.float64, record.frames)
    true = frame_labels(segments, times, labels)
    judged = true[true != NOT_JUDGED]
    if not len(judged):
        return Judgement(truth, labels, 0, 0, drawn, {})
    agreements = {
        band: agreement(smoothed_labels(record, *band), true)
        for band in compared_bands(drawn.size, compare)
    }
    switches = int(np.count_nonzero(np.diff(judged)))
    return Judgement(truth, labels, len(judged), switches, drawn, agreements)


def format_judgement(judgement: Judgement) -> str:
    """Lay a judgement out as a table for people; a star marks the way that was asked for."""
    if not judgement.frames:
        return f"no frame of the clip lies in a segment of {judgement.truth}: nothing is judged"
    heads = ["frames", "edit", *(f"F1@{overlap * 100:.0f}" for overlap in OVERLAPS)]
    lines = [
        f"judged by {judgement.truth}: {judgement.frames} frames, "
        f"{judgement.true_switches} true switches; from 0 to 1, 1 is best; delay in frames:",
        f"  {'':16}{''.join(f'{head:>8}' for head in heads)}{'switches':>10}{'delay':>8}",
    ]
    for band, result in judgement.agreements.items():
        figures = [result.frames_right, result.edit, *result.f1]
        cells = "".join(f"{figure:8.3f}" for figure in figures)
        star = "*" if band == judgement.drawn else " "
        delay = "" if result.delay is None else f"{result.delay:8g}"
        lines.append(f"{star} {band.name:16}{cells}{result.switches:10}{delay}")
    return "\n".join(lines)


def _by_overlap(result: Agreement) -> list[tuple[float, float]]:
    return list(zip(OVERLAPS, result.f1, strict=True))
