"""Frames from a clip."""

import math
import os
import sys
from collections import deque
from collections.abc import Generator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from activity.common.errors import UserError
from activity.media.source import FPS_WHERE_UNKNOWN, NO_PIXELS, Frame, VideoInfo

CLIP_SUFFIXES = (
    *(".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4"),
    *(".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".webm", ".wmv"),
)
"""Files in a folder with these endings are taken for clips."""

# No container of moving pictures starts with this many bytes and no zero among them; text does.
_SNIFFED_BYTES = 4096


class VideoSource:
    """A clip opened for reading.

    Frames come out upright, with square pixels, and all of the first one's size, whatever the
    clip's metadata ask a player to do.
    """

    live = False
    dropped = 0

    def __init__(self, path: Path) -> None:
        """Open the clip and read its first frame.

        Raises:
            UserError: it does not exist, or OpenCV reads no frame from it.
        """
        _check_readable(path)
        # Absolute, because FFmpeg takes what stands before a colon for a protocol.
        self._capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
        self._first = self._read()
        if self._first is None:
            raise UserError(f"cannot read {path} as a video: OpenCV finds no frame in it")
        height, width = self._first.pixels.shape[:2]
        self.info = VideoInfo(
            width=width,
            height=height,
            fps=plausible_fps(self._capture),
            frame_count=max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))),
        )

    def frames(self, pixels_every: int = 1) -> Generator[Frame, None, None]:
        """Yield every frame that can be decoded, in order; release the clip at the end.

        The times are the clip's own, so a variable frame rate is kept. Where the clip has none,
        or one that does not grow, a frame comes 1 / fps after the one before it.

        Args:
            pixels_every: every how many frames one has its picture. Others have ``NO_PIXELS``,
                which saves the conversion from the clip's own colours.
        """
        size = (self.info.width, self.info.height)
        frame, before, number = self._first, -1 / self.info.fps, 0
        try:
            while frame is not None:
                pixels, seconds = frame
                if pixels is not NO_PIXELS and pixels.shape[1::-1] != size:
                    resized = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
                    pixels = np.asarray(resized, np.uint8)
                if not seconds > before:
                    seconds = before + 1 / self.info.fps
                yield Frame(pixels, seconds)
                before = seconds
                number += 1
                frame = self._read() if number % pixels_every == 0 else self._skip()
        finally:
            self.close()

    def seconds(self) -> float:
        """Tell how long the clip is, or says that it is.

        Where it does not say, all its frames are counted, and the clip is released.
        """
        if self.info.frame_count:
            return self.info.frame_count / self.info.fps
        last = deque(self.frames(pixels_every=sys.maxsize), maxlen=1)[0]
        return last.seconds + 1 / self.info.fps

    def close(self) -> None:
        """Release the clip."""
        self._capture.release()

    def _read(self) -> Frame | None:
        read, pixels = self._capture.read()
        if not read:
            return None
        seconds = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return Frame(_with_square_pixels(np.asarray(pixels, np.uint8), self._capture), seconds)

    def _skip(self) -> Frame | None:
        if not self._capture.grab():
            return None
        return Frame(NO_PIXELS, self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)


def plausible_fps(capture: cv2.VideoCapture) -> float:
    """Return the frame rate that a source claims, or 30 where it claims none or nonsense."""
    fps = capture.get(cv2.CAP_PROP_FPS)
    return fps if 0 < fps <= 1000 else FPS_WHERE_UNKNOWN


def _check_readable(path: Path) -> None:
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError as error:
        # OpenCV would crash on it.
        raise UserError(f"cannot read {path}: its name is not UTF-8; rename it") from error
    if path.is_dir():
        raise UserError(f"cannot read {path} as a video: it is a folder")
    if path.exists() and not path.is_file():
        # Opening a pipe would wait for somebody to write into it.
        raise UserError(f"cannot read {path} as a video: it is no plain file")
    try:
        with path.open("rb") as file:
            start = file.read(_SNIFFED_BYTES)
    except FileNotFoundError as error:
        raise UserError(f"no clip at {path}: give --input a video file") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    # FFmpeg would draw a text as if on a terminal, and follow a playlist to other files.
    if 0 not in start:
        raise UserError(f"cannot read {path} as a video: it is {'text' if start else 'empty'}")


def _with_square_pixels(pixels: NDArray[np.uint8], capture: cv2.VideoCapture) -> NDArray[np.uint8]:
    """Enlarge a frame along one side, where its pixels are not square."""
    wide, high = capture.get(cv2.CAP_PROP_SAR_NUM), capture.get(cv2.CAP_PROP_SAR_DEN)
    if capture.get(cv2.CAP_PROP_ORIENTATION_META) % 180:
        # OpenCV has turned the frame upright, but the shape is that of the stored pixels.
        wide, high = high, wide
    aspect = wide / high if wide > 0 and high > 0 else 1.0
    if aspect == 1 or not 0.1 < aspect < 10:
        return pixels
    height, width = pixels.shape[:2]
    size = (math.ceil(width * max(1.0, aspect)), math.ceil(height * max(1.0, 1 / aspect)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8)
