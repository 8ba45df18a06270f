"""Frames from a camera or a stream: always the newest one, never a queue of old ones."""

import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path

import cv2
import numpy as np

from activity.common.errors import UserError
from activity.common.stores import clip_location, is_stored, public_name
from activity.media.clip import CLIP_SUFFIXES, VideoSource
from activity.media.frame import Frame, VideoInfo, plausible_fps
from activity.media.photo import PhotoSource

# Clips in a folder, but streams without an end where a camera has them on the web.
_SERVED_BY_CAMERAS = {".264", ".265", ".h264", ".h265", ".hevc", ".mjpeg", ".mjpg", ".nsv"}

_OPEN_TIMEOUT_MS = 10_000
_READ_TIMEOUT_MS = 5_000


def is_live(name: str) -> bool:
    """Tell a camera's number or a stream's address from the path of a clip, stored or local.

    What a web server has under a clip's name is a clip: it is brought here as a whole.
    """
    if "://" not in name:
        return name.isdecimal()
    if name.startswith(("http://", "https://")):
        suffix = clip_location(name).suffix.lower()
        return suffix not in CLIP_SUFFIXES or suffix in _SERVED_BY_CAMERAS
    return not is_stored(name) and not name.startswith("file://")


def path_of(name: str) -> Path:
    """Return the path of a clip, or what tables and files may call a camera or stream."""
    return Path(public_name(name)) if is_live(name) else clip_location(name)


class LiveSource:
    """A camera or stream opened for reading.

    A thread reads every frame as it comes and keeps the newest. A frame that nobody has taken
    when the next one comes is dropped and counted: what is shown is never late.
    """

    live = True
    damaged = corrupt = 0

    def __init__(self, name: str, should_stop: Callable[[], bool]) -> None:
        """Connect, and read the first frame.

        Args:
            name: number of a camera, or address of a stream.
            should_stop: asked while no frame comes; True ends ``frames``.

        Raises:
            UserError: it gives no frame.
        """
        self._capture = _connect(name)
        read, pixels = self._capture.read()
        if not read:
            what = f"camera {name}" if name.isdecimal() else public_name(name)
            raise UserError(f"no frame from {what}: is it connected, and not in use elsewhere?")
        height, width = pixels.shape[:2]
        fps = plausible_fps(self._capture.get(cv2.CAP_PROP_FPS))
        self.info = VideoInfo(width, height, fps, frame_count=0)
        self.dropped = 0
        self._start = time.monotonic()
        self._newest: Frame | None = Frame(np.asarray(pixels, np.uint8), 0.0)
        self._ended = False
        self._changed = threading.Condition()
        self._should_stop = should_stop

    def frames(self) -> Generator[Frame, None, None]:
        """Yield the newest frame whenever one is asked for; disconnect at the end.

        Their times are those of their arrival.
        """
        reader = threading.Thread(target=self._keep_newest, daemon=True)
        reader.start()
        try:
            while (frame := self._take_newest()) is not None:
                yield frame
        finally:
            self._ended = True
            reader.join()
            self.close()

    def end_of(self, seconds: float) -> float:
        """Tell when the frame of that time ceases to be shown, in seconds: 1 / fps later."""
        return seconds + 1 / self.info.fps

    def close(self) -> None:
        """Disconnect."""
        self._capture.release()

    def _keep_newest(self) -> None:
        size = (self.info.width, self.info.height)
        while not self._ended:
            read, pixels = self._capture.read()
            if read and pixels.shape[1::-1] != size:
                pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
            with self._changed:
                if read:
                    self.dropped += self._newest is not None
                    seconds = time.monotonic() - self._start
                    self._newest = Frame(np.asarray(pixels, np.uint8), seconds)
                else:
                    self._ended = True
                self._changed.notify()

    def _take_newest(self) -> Frame | None:
        with self._changed:
            while self._newest is None and not self._ended and not self._should_stop():
                self._changed.wait(timeout=0.1)
            frame, self._newest = self._newest, None
        return frame


Source = VideoSource | PhotoSource | LiveSource
"""A clip, a photo, a camera or a stream, opened for reading; all keep one contract.

``frames`` yields frames in order, each later than the one before it, all of the size that ``info``
says, and releases the source at the end. ``live`` tells whether frames that nobody takes are lost;
``dropped`` counts them, ``damaged`` the packets that could not be decoded, and ``corrupt`` the
frames that the decoder has called corrupt, which are among the frames.
"""


def _connect(name: str) -> cv2.VideoCapture:
    if name.isdecimal():
        return cv2.VideoCapture(int(name))
    timeouts = [
        *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _OPEN_TIMEOUT_MS),
        *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, _READ_TIMEOUT_MS),
    ]
    return cv2.VideoCapture(name, cv2.CAP_FFMPEG, timeouts)
