"""The raw predictions of a whole clip, kept on disk until the clip is finished.

Ten hours of video have a million frames. With 22 labels, their predictions take 100 MB, more than
labelling a clip takes in memory.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from activity.common.errors import UserError
from activity.common.temporary_file import temporary_file

_CONTENT = "a clip's predictions"
_READ_AT_ONCE = 4096  # frames; fast enough, and at most a few megabytes


@contextmanager
def open_record(folder: Path, labels: int, stride: int = 1) -> Iterator["Record"]:
    """Open a record in temporary files, which are removed when the block ends, however it ends.

    Args:
        folder: where the files are. The system's temporary folder may be in memory.
        labels: number of probabilities of a classified frame.
        stride: every ``stride``-th frame is classified.

    Raises:
        UserError: the file system refuses to write.
    """
    with temporary_file(folder, _CONTENT) as times, temporary_file(folder, _CONTENT) as raw:
        yield Record(folder, times, raw, labels, stride)


class Record:
    """Times and raw predictions of a clip's frames. ``open_record`` creates one.

    All frames are added before the first is read.

    Attributes:
        frames: number of frames that were added.
        classified: number of those with a prediction: frame 0 and every ``stride``-th after it.
        labels: number of probabilities of a prediction.
        stride: every ``stride``-th frame has a prediction.
    """

    def __init__(
        self, folder: Path, times: IO[bytes], raw: IO[bytes], labels: int, stride: int
    ) -> None:
        self.frames = self.classified = 0
        self.labels, self.stride = labels, stride
        self._folder, self._times, self._raw = folder, times, raw

    def add(self, time: float, raw: NDArray[np.float32] | None) -> None:
        """Add the next frame.

        Args:
            time: time of the frame in seconds.
            raw: its probabilities, shape (labels,); None if it was not classified.

        Raises:
            UserError: the disk is full.
        """
        try:
            self._times.write(np.float64(time).tobytes())
            if raw is not None:
                self._raw.write(raw.astype(np.float32, copy=False).tobytes())
        except OSError as error:
            raise _refused(self._folder, error) from error
        self.frames += 1
        self.classified += raw is not None

    def predictions(self, start: int, stop: int) -> Iterator[NDArray[np.float32]]:
        """Yield the predictions from number ``start`` up to, not including, ``stop``, in batches.

        Yields:
            float32, shape (predictions, labels).

        Raises:
            UserError: the disk is full, or refuses to read.
        """
        width = self.labels * np.dtype(np.float32).itemsize
        for first in range(start, stop, _READ_AT_ONCE):
            count = min(stop, first + _READ_AT_ONCE) - first
            some = self._read(self._raw, first * width, count * width)
            yield np.frombuffer(some, np.float32).reshape(-1, self.labels)

    def read(
        self, start: int = 0, stop: int | None = None
    ) -> Iterator[tuple[float, NDArray[np.float32] | None]]:
        """Yield the frames from ``start`` up to, not including, ``stop`` as they were added.

        Yields:
            (seconds, prediction); float32, shape (labels,), None if the frame was not classified.
        """
        stop = self.frames if stop is None else stop
        rows = self.predictions(-(-start // self.stride), -(-stop // self.stride))
        raw = (row for some in rows for row in some)
        for first in range(start, stop, _READ_AT_ONCE):
            count = min(stop, first + _READ_AT_ONCE) - first
            times = np.frombuffer(self._read(self._times, first * 8, count * 8), np.float64)
            for frame, time in enumerate(times.tolist(), first):
                yield time, next(raw) if frame % self.stride == 0 else None

    def _read(self, file: IO[bytes], start: int, count: int) -> bytes:
        try:
            file.seek(start)
            return file.read(count)
        except OSError as error:
            # The last frames that were added are written to disk only now.
            raise _refused(self._folder, error) from error


def _refused(folder: Path, error: OSError) -> UserError:
    return UserError(f"cannot keep {_CONTENT} in {folder}: {error.strerror or error}")
