"""How the predictions of neighbouring frames become one steady label.

``rolling`` is the mean of the last predictions: known at once, and late at every change.
``viterbi`` is the least cost over the whole clip: known at its end, and on time.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from activity.temporal.prediction import Prediction
from activity.temporal.record import Record
from activity.temporal.viterbi import least_cost_labels

SMOOTHINGS = ("rolling", "viterbi")


class RollingAverage:
    """The mean of the last ``size`` predictions (of fewer at the start).

    The sum is carried along, so a frame costs the same at every ``size``. In double precision
    it stays within 1e-9 of the plain mean over hours of video.
    """

    def __init__(self, size: int) -> None:
        self._window: deque[NDArray[np.float64]] = deque(maxlen=size)
        self._sum: NDArray[np.float64] | float = 0.0

    def push(self, probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
        """Take in one prediction and return the mean of the window.

        Args:
            probabilities: shape (labels,).

        Returns:
            float64, shape (labels,).
        """
        if len(self._window) == self._window.maxlen:
            self._sum = self._sum - self._window[0]
        self._window.append(probabilities.astype(np.float64))
        self._sum = self._sum + self._window[-1]
        return self._sum / len(self._window)


def rolling_predictions(
    size: int, stride: int
) -> Callable[[float, NDArray[np.float32] | None], Prediction]:
    """Start a rolling average of frames as they come.

    Args:
        size: how many frames the window spans.
        stride: every how many frames one is classified. The window still spans ``size`` frames:
            it holds ``size // stride`` predictions, at least one.

    Returns:
        Function that takes the next frame's time in seconds and its raw prediction, None where
        it was not classified (not the first one), and returns what is then known of the frame.
    """
    average = RollingAverage(max(1, size // stride))
    frames = 0
    smoothed = np.empty(0)

    def predict(time: float, raw: NDArray[np.float32] | None) -> Prediction:
        nonlocal frames, smoothed
        if raw is not None:
            smoothed = average.push(raw)
        frames += 1
        return Prediction(frames - 1, time, raw, smoothed, int(smoothed.argmax()))

    return predict


def viterbi_predictions(record: Record, size: int) -> Iterator[Prediction]:
    """Yield what is known of each frame of a whole clip, with labels of the least cost.

    A switch costs ``size / 2`` frames' worth of probability. A frame that was not classified has
    the label of the nearest one that was, so that a change lies midway between two of them. The
    smoothed probabilities are means over the stretch of one label.
    """
    # A prediction stands for as many frames as the stride.
    penalty = size / 2 / record.stride
    labels = least_cost_labels(record.predictions(0, record.classified), penalty)
    # Not a list: with a small size there can be as many stretches as frames.
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(labels)) + 1, [len(labels)]])
    for first, end in zip(map(int, bounds[:-1]), map(int, bounds[1:]), strict=True):
        total = np.zeros(record.labels)
        for some in record.predictions(first, end):
            total += some.sum(axis=0, dtype=np.float64)
        smoothed, label = total / (end - first), int(labels[first])
        start = _first_nearest_frame(first, record.stride)
        stop = _first_nearest_frame(end, record.stride) if end < len(labels) else record.frames
        for frame, (time, raw) in enumerate(record.read(start, stop), start):
            yield Prediction(frame, time, raw, smoothed, label)


def smoothed_predictions(record: Record, smoothing: str, size: int) -> Iterator[Prediction]:
    """Yield what is known of each frame of a recorded clip, smoothed one way or the other."""
    if smoothing == "viterbi":
        yield from viterbi_predictions(record, size)
        return
    predict = rolling_predictions(size, record.stride)
    for time, raw in record.read():
        yield predict(time, raw)


def smoothed_labels(record: Record, smoothing: str, size: int) -> NDArray[np.unsignedinteger]:
    """Number of each frame's label in a recorded clip, shape (frames,), a byte or two each."""
    number = np.min_scalar_type(record.labels - 1)
    predictions = smoothed_predictions(record, smoothing, size)
    return np.fromiter((made.label for made in predictions), number, record.frames)


def _first_nearest_frame(row: int, stride: int) -> int:
    """First frame that is nearer to prediction number ``row`` than to the one before it."""
    return max(0, (row - 1) * stride + stride // 2 + 1)


def count_switches(labels: Sequence[object]) -> int:
    """Count how often a label differs from the one before it."""
    return sum(label != before for before, label in pairwise(labels))
