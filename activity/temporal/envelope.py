"""The predictions of a clip of any length, collected in the columns of a picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from activity.temporal.predictions import Predictions
from activity.temporal.smoothing import Compared, Smoothing

MOST_COLUMNS = 2048
"""More than the width of a picture in pixels."""


@dataclass(frozen=True, eq=False)
class Envelope:
    """What each column of a timeline shows.

    A column stands for ``frames_per_column`` frames: the smallest power of two with which the clip
    fits into ``MOST_COLUMNS`` of them. So a clip of hours takes no more time to draw than one of a
    minute. No frame is lost: a column holds extremes and counts, not samples. Frames that were not
    classified repeat the last raw prediction.

    Attributes:
        labels: name of each class.
        bands: the smoothings that are compared.
        drawn: the smoothing that gives ``smoothed``.
        frames_per_column: how many frames a column stands for; the last one may have fewer.
        start: time of each column's first frame in seconds, shape (columns,).
        raw_low: lowest raw probability of each class, shape (columns, labels).
        raw_high: highest raw probability, likewise.
        raw: mean of the raw probabilities, likewise.
        smoothed: mean of the smoothed probabilities, likewise.
        shares: share of each label in each band, 0..1, shape (columns, bands, labels).
        switches: how often the label changes in each band, shape (columns, bands).
    """

    labels: Sequence[str]
    bands: Sequence[Smoothing]
    drawn: Smoothing
    frames_per_column: int
    start: NDArray[np.float64]
    raw_low: NDArray[np.float32]
    raw_high: NDArray[np.float32]
    raw: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    shares: NDArray[np.float64]
    switches: NDArray[np.int64]

    @property
    def columns(self) -> int:
        """Number of columns."""
        return len(self.start)


def envelope_of(predictions: Predictions, compared: Compared, drawn: Smoothing) -> Envelope:
    """Collect a clip in columns, with a band for each smoothing.

    Args:
        predictions: of the clip.
        compared: the smoothings of the bands, with their labels; ``drawn`` is one of them.
        drawn: the smoothing whose probabilities are shown.
    """
    per_column = 1
    while predictions.frames > MOST_COLUMNS * per_column:
        per_column *= 2
    starts = np.arange(0, predictions.frames, per_column)
    sizes = np.diff(np.append(starts, predictions.frames))[:, np.newaxis]
    shape = (len(starts), len(predictions.labels))
    low, high = np.full(shape, np.inf, np.float32), np.zeros(shape, np.float32)
    raw_sum, smoothed_sum = np.zeros(shape), np.zeros(shape)
    first = 0
    for smoothed in drawn.smoothed(predictions, compared[drawn]):
        frames = np.arange(first, first + len(smoothed))
        first += len(smoothed)
        raw = predictions.probabilities[frames // predictions.stride]
        columns, at = np.unique(frames // per_column, return_index=True)
        low[columns] = np.minimum(low[columns], np.minimum.reduceat(raw, at))
        high[columns] = np.maximum(high[columns], np.maximum.reduceat(raw, at))
        raw_sum[columns] += np.add.reduceat(raw, at, dtype=np.float64)
        smoothed_sum[columns] += np.add.reduceat(smoothed, at)
    bands = [_band(numbers, starts, shape[1]) for numbers in compared.values()]
    return Envelope(
        labels=predictions.labels,
        bands=list(compared),
        drawn=drawn,
        frames_per_column=per_column,
        start=predictions.times[starts],
        raw_low=low,
        raw_high=high,
        raw=raw_sum / sizes,
        smoothed=smoothed_sum / sizes,
        shares=np.stack([wins for wins, _ in bands], axis=1) / sizes[:, np.newaxis],
        switches=np.stack([switches for _, switches in bands], axis=1),
    )


def _band(
    numbers: NDArray[np.integer], starts: NDArray[np.intp], labels: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count wins of each label, shape (columns, labels), and switches, shape (columns,)."""
    wins = np.stack([np.add.reduceat(numbers == n, starts, dtype=np.int64) for n in range(labels)])
    switched = np.diff(numbers, prepend=numbers[:1]) != 0
    return wins.T, np.add.reduceat(switched, starts, dtype=np.int64)
