"""The predictions of a clip of any length, gathered into the columns of a picture."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from activity.outcome.results import Prediction
from activity.outcome.smoothing import RollingAverage

MOST_COLUMNS = 2048
"""More than a picture is wide in pixels. An even number."""


class Envelope:
    """What each column of a timeline shows, gathered frame by frame in bounded memory.

    A column stands for ``frames_per_column`` frames: 1 at first; when all columns are full,
    neighbours are merged and it doubles. A clip of hours thus needs no more memory, and no more
    time to draw, than one of a minute, and no frame goes unseen: a column keeps extremes and
    counts, not samples.

    Besides the window the frames were labelled with, others are compared: they are averaged
    here from the same raw predictions, without classifying again. A window of one frame, plain
    image classification, is always among them.
    """

    def __init__(
        self, labels: Sequence[str], size: int, compare: Sequence[int] = (), *, stride: int = 1
    ) -> None:
        """Start with no frames.

        Args:
            labels: name of each class.
            size: frames in the window of ``Prediction.averaged``.
            compare: further sizes of windows, in frames.
            stride: every how many frames one is classified.
        """
        self.labels = list(labels)
        self.size = size
        self.sizes = sorted({1, size, *compare})
        self.frames_per_column = 1
        # Over the same stretch of time, a window holds fewer predictions when there is a stride.
        self._averages = [RollingAverage(max(1, size // stride)) for size in self.sizes]
        self._frames = 0
        self._raw = np.zeros(len(labels), np.float32)
        self._means = [np.zeros(len(labels))] * len(self.sizes)
        self._winners = np.full(len(self.sizes), -1)

        per_class = (MOST_COLUMNS, len(labels))
        self._start = np.full(MOST_COLUMNS, np.inf)
        self._low = np.full(per_class, np.inf, np.float32)
        self._high = np.zeros(per_class, np.float32)
        self._raw_sum = np.zeros(per_class)
        self._averaged_sum = np.zeros(per_class)
        self._wins = np.zeros((MOST_COLUMNS, len(self.sizes), len(labels)), np.int32)
        self._switches = np.zeros((MOST_COLUMNS, len(self.sizes)), np.int32)

    def add(self, prediction: Prediction) -> None:
        """Take in the next frame. A frame that was not classified repeats what was known."""
        if self._frames == MOST_COLUMNS * self.frames_per_column:
            self._merge_neighbours()
        column = self._frames // self.frames_per_column
        self._frames += 1
        if prediction.raw is not None:
            self._raw = prediction.raw
            self._means = [average.push(prediction.raw) for average in self._averages]
        # What was drawn on the frame is shown as it was, to the last bit.
        self._means[self.sizes.index(self.size)] = prediction.averaged
        winners = np.array([mean.argmax() for mean in self._means])

        self._start[column] = min(self._start[column], prediction.time)
        np.minimum(self._low[column], self._raw, out=self._low[column])
        np.maximum(self._high[column], self._raw, out=self._high[column])
        self._raw_sum[column] += self._raw
        self._averaged_sum[column] += prediction.averaged
        self._wins[column, np.arange(len(self.sizes)), winners] += 1
        if self._frames > 1:
            self._switches[column] += winners != self._winners
        self._winners = winners

    @property
    def columns(self) -> int:
        """How many columns hold frames."""
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
    def averaged(self) -> NDArray[np.float64]:
        """Averaged probability of each class, mean over the column, shape (columns, labels)."""
        return self._averaged_sum[: self.columns] / self._frames_in_columns()[:, np.newaxis]

    @property
    def shares(self) -> NDArray[np.float64]:
        """Share of frames each class won at each size, shape (columns, sizes, labels), 0..1."""
        frames = self._frames_in_columns()[:, np.newaxis, np.newaxis]
        return self._wins[: self.columns] / frames

    @property
    def switches(self) -> NDArray[np.int32]:
        """How often the label changed at each size, shape (columns, sizes)."""
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
            (self._averaged_sum, np.add, 0),
            (self._wins, np.add, 0),
            (self._switches, np.add, 0),
        ):
            values[: MOST_COLUMNS // 2] = merge(values[0::2], values[1::2])
            values[MOST_COLUMNS // 2 :] = empty
