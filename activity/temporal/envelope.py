"""The predictions of a clip of any length, collected in the columns of a picture."""

from collections.abc import Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.temporal.prediction import Prediction
from activity.temporal.record import Record
from activity.temporal.smoothing import Smoothing, compared_smoothings

MOST_COLUMNS = 2048
"""More than the width of a picture in pixels. An even number."""


class Envelope:
    """What each column of a timeline shows, collected frame by frame in bounded memory.

    A column stands for ``frames_per_column`` frames. That is 1 at first; when all columns are
    full, neighbours are merged and it doubles. So a clip of hours takes no more memory, and no
    more time to draw, than one of a minute. No frame is lost: a column holds extremes and counts,
    not samples.

    Each frame comes with its label in each band, so that smoothings can be compared.
    """

    def __init__(self, labels: Sequence[str], bands: Sequence[Smoothing], drawn: Smoothing) -> None:
        """Start with no frames.

        Args:
            labels: name of each class.
            bands: the smoothings that are compared.
            drawn: the one of them that gives the labels and probabilities of ``Prediction``.
        """
        self.labels = list(labels)
        self.bands = list(bands)
        self.drawn = drawn
        self.frames_per_column = 1
        self._frames = 0
        self._raw = np.zeros(len(labels), np.float32)
        self._winners = np.full(len(bands), -1)

        per_class = (MOST_COLUMNS, len(labels))
        self._start = np.full(MOST_COLUMNS, np.inf)
        self._low = np.full(per_class, np.inf, np.float32)
        self._high = np.zeros(per_class, np.float32)
        self._raw_sum = np.zeros(per_class)
        self._smoothed_sum = np.zeros(per_class)
        self._wins = np.zeros((MOST_COLUMNS, len(bands), len(labels)), np.int32)
        self._switches = np.zeros((MOST_COLUMNS, len(bands)), np.int32)

    def add(self, prediction: Prediction, winners: Sequence[int]) -> None:
        """Add the next frame, with the number of its label in each band.

        A frame that was not classified repeats the last raw prediction.
        """
        if self._frames == MOST_COLUMNS * self.frames_per_column:
            self._merge_neighbours()
        column = self._frames // self.frames_per_column
        self._frames += 1
        if prediction.raw is not None:
            self._raw = prediction.raw
        won = np.array(winners)

        self._start[column] = min(self._start[column], prediction.time)
        np.minimum(self._low[column], self._raw, out=self._low[column])
        np.maximum(self._high[column], self._raw, out=self._high[column])
        self._raw_sum[column] += self._raw
        self._smoothed_sum[column] += prediction.smoothed
        self._wins[column, np.arange(len(won)), won] += 1
        if self._frames > 1:
            self._switches[column] += won != self._winners
        self._winners = won

    @property
    def columns(self) -> int:
        """Number of columns that contain frames."""
        return -(-self._frames // self.frames_per_column)

    @property
    def start(self) -> NDArray[np.float64]:
        """Time of each column's first frame in seconds, shape (columns,)."""
        return self._start[: self.columns]

    @property
    def raw_low(self) -> NDArray[np.float32]:
        """Lowest raw probability of each class, shape (columns, labels)."""
        return self._low[: self.columns]

    @property
    def raw_high(self) -> NDArray[np.float32]:
        """Highest raw probability of each class, shape (columns, labels)."""
        return self._high[: self.columns]

    @property
    def raw(self) -> NDArray[np.float64]:
        """Raw probability of each class, mean over the column, shape (columns, labels)."""
        return self._raw_sum[: self.columns] / self._frames_in_columns()[:, np.newaxis]

    @property
    def smoothed(self) -> NDArray[np.float64]:
        """Smoothed probability of each class, mean over the column, shape (columns, labels)."""
        return self._smoothed_sum[: self.columns] / self._frames_in_columns()[:, np.newaxis]

    @property
    def shares(self) -> NDArray[np.float64]:
        """Share of each label in each band, shape (columns, bands, labels), 0..1."""
        frames = self._frames_in_columns()[:, np.newaxis, np.newaxis]
        return self._wins[: self.columns] / frames

    @property
    def switches(self) -> NDArray[np.int32]:
        """How often the label changed in each band, shape (columns, bands)."""
        return self._switches[: self.columns]

    def _frames_in_columns(self) -> NDArray[np.int64]:
        frames = np.full(self.columns, self.frames_per_column)
        if self._frames % self.frames_per_column:
            frames[-1] = self._frames % self.frames_per_column
        return frames

    def _merge_neighbours(self) -> None:
        self.frames_per_column *= 2
        for values, merge, empty in (
            (self._start, np.minimum, np.inf),
            (self._low, np.minimum, np.inf),
            (self._high, np.maximum, 0),
            (self._raw_sum, np.add, 0),
            (self._smoothed_sum, np.add, 0),
            (self._wins, np.add, 0),
            (self._switches, np.add, 0),
        ):
            values[: MOST_COLUMNS // 2] = merge(values[0::2], values[1::2])
            values[MOST_COLUMNS // 2 :] = empty


def gather_envelope(
    record: Record, labels: Sequence[str], drawn: Smoothing, compare: Sequence[int], frames: int
) -> Envelope:
    """Collect the first ``frames`` frames of a recorded clip, with a band for each smoothing.

    Args:
        record: record of the clip.
        labels: name of each class.
        drawn: how its labels were smoothed.
        compare: further sizes, in frames.
        frames: number of frames that were labelled.
    """
    bands = compared_smoothings(drawn.size, compare)
    envelope = Envelope(labels, bands, drawn)
    winners = zip(*(band.labels(record) for band in bands), strict=True)
    columns = islice(zip(drawn.predictions(record), winners, strict=True), frames)
    for prediction, won in tqdm(columns, "timeline", frames, delay=2, disable=None):
        envelope.add(prediction, won)
    return envelope
