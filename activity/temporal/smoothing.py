"""How the predictions of neighbouring frames become one steady label.

``Rolling`` takes the mean of the last predictions: a label is known at once, and late at every
change. ``Viterbi`` takes the labels that cost least over the whole clip: they are known at its end,
and change on time.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from activity.media.frame import NO_PIXELS, Frame
from activity.temporal.prediction import Prediction
from activity.temporal.record import Record
from activity.temporal.viterbi import least_cost_labels

Classified = Generator[tuple[Frame, NDArray[np.float32] | None], None, None]
"""The frames of a clip in order, each with its raw prediction, shape (labels,); None if a frame
was not classified, which the first one always is."""

Labelled = Generator[tuple[Frame, Prediction], None, None]
"""The frames of a clip in order, each with its label."""


@dataclass(frozen=True)
class Smoothing(ABC):
    """A way to turn raw predictions into steady labels, and its size in frames.

    Attributes:
        size: how many frames it takes to change the label, more or less.
        way: its name, as ``--smoothing`` takes it.
        adjective: what it makes the labels, in one word.
        needs_whole_clip: whether no label is known before the whole clip is classified. The frames
            then come out of ``label`` without their pixels.
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
    def label(self, classified: Classified, record: Record) -> Labelled:
        """Label the frames of a clip.

        Args:
            classified: the frames with their raw predictions. They are released when the result is
                closed.
            record: record of this clip, still empty. It is filled before this returns, where
                ``needs_whole_clip``; its stride is that of the predictions.

        Raises:
            UserError: the disk is full.
        """

    @abstractmethod
    def predictions(self, record: Record) -> Iterator[Prediction]:
        """Yield what is known of each frame of a recorded clip."""

    def labels(self, record: Record) -> NDArray[np.unsignedinteger]:
        """Number of each frame's label in a recorded clip, shape (frames,), a byte or two each."""
        number = np.min_scalar_type(record.labels - 1)
        labels = (prediction.label for prediction in self.predictions(record))
        return np.fromiter(labels, number, record.frames)


class Rolling(Smoothing):
    """The most probable label in the mean of the last ``size`` frames."""

    way = "rolling"
    adjective = "averaged"
    needs_whole_clip = False

    @property
    def name(self) -> str:
        """``raw`` for a single frame, else the number of frames averaged."""
        return f"average of {self.size}" if self.size > 1 else "raw"

    def label(self, classified: Classified, record: Record) -> Labelled:
        """Label each frame as it comes."""
        predict = self.start(record.stride)
        with closing(classified):
            for frame, raw in classified:
                yield frame, predict(frame.seconds, raw)

    def predictions(self, record: Record) -> Iterator[Prediction]:
        """Yield the same predictions as when the clip was labelled frame by frame."""
        predict = self.start(record.stride)
        for time, raw in record.read():
            yield predict(time, raw)

    def start(self, stride: int) -> Callable[[float, NDArray[np.float32] | None], Prediction]:
        """Start a rolling average of frames as they come.

        Args:
            stride: every how many frames one is classified. The window still spans ``size`` frames:
                it holds ``size // stride`` predictions, at least one.

        Returns:
            Function that takes the next frame's time in seconds and its raw prediction, None if
            it was not classified (not the first one), and returns what is then known of the frame.
        """
        average = RollingAverage(max(1, self.size // stride))
        frames = 0
        smoothed = np.empty(0)

        def predict(time: float, raw: NDArray[np.float32] | None) -> Prediction:
            nonlocal frames, smoothed
            if raw is not None:
                smoothed = average.push(raw)
            frames += 1
            return Prediction(frames - 1, time, raw, smoothed, int(smoothed.argmax()))

        return predict


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

    def label(self, classified: Classified, record: Record) -> Labelled:
        """Classify the whole clip before this returns; the frames come without their pixels."""
        with closing(classified):
            for frame, raw in classified:
                record.add(frame.seconds, raw)
        return ((Frame(NO_PIXELS, made.time), made) for made in self.predictions(record))

    def predictions(self, record: Record) -> Iterator[Prediction]:
        """Yield the predictions with the labels of the least cost."""
        # A prediction stands for as many frames as the stride.
        penalty = self.size / 2 / record.stride
        labels = least_cost_labels(record.predictions(0, record.classified), penalty)
        # Not a list: with a small size there can be as many runs of one label as frames.
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


SMOOTHINGS: Mapping[str, type[Smoothing]] = {each.way: each for each in (Rolling, Viterbi)}
"""The ways of smoothing by their names."""

RAW = Rolling(1)
"""No smoothing: plain image classification."""


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


class RollingAverage:
    """The mean of the last ``size`` predictions (of fewer at the start), one a classified frame.

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


def _first_nearest_frame(row: int, stride: int) -> int:
    """First frame that is nearer to prediction number ``row`` than to the one before it."""
    return max(0, (row - 1) * stride + stride // 2 + 1)
