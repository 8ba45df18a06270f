"""What the frames of a clip got from the network: one value, from which all else is computed.

Labels, segments, summaries, pictures and judgements are functions of it. Ten hours of video with 22
labels take 95 MB.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from activity.common.errors import UserError
from activity.common.writing import temporary_file

_CONTENT = "a clip's predictions"
_IN_MEMORY = 2**28  # bytes; larger arrays are files that are mapped into memory
_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions of a clip.

    Attributes:
        times: when each frame is shown, in seconds by the clock of a player; float64, shape
            (frames,).
        probabilities: of frame 0 and every ``stride``-th after it; float32, shape
            (classified frames, labels), 0..1.
        stride: every how many frames one is classified.
        labels: name of each class.
        end: when the last frame ceases to be shown, in seconds.
        looks: what each classified frame looks like, in numbers that stand behind the
            probabilities; float32, shape (classified frames, any). None if nothing stands there.
    """

    times: NDArray[np.float64]
    probabilities: NDArray[np.float32]
    stride: int
    labels: Sequence[str]
    end: float
    looks: NDArray[np.float32] | None = None

    @classmethod
    def of_rows(
        cls,
        times: NDArray[np.float64],
        rows: NDArray[np.float32],
        stride: int,
        labels: Sequence[str],
        end: float,
    ) -> "Predictions":
        """Tell apart, in rows as a classifier gives them, probabilities and looks."""
        probabilities, looks = rows[:, : len(labels)], rows[:, len(labels) :]
        return cls(times, probabilities, stride, labels, end, looks if looks.shape[1] else None)

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.times)

    def first(self, frames: int) -> "Predictions":
        """Return those of the first ``frames`` frames, at least one."""
        if frames >= self.frames:
            return self
        classified = -(-frames // self.stride)
        return replace(
            self,
            times=self.times[:frames],
            probabilities=self.probabilities[:classified],
            end=float(self.times[frames]),
            looks=None if self.looks is None else self.looks[:classified],
        )


@contextmanager
def gather_predictions(
    folder: Path, labels: Sequence[str], stride: int = 1
) -> Iterator["GatheredPredictions"]:
    """Gather the predictions of a clip frame by frame; they are gone when the block ends.

    Args:
        folder: where arrays of more than 256 MB are kept, in files without a name. The system's
            temporary folder may be in memory.
        labels: name of each class.
        stride: every how many frames one is classified.
    """
    with ExitStack() as files:
        yield GatheredPredictions(folder, labels, stride, files)


class GatheredPredictions:
    """Predictions that grow by a frame at a time; ``gather_predictions`` creates them."""

    def __init__(self, folder: Path, labels: Sequence[str], stride: int, files: ExitStack) -> None:
        self.labels, self._stride = labels, stride
        self._end = 0.0
        self._times = _GrowingArray(folder, np.float64, files)
        self._rows = _GrowingArray(folder, np.float32, files)

    def add(self, seconds: float, duration: float, raw: NDArray[np.float32] | None) -> None:
        """Add the next frame.

        Args:
            seconds: when it is shown.
            duration: for how many seconds; 0 where nobody knows yet.
            raw: its probabilities, shape (labels,), with its looks behind them if there are any;
                None if it was not classified.

        Raises:
            UserError: the disk is full.
        """
        self._times.append(seconds)
        self._end = seconds + duration
        if raw is not None:
            self._rows.append(raw)

    def predictions(self, end_of: Callable[[float], float]) -> Predictions:
        """Return all of them, once the last frame was added; there is at least one.

        Args:
            end_of: tells when the last frame ceases to be shown, in seconds, from its time. Asked
                only where the frame itself did not say.

        Raises:
            UserError: the disk is full.
        """
        times, rows = self._times.array(), self._rows.array()
        last = float(times[-1])
        end = self._end if self._end > last else end_of(last)
        return Predictions.of_rows(times, rows, self._stride, self.labels, end)


class _GrowingArray:
    """An array of any number of rows: in blocks, and in a file once they are many."""

    def __init__(self, folder: Path, dtype: DTypeLike, files: ExitStack) -> None:
        self._folder, self._dtype, self._files = folder, np.dtype(dtype), files
        self._rows = 0
        self._shape: tuple[int, ...] = ()  # of a row
        self._blocks: list[NDArray[Any]] = []  # those that are not in the file
        self._file: IO[bytes] | None = None

    def append(self, row: NDArray[Any] | float) -> None:
        place = self._rows % _ROWS_AT_ONCE
        if place == 0:
            self._shape = np.shape(row)
            self._blocks.append(np.empty((_ROWS_AT_ONCE, *self._shape), self._dtype))
        self._blocks[-1][place] = row
        self._rows += 1
        if place == _ROWS_AT_ONCE - 1:
            size = self._rows * self._blocks[-1][0].nbytes
            if self._file is None and size > _IN_MEMORY:
                self._file = self._files.enter_context(temporary_file(self._folder, _CONTENT))
            if self._file is not None:
                self._write(self._file)

    def array(self) -> NDArray[Any]:
        """Return all rows, once the last one was appended."""
        if rest := self._rows % _ROWS_AT_ONCE:
            self._blocks[-1] = self._blocks[-1][:rest]
        if self._file is None:
            return np.concatenate(self._blocks)
        self._write(self._file)
        return np.memmap(self._file, self._dtype, "r", shape=(self._rows, *self._shape))

    def _write(self, file: IO[bytes]) -> None:
        try:
            for block in self._blocks:
                file.write(block.tobytes())
            file.flush()
        except OSError as error:
            raise UserError(
                f"cannot keep {_CONTENT} in {self._folder}: {error.strerror or error}"
            ) from error
        self._blocks = []
