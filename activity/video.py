"""Frames from a clip, frames to a clip."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from activity.errors import UserError
from activity.writing import check_output

_CODECS = {".avi": "MJPG", ".mp4": "mp4v"}
_FPS_WHERE_UNKNOWN = 30.0


@dataclass(frozen=True)
class VideoInfo:
    """What a clip says of itself: frame size in pixels, frames per second, number of frames."""

    width: int
    height: int
    fps: float
    frame_count: int


class VideoSource:
    """A clip opened for reading. Frames are BGR, uint8, shape (height, width, 3), upright."""

    def __init__(self, path: Path) -> None:
        """Open the clip.

        Raises:
            UserError: it does not exist, or OpenCV cannot read it.
        """
        if not path.is_file():
            raise UserError(f"no clip at {path}: give --input a video file")
        self._capture = cv2.VideoCapture(str(path))
        if not self._capture.isOpened():
            raise UserError(f"cannot read {path} as a video")
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.info = VideoInfo(
            width=int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            height=int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            fps=fps if 0 < fps <= 1000 else _FPS_WHERE_UNKNOWN,
            frame_count=max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))),
        )

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """Yield every frame, in order; release the clip at the end."""
        try:
            while True:
                read, frame = self._capture.read()
                if not read:
                    return
                yield frame
        finally:
            self._capture.release()


class VideoSink:
    """A clip being written, as a context manager; it takes its name when it is complete."""

    def __init__(self, path: Path, info: VideoInfo) -> None:
        if path.suffix.lower() not in _CODECS:
            raise UserError(f"cannot write {path}: give --output a name ending in .avi or .mp4")
        check_output(path, "the clip")
        self._path = path
        self._info = info
        self._part = path.with_name(f".{path.stem}.part{path.suffix}")

    def __enter__(self) -> "VideoSink":
        codec = cv2.VideoWriter_fourcc(*_CODECS[self._path.suffix.lower()])
        size = (self._info.width, self._info.height)
        self._writer = cv2.VideoWriter(str(self._part), codec, self._info.fps, size)
        if not self._writer.isOpened():
            raise UserError(f"cannot write a clip to {self._path}")
        return self

    def write(self, frame: NDArray[np.uint8]) -> None:
        self._writer.write(frame)

    def __exit__(self, kind: type | None, *_: object) -> None:
        self._writer.release()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)
