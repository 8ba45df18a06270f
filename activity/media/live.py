"""Frames from a camera or a stream: always the newest one, never a queue of old ones."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet

from activity.common.errors import UserError
from activity.common.stores import clip_location, is_stored, public_name
from activity.media.clip import (
    ANY_TEXT,
    CLIP_SUFFIXES,
    Picture,
    VideoSource,
    deinterlaced,
    shown_as,
    shown_stream,
    that_can_be_scaled,
    threads_for,
)
from activity.media.frame import DecodedFrame, Frame, VideoInfo, plausible_fps
from activity.media.photo import PhotoSource

# Clips in a folder, but streams without an end where a camera has them on the web.
_SERVED_BY_CAMERAS = {".264", ".265", ".h264", ".h265", ".hevc", ".mjpeg", ".mjpg", ".nsv"}

_SECONDS_TO_OPEN, _SECONDS_TO_READ = 10, 5

# As OpenCV asks: over UDP, packets of a camera are lost where others arrive.
_BY_TCP = {"rtsp_transport": "tcp"}


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

    def __init__(
        self, name: str, should_stop: Callable[[], bool], *, as_pixels: bool = False
    ) -> None:
        """Connect, and read the first frame.

        Args:
            name: number of a camera, or address of a stream.
            should_stop: asked while no frame comes; True ends ``frames``.
            as_pixels: whether frames will be written as pixels, whatever their planes are.

        Raises:
            UserError: it gives no frame.
        """
        self._device = _Camera(name) if name.isdecimal() else _Stream(name, as_pixels)
        self.info = self._device.info
        self.dropped = 0
        self._start = time.monotonic()
        self._newest: Frame | None = self._device.first
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
        self._device.close()

    def _keep_newest(self) -> None:
        try:
            while not self._ended and (frame := self._device.read()) is not None:
                with self._changed:
                    self.dropped += self._newest is not None
                    frame.seconds = time.monotonic() - self._start
                    self._newest = frame
                    self._changed.notify()
        finally:  # also where something is raised: nobody is to wait for a frame that never comes
            self._ended = True

    def _take_newest(self) -> Frame | None:
        with self._changed:
            while self._newest is None and not self._ended and not self._should_stop():
                self._changed.wait(timeout=0.1)
            frame, self._newest = self._newest, None
        return frame


class _Camera:
    """A camera of this machine, read with OpenCV."""

    def __init__(self, number: str) -> None:
        try:
            self._capture = cv2.VideoCapture(int(number))
        except cv2.error as error:  # no such number can be
            raise _no_frame_from(f"camera {number}") from error
        read, pixels = self._capture.read()
        if not read:
            raise _no_frame_from(f"camera {number}")
        self.first = Frame(np.asarray(pixels, np.uint8))
        fps = plausible_fps(self._capture.get(cv2.CAP_PROP_FPS))
        self.info = VideoInfo(*self.first.size, fps, frame_count=0)

    def read(self) -> Frame | None:
        """Wait for the next frame; None once there are no more."""
        read, pixels = self._capture.read()
        if not read:
            return None
        if pixels.shape[1::-1] != self.first.size:
            pixels = cv2.resize(pixels, self.first.size, interpolation=cv2.INTER_AREA)
        return Frame(np.asarray(pixels, np.uint8))

    def close(self) -> None:
        self._capture.release()


class _Stream:
    """A stream, read with PyAV: its frames look as those of a clip with the same content."""

    def __init__(self, address: str, as_pixels: bool) -> None:
        timeouts = _SECONDS_TO_OPEN, _SECONDS_TO_READ
        options = _BY_TCP if address.startswith("rtsp") else {}
        try:
            self._container = av.open(address, options=options, timeout=timeouts, **ANY_TEXT)
        except (av.FFmpegError, OSError) as error:
            raise _no_frame_from(public_name(address)) from error
        try:
            stream = shown_stream(self._container)
            self._pictures = deinterlaced(_pictures(self._container, stream) if stream else ())
            picture = self._next()
            if stream is None or picture is None:
                raise _no_frame_from(public_name(address))
            self._showing, info = shown_as(self._container, stream, picture, as_pixels=as_pixels)
        except BaseException:
            self.close()
            raise
        self.info = replace(info, frame_count=0)  # not all of them are taken
        self.first = DecodedFrame(picture.planes, self._showing, 0.0, 0.0)

    def read(self) -> Frame | None:
        """Wait for the next frame; None once there are no more."""
        picture = self._next()
        return None if picture is None else DecodedFrame(picture.planes, self._showing, 0.0, 0.0)

    def close(self) -> None:
        self._container.close()

    def _next(self) -> Picture | None:
        try:
            return next(self._pictures, None)
        except av.FFmpegError:
            return None  # it cannot go on with them


def _pictures(container: InputContainer, stream: av.VideoStream) -> Iterator[Picture]:
    """Yield a stream's pictures as they come; what is damaged on the way is passed over."""
    context = stream.codec_context
    context.thread_type, context.thread_count = ThreadType.AUTO, threads_for(stream)
    for packet in _packets(container, stream):
        with suppress(av.FFmpegError):
            for planes in context.decode(packet):
                yield Picture(that_can_be_scaled(planes))


def _packets(
    container: InputContainer, stream: av.VideoStream
) -> "Iterator[Packet[av.VideoStream] | None]":
    """Yield a stream's packets as they come; None once it ends, or none comes for too long.

    All streams are read: the sound may go on where the picture does not.
    """
    latest = time.monotonic()
    with suppress(av.FFmpegError):
        for packet in container.demux():
            if packet.stream is stream and packet.size:
                yield cast("Packet[av.VideoStream]", packet)
                latest = time.monotonic()
            elif time.monotonic() - latest > _SECONDS_TO_READ:
                break
    yield None


def _no_frame_from(what: str) -> UserError:
    return UserError(f"no frame from {what}: is it connected, and not in use elsewhere?")


Source = VideoSource | PhotoSource | LiveSource
"""A clip, a photo, a camera or a stream, opened for reading; all keep one contract.

``frames`` yields frames in order, each later than the one before it, all of the size that ``info``
says, and releases the source at the end. ``live`` tells whether frames that nobody takes are lost;
``dropped`` counts them, ``damaged`` the packets that could not be decoded, and ``corrupt`` the
frames that the decoder has called corrupt, which are among the frames.
"""
