"""How the predictions of neighbouring frames become one steady label.

``Rolling`` takes the mean of the last predictions: a label is known at once, and late at every
change. ``Viterbi`` takes the labels that cost least over the whole clip: they are known at its end,
and change on time.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from activity.temporal.predictions import Predictions

_FRAMES_AT_ONCE = 4096  # so that smoothed probabilities, in double precision, take little memory


@dataclass(frozen=True)
class Smoothing(ABC):
    """A way to turn raw predictions into steady labels, and its size in frames.

    Attributes:
        size: how many frames it takes to change the label, more or less.
        way: its name, as ``--smoothing`` takes it.
        adjective: what it makes the labels, in one word.
        needs_whole_clip: whether no label is known before the whole clip is classified.
    """

    size: int

    way: ClassVar[str]
    adjective: ClassVar[str]
    needs_whole_clip: ClassVar[bool]

    @property
    @abstractmethod
    def name(self) -> str:
        """The way and its size in a few words, for people."""

    @abstractmethod
    def numbers(self, predictions: Predictions) -> NDArray[np.integer]:
        """Compute the number of each frame's label, shape (frames,), a byte or two each."""

    @abstractmethod
    def smoothed(
        self, predictions: Predictions, numbers: NDArray[np.integer]
    ) -> Iterator[NDArray[np.float64]]:
        """Yield the smoothed probabilities of all frames, those of a few thousand at once.

        Args:
            predictions: of the clip.
            numbers: what ``numbers`` returns for them.

        Yields:
            float64, shape (some frames, labels), 0..1; in the order of the frames.
        """


class Rolling(Smoothing):
    """The most probable label in the mean of the last ``size`` frames.

    A frame that was not classified has the label of the one before it.
    """

    way = "rolling"
    adjective = "averaged"
    needs_whole_clip = False

    @property
    def name(self) -> str:
        """``raw`` for a single frame, else the number of frames averaged."""
        return f"average of {self.size}" if self.size > 1 else "raw"

    def numbers(self, predictions: Predictions) -> NDArray[np.integer]:
        """Take the most probable label of each frame's mean."""
        number = np.min_scalar_type(len(predictions.labels) - 1)
        rows = [mean.argmax(axis=1).astype(number) for mean in self._means(predictions)]
        return np.repeat(np.concatenate(rows), predictions.stride)[: predictions.frames]

    def smoothed(
        self, predictions: Predictions, numbers: NDArray[np.integer]
    ) -> Iterator[NDArray[np.float64]]:
        """Yield the means, the same as ``RollingAverage`` computes one by one, bit for bit."""
        left = predictions.frames
        for means in self._means(predictions):
            frames = np.repeat(means, predictions.stride, axis=0)[:left]
            left -= len(frames)
            yield frames

    def _means(self, predictions: Predictions) -> Iterator[NDArray[np.float64]]:
        """Yield the mean after each classified frame, shape (some of them, labels)."""
        window = max(1, self.size // predictions.stride)
        raw, total = predictions.probabilities, np.zeros(len(predictions.labels))
        at_once = max(1, _FRAMES_AT_ONCE // predictions.stride)
        for first in range(0, len(raw), at_once):
            last = min(len(raw), first + at_once)
            # What leaves the window and what enters it, in turn, as RollingAverage adds them.
            changes = np.zeros((last - first, 2, raw.shape[1]))
            leaving = raw[max(0, first - window) : max(0, last - window)]
            changes[last - first - len(leaving) :, 0] = -leaving
            changes[:, 1] = raw[first:last]
            changes[0, 0] += total
            sums = np.cumsum(changes.reshape(-1, raw.shape[1]), axis=0)[1::2]
            total = sums[-1]
            yield sums / np.minimum(np.arange(first + 1, last + 1), window)[:, np.newaxis]


class RollingAverage:
    """The mean of the last ``size`` predictions (of fewer at the start), for frames as they come.

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


class Viterbi(Smoothing):
    """The labels that cost least over the whole clip.

    A switch costs ``size / 2`` frames' worth of probability. A frame that was not classified has
    the label of the nearest one that was, so that a change lies midway between two of them. The
    smoothed probabilities are means over the frames between two changes of the label.
    """

    way = "viterbi"
    adjective = "viterbi"
    needs_whole_clip = True

    @property
    def name(self) -> str:
        """The algorithm and the size."""
        return f"Viterbi {self.size}"

    def numbers(self, predictions: Predictions) -> NDArray[np.integer]:
        """Take the labels of the least cost."""
        # A prediction stands for as many frames as the stride.
        raw, stride = predictions.probabilities, predictions.stride
        blocks = (raw[at : at + _FRAMES_AT_ONCE] for at in range(0, len(raw), _FRAMES_AT_ONCE))
        labels = least_cost_labels(blocks, self.size / 2 / stride)
        frames = np.arange(predictions.frames)
        # The nearest classified frame; the earlier one in a tie.
        nearest = (frames + (stride - 1) // 2) // stride
        return labels[np.minimum(nearest, len(labels) - 1)]

    def smoothed(
        self, predictions: Predictions, numbers: NDArray[np.integer]
    ) -> Iterator[NDArray[np.float64]]:
        """Yield the mean of each run of one label, for all of its frames."""
        raw, stride = predictions.probabilities, predictions.stride
        starts = run_starts(numbers)
        rows = [*(-(-starts // stride)).tolist(), len(raw)]
        for run, (start, stop) in enumerate(zip(starts, [*starts[1:], len(numbers)], strict=True)):
            # A clip that ended early may lack the frame that its last label comes from.
            first = min(rows[run], len(raw) - 1)
            last = max(rows[run + 1], first + 1)
            total = np.zeros(raw.shape[1])
            for at in range(first, last, _FRAMES_AT_ONCE):
                total += raw[at : min(last, at + _FRAMES_AT_ONCE)].sum(axis=0, dtype=np.float64)
            mean = total / (last - first)
            for at in range(start, stop, _FRAMES_AT_ONCE):
                yield np.tile(mean, (min(stop, at + _FRAMES_AT_ONCE) - at, 1))


def least_cost_labels(
    predictions: Iterable[NDArray[np.floating]], penalty: float
) -> NDArray[np.unsignedinteger]:
    """Find the labels with the least ``sum(1 - p[label]) + penalty * switches``.

    The cost is that of a Potts model on a line. Dynamic programming finds its exact minimum, as the
    Viterbi algorithm does for a hidden Markov model (R. B. Potts, "Some generalized order-disorder
    transformations", 1952; A. J. Viterbi, "Error bounds for convolutional codes", 1967).

    Every switch costs the same, so the cheapest path to a label either keeps that label or comes
    from the cheapest label of the frame before. That takes frames x labels steps instead of
    frames x labels x labels. One bit is stored for each frame and label. In a tie, the path that
    keeps its label wins.

    Probabilities are used as they are, not as logarithms: then a network that is confidently wrong
    about one frame can never outweigh more than one other frame.

    Args:
        predictions: probabilities of the clip's frames in order, in arrays of shape
            (frames, labels) with any number of frames each.
        penalty: cost of a switch. With N / 2, fewer than N frames between two segments of the same
            other label never change the label.

    Returns:
        Label of each frame, shape (frames,), in the smallest unsigned type that fits.

    Example:
        >>> sure = np.eye(2)[[0, 0, 0, 0, 1, 0, 0, 1, 1, 1, 1]]
        >>> least_cost_labels([sure], penalty=1.5)
        array([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1], dtype=uint8)
    """
    cost: NDArray[np.float64] | None = None
    steps: list[tuple[NDArray[np.uint8], NDArray[np.unsignedinteger]]] = []
    for some in predictions:
        if cost is None:
            cost = np.zeros(some.shape[1])
            number = np.min_scalar_type(len(cost) - 1)
        # Which labels are reached by a switch, and the cheapest label before each frame.
        switched = np.empty(some.shape, bool)
        cheapest = np.empty(len(some), number)
        for frame, own in enumerate(1 - some.astype(np.float64)):
            best = cost.argmin()
            limit = cost[best] + penalty
            np.greater(cost, limit, out=switched[frame])
            np.minimum(cost, limit, out=cost)
            cost += own
            cheapest[frame] = best
        # Only differences matter. This keeps costs small, and so exact, in clips of any length.
        cost -= cost.min()
        steps.append((np.packbits(switched, axis=1), cheapest))
    if cost is None:
        return np.empty(0, np.uint8)
    return _trace_back(steps, int(cost.argmin()), len(cost))


def _trace_back(
    steps: list[tuple[NDArray[np.uint8], NDArray[np.unsignedinteger]]], label: int, labels: int
) -> NDArray[np.unsignedinteger]:
    """Follow the cheapest path from the last frame's label back to the first."""
    found = []
    for bits, cheapest in reversed(steps):
        switched = np.unpackbits(bits, axis=1, count=labels).tobytes()
        before = cheapest.tolist()
        path = np.empty_like(cheapest)
        for frame in range(len(path) - 1, -1, -1):
            path[frame] = label
            if switched[frame * labels + label]:
                label = before[frame]
        found.append(path)
    return np.concatenate(found[::-1])


def run_starts(numbers: NDArray[np.integer]) -> NDArray[np.intp]:
    """Find the first frame of each run of one label.

    Args:
        numbers: number of each frame's label, shape (frames,).

    Returns:
        Shape (runs,), ascending from 0.

    Example:
        >>> run_starts(np.array([2, 2, 0, 0, 1]))
        array([0, 2, 4])
    """
    changes = np.flatnonzero(numbers[1:] != numbers[:-1]) + 1
    return np.concatenate([[0], changes]) if len(numbers) else changes


SMOOTHINGS: Mapping[str, type[Smoothing]] = {each.way: each for each in (Rolling, Viterbi)}
"""The ways of smoothing by their names."""

RAW = Rolling(1)
"""No smoothing: plain image classification."""

Compared = Mapping[Smoothing, NDArray[np.integer]]
"""The numbers of a clip's labels under each smoothing that is compared."""


def compared_smoothings(size: int, compare: Sequence[int]) -> list[Smoothing]:
    """List what is compared: no smoothing, and each size in both ways.

    Args:
        size: size of the smoothing that was asked for, in frames.
        compare: further sizes.

    Example:
        >>> [each.name for each in compared_smoothings(64, [8])]
        ['raw', 'average of 8', 'Viterbi 8', 'average of 64', 'Viterbi 64']
    """
    sizes = sorted({size, *compare})
    every = [RAW, *(way(each) for each in sizes for way in SMOOTHINGS.values())]
    return list(dict.fromkeys(every))
