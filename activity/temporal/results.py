"""What was predicted for a clip, as files for other programs: a table and a summary."""

import csv
import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from activity.common.writing import replace_when_complete
from activity.temporal.segments import Segment as TimedSegment

_WAYS = {"rolling": "averaged", "viterbi": "viterbi"}


@dataclass(frozen=True, eq=False, slots=True)
class Prediction:
    """What is known of one frame. Tables, summaries and pictures are all made from these.

    Attributes:
        frame: number of the frame, from 0.
        time: of the frame in the clip, in seconds.
        raw: probabilities of this frame alone, shape (labels,); None for a frame that was not
            classified (between the steps of ``--stride``).
        smoothed: probabilities that go with the label, shape (labels,): the mean of the window
            that ends at this frame, or of the stretch with one label that the frame lies in.
        label: number of the frame's label, the one that is drawn on it.
    """

    frame: int
    time: float
    raw: NDArray[np.float32] | None
    smoothed: NDArray[np.float64]
    label: int

    @property
    def probability(self) -> float:
        """Smoothed probability of the label, 0..1."""
        return float(self.smoothed[self.label])


@dataclass(slots=True)
class Segment:
    """A stretch of frames with one label: first to last frame, both in it."""

    label: str
    first_frame: int
    last_frame: int
    start: float  # seconds


class Summary:
    """The outcome of a clip, gathered frame by frame; it grows with segments, not frames.

    Attributes:
        labels: name of each class.
        way: what the smoothing makes of a label, in a word.
        frames: how many frames were labelled.
        classified_frames: how many of them were classified.
        raw_switches: how often the label of the raw predictions changed.
        segments: the stretches of one label, in order.
    """

    def __init__(self, labels: Sequence[str], smoothing: str = "rolling") -> None:
        self.frames = 0
        self.classified_frames = 0
        self.raw_switches = 0
        self.segments: list[Segment] = []
        self.labels = labels
        self.way = _WAYS[smoothing]
        self._sum = np.zeros(len(labels))
        self._raw_winner: int | None = None

    def add(self, prediction: Prediction) -> None:
        """Take in the next frame."""
        self.frames += 1
        if prediction.raw is not None:
            self.classified_frames += 1
            self._sum += prediction.raw
            winner = int(prediction.raw.argmax())
            self.raw_switches += self._raw_winner not in (None, winner)
            self._raw_winner = winner
        label = self.labels[prediction.label]
        if not self.segments or self.segments[-1].label != label:
            self.segments.append(
                Segment(label, prediction.frame, prediction.frame, prediction.time)
            )
        self.segments[-1].last_frame = prediction.frame

    @property
    def switches(self) -> int:
        """How often the label of the frames changed."""
        return max(0, len(self.segments) - 1)

    def timed_segments(self, end: float) -> list[TimedSegment]:
        """The segments in seconds; ``end`` is where the last one ends."""
        bounds = [segment.start for segment in self.segments] + [end]
        return [
            TimedSegment(start, stop, segment.label)
            for segment, (start, stop) in zip(self.segments, pairwise(bounds), strict=True)
        ]

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Mean of all raw predictions, shape (labels,); zeros before the first."""
        return self._sum / max(1, self.classified_frames)

    @property
    def label(self) -> str:
        """The label of the whole clip: the most probable on the mean of all raw predictions."""
        return self.labels[int(self._sum.argmax())]

    @property
    def probability(self) -> float:
        """Mean probability of that label, 0..1."""
        return float(self.probabilities.max())

    def as_dict(self, end: float) -> dict[str, Any]:
        """Turn the summary into what ``write_json`` takes.

        Args:
            end: of the clip in seconds, where its last segment ends.
        """
        ends = [segment.start for segment in self.segments[1:]] + [end]
        return {
            "overall": {
                "label": self.label if self.classified_frames else None,
                "probability": self.probability if self.classified_frames else None,
                "probabilities": dict(zip(self.labels, self.probabilities.tolist(), strict=True)),
            },
            "frames": {"read": self.frames, "classified": self.classified_frames},
            "switches": {"raw": self.raw_switches, self.way: self.switches},
            "segments": [
                {
                    "label": segment.label,
                    "start": segment.start,
                    "end": segment_end,
                    "first_frame": segment.first_frame,
                    "last_frame": segment.last_frame,
                }
                for segment, segment_end in zip(self.segments, ends, strict=False)
            ],
        }


@contextmanager
def open_table(path: Path, labels: Sequence[str]) -> Iterator[Callable[[Prediction], None]]:
    """Open a CSV table with one row a frame; it takes its name when the block ends well.

    Columns are ``frame`` (from 0), ``time`` (seconds), ``raw_label``, ``label`` (the one drawn on
    the frame), ``probability`` (smoothed, of that label), and one ``p_<label>`` a class with the
    raw probability. In rows of frames that were not classified, the raw columns are empty.

    Yields:
        A function that writes the row of one prediction.

    Raises:
        UserError: the file system refuses to write.
    """
    with (
        replace_when_complete(path) as (part,),
        # A label is a folder's name, which may hold bytes that are no UTF-8.
        part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        rows = csv.writer(file)
        rows.writerow(
            ["frame", "time", "raw_label", "label", "probability"]
            + [f"p_{label}" for label in labels]
        )

        def write(prediction: Prediction) -> None:
            raw = prediction.raw
            raw_label = "" if raw is None else labels[int(raw.argmax())]
            raw_columns = [""] * len(labels) if raw is None else [f"{p:.6f}" for p in raw.tolist()]
            rows.writerow(
                [
                    prediction.frame,
                    f"{prediction.time:.6f}",
                    raw_label,
                    labels[prediction.label],
                    f"{prediction.probability:.6f}",
                    *raw_columns,
                ]
            )

        yield write


def write_json(path: Path, content: dict[str, object]) -> None:
    """Write a JSON file; numbers that JSON cannot hold (NaN, infinity) become null, paths text.

    Raises:
        UserError: the file system refuses to write.
    """
    text = json.dumps(_plain(content), ensure_ascii=False, allow_nan=False, indent=2)
    with replace_when_complete(path) as (part,):
        # A path may hold bytes that are no UTF-8; escaped with a backslash it is valid JSON.
        part.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
