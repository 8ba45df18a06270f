"""The summary of a clip: its label, its segments and its label switches."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from activity.temporal.predictions import Predictions
from activity.temporal.segments import Segment
from activity.temporal.smoothing import run_starts


class LabelRun(NamedTuple):
    """Consecutive frames with the same label, from the first to the last of them.

    Attributes:
        label: name of the label.
        start: time of the first frame in seconds.
        end: time of the first frame after it, or the end of the clip.
        first_frame: number of the first frame, from 0.
        last_frame: number of the last frame.
        looks_like: names of things that the frames look like, if the label is ``unknown`` or
            doubtful and the names are known.
    """

    label: str
    start: float
    end: float
    first_frame: int
    last_frame: int
    looks_like: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the run as ``write_json`` takes it, without names that are not known."""
        told = self._asdict() | {"looks_like": [*self.looks_like]}
        if not self.looks_like:
            del told["looks_like"]
        return told


@dataclass(frozen=True, eq=False)
class Summary:
    """The result of a clip; its size grows with runs, not with frames.

    Attributes:
        labels: name of each class.
        adjective: what smoothing made the labels, in one word, such as ``averaged``.
        frames: how many frames were labelled.
        classified_frames: how many of them were classified.
        probabilities: mean of all raw predictions, shape (labels,).
        raw_switches: how often the label of the raw predictions changed.
        runs: the runs of frames with the same label, in order.
    """

    labels: Sequence[str]
    adjective: str
    frames: int
    classified_frames: int
    probabilities: NDArray[np.float64]
    raw_switches: int
    runs: Sequence[LabelRun]

    @property
    def switches(self) -> int:
        """How often the label of the frames changed."""
        return len(self.runs) - 1

    @property
    def segments(self) -> list[Segment]:
        """The runs as segments in seconds."""
        return [Segment(run.start, run.end, run.label) for run in self.runs]

    @property
    def label(self) -> str:
        """The label of the whole clip: the most probable one in the mean of all raw predictions."""
        return self.labels[int(self.probabilities.argmax())]

    @property
    def probability(self) -> float:
        """Mean probability of that label, 0..1."""
        return float(self.probabilities.max())

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as ``write_json`` takes it."""
        return {
            "overall": {
                "label": self.label,
                "probability": self.probability,
                "probabilities": dict(zip(self.labels, self.probabilities.tolist(), strict=True)),
            },
            "frames": {"read": self.frames, "classified": self.classified_frames},
            "switches": {
                "raw": self.raw_switches,
                "smoothed": self.switches,
                # Its only name at first, which changes with --smoothing.
                self.adjective: self.switches,
            },
            "segments": [run.as_dict() for run in self.runs],
        }


def summarise(predictions: Predictions, numbers: NDArray[np.integer], adjective: str) -> Summary:
    """Summarise a clip.

    Args:
        predictions: of the clip.
        numbers: number of each frame's label, shape (frames,).
        adjective: what smoothing made the labels, in one word.

    Example:
        >>> seen = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]], np.float32)
        >>> clip = Predictions(np.arange(3) / 25, seen, 1, ["golf", "tennis"], end=0.12)
        >>> summarise(clip, np.array([0, 1, 1], np.uint8), "raw").segments
        [Segment(start=0.0, end=0.04, label='golf'), Segment(start=0.04, end=0.12, label='tennis')]
    """
    starts = run_starts(numbers)
    bounds = pairwise([*predictions.times[starts].tolist(), predictions.end])
    frames = pairwise([*starts.tolist(), len(numbers)])
    raw = predictions.probabilities
    return Summary(
        labels=predictions.labels,
        adjective=adjective,
        frames=predictions.frames,
        classified_frames=len(raw),
        probabilities=raw.sum(axis=0, dtype=np.float64) / len(raw),
        raw_switches=int(np.count_nonzero(np.diff(raw.argmax(axis=1)))),
        runs=[
            LabelRun(predictions.labels[numbers[first]], start, end, first, stop - 1)
            for (first, stop), (start, end) in zip(frames, bounds, strict=True)
        ],
    )
