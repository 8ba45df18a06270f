"""The summary of a clip: its label, its segments and its label switches."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from activity.temporal.prediction import Prediction
from activity.temporal.segments import Segment


@dataclass(slots=True)
class LabelRun:
    """Consecutive frames with the same label, from the first to the last of them.

    Attributes:
        label: name of the label.
        first_frame: number of the first frame, from 0.
        last_frame: number of the last frame.
        start: time of the first frame in seconds.
    """

    label: str
    first_frame: int
    last_frame: int
    start: float


class Summary:
    """The result of a clip, gathered frame by frame; memory grows with runs, not with frames.

    Attributes:
        labels: name of each class.
        adjective: what smoothing made the labels, in one word, such as ``averaged``.
        frames: how many frames were labelled.
        classified_frames: how many of them were classified.
        raw_switches: how often the label of the raw predictions changed.
        runs: the runs of frames with the same label, in order.
    """

    def __init__(self, labels: Sequence[str], adjective: str = "averaged") -> None:
        self.frames = 0
        self.classified_frames = 0
        self.raw_switches = 0
        self.runs: list[LabelRun] = []
        self.labels = labels
        self.adjective = adjective
        self._sum = np.zeros(len(labels))
        self._raw_winner: int | None = None

    def add(self, prediction: Prediction) -> None:
        """Add the next frame."""
        self.frames += 1
        if prediction.raw is not None:
            self.classified_frames += 1
            self._sum += prediction.raw
            winner = int(prediction.raw.argmax())
            self.raw_switches += self._raw_winner not in (None, winner)
            self._raw_winner = winner
        label = self.labels[prediction.label]
        if not self.runs or self.runs[-1].label != label:
            self.runs.append(LabelRun(label, prediction.frame, prediction.frame, prediction.time))
        self.runs[-1].last_frame = prediction.frame

    @property
    def switches(self) -> int:
        """How often the label of the frames changed."""
        return max(0, len(self.runs) - 1)

    def segments(self, end: float) -> list[Segment]:
        """Return the runs as segments in seconds.

        Args:
            end: end of the clip in seconds, where its last segment ends.
        """
        bounds = [run.start for run in self.runs] + [end]
        return [
            Segment(start, stop, run.label)
            for run, (start, stop) in zip(self.runs, pairwise(bounds), strict=True)
        ]

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Mean of all raw predictions, shape (labels,); zeros before the first."""
        return self._sum / max(1, self.classified_frames)

    @property
    def label(self) -> str:
        """The label of the whole clip: the most probable one in the mean of all raw predictions."""
        return self.labels[int(self._sum.argmax())]

    @property
    def probability(self) -> float:
        """Mean probability of that label, 0..1."""
        return float(self.probabilities.max())

    def as_dict(self, end: float) -> dict[str, Any]:
        """Return the summary as ``write_json`` takes it.

        Args:
            end: end of the clip in seconds, where its last segment ends.
        """
        return {
            "overall": {
                "label": self.label if self.classified_frames else None,
                "probability": self.probability if self.classified_frames else None,
                "probabilities": dict(zip(self.labels, self.probabilities.tolist(), strict=True)),
            },
            "frames": {"read": self.frames, "classified": self.classified_frames},
            "switches": {
                "raw": self.raw_switches,
                "smoothed": self.switches,
                # Its only name at first, which changes with --smoothing.
                self.adjective: self.switches,
            },
            "segments": [
                {
                    "label": run.label,
                    "start": segment.start,
                    "end": segment.end,
                    "first_frame": run.first_frame,
                    "last_frame": run.last_frame,
                }
                for run, segment in zip(self.runs, self.segments(end), strict=True)
            ],
        }
