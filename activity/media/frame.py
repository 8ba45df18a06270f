"""Frames: of pixels, or of a decoder's planes, which become pixels only where they are needed."""

import threading
from dataclasses import dataclass, field

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from activity.media.photo import INPUT_SIZE, Framing, Window, framed, scaled
from activity.media.planes import PlaneFormat, format_to_write
from activity.media.upright import Layout

NO_PIXELS = np.empty((0, 0, 3), np.uint8)
"""Stands for the pixels of a frame of which nobody needs more than the time."""

# Area averaging, like OpenCV's INTER_AREA, with chroma of the full width and no rounding down:
# within half a brightness of 255 of the exact mean.
_AVERAGED = Interpolation.AREA | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND

# Planes are scaled as a whole; where a window is a smaller part of them, its pixels are.
_MOST_AROUND_WINDOW = 4


class Frame:
    """A frame of a clip or a camera; or a photo.

    Attributes:
        seconds: when it is shown, by the clock of a player: 0 is where the clip starts, be it with
            a picture or with sound. Of a live source, 0 is its first frame.
        duration: for how many seconds; 0 where nobody knows yet.
    """

    def __init__(
        self, pixels: NDArray[np.uint8], seconds: float = 0.0, duration: float = 0.0
    ) -> None:
        self._pixels = pixels
        self.seconds, self.duration = seconds, duration

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """BGR, uint8, shape (height, width, 3); what is drawn on them is drawn on the frame."""
        return self._pixels

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = self.pixels.shape[:2]
        return width, height

    def planes_to_write(self, form: PlaneFormat | None) -> av.VideoFrame | None:
        """Return the planes, to be drawn on and encoded in place of the pixels.

        Returns:
            None if they are not of this format, or do not show the frame as its pixels do,
            which somebody who has asked for them may have drawn on.
        """
        return None

    def to_wait(self) -> "Frame":
        """Return the frame as it is best kept until it is written.

        What has to become pixels does so now, in the thread that reads; and no frame takes more
        memory than others of its size.
        """
        return self

    def network_input(
        self, framing: Framing = "centre", side: int = INPUT_SIZE
    ) -> NDArray[np.uint8]:
        """Turn the frame into what a network sees, as ``photo.network_input`` does.

        Returns:
            RGB, uint8, shape (side, side, 3).
        """
        return self.window(framed(*self.size, framing), side)

    def window(self, window: Window, side: int) -> NDArray[np.uint8]:
        """Scale a part of the frame to a square.

        Returns:
            RGB, uint8, shape (side, side, 3).
        """
        return scaled(self.pixels, window, side)


class Scalers(threading.local):
    """Those of a clip's frames; each thread has its own."""

    def __init__(self) -> None:
        self.to_pixels, self.to_input = VideoReformatter(), VideoReformatter()


@dataclass(frozen=True)
class Showing:
    """How a clip's frames are shown.

    Attributes:
        layout: what is to be done with the decoded pictures.
        width: width of every frame, in pixels.
        height: likewise.
        planes: how frames are written as planes; None if they are written as pixels.
        scalers: scalers of the clip.
    """

    layout: Layout
    width: int
    height: int
    planes: PlaneFormat | None = None
    scalers: Scalers = field(default_factory=Scalers)


class DecodedFrame(Frame):
    """A frame of a clip, held as the decoder's planes until its pixels are asked for."""

    def __init__(
        self, planes: av.VideoFrame, showing: Showing, seconds: float, duration: float
    ) -> None:
        super().__init__(NO_PIXELS, seconds, duration)
        self._planes, self._showing = planes, showing

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """As of any frame; they are made when they are first asked for, and kept."""
        if self._pixels is NO_PIXELS:
            self._pixels = self._converted()
        return self._pixels

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._showing.width, self._showing.height

    def planes_to_write(self, form: PlaneFormat | None) -> av.VideoFrame | None:
        """Return the planes, as ``Frame.planes_to_write`` says."""
        planes = self._planes
        fits = self._showing.layout.as_stored and (planes.width, planes.height) == self.size
        if self._pixels is not NO_PIXELS or form is None or not fits:
            return None
        return planes if format_to_write(planes) == form else None

    def to_wait(self) -> Frame:
        """Return the frame, as ``Frame.to_wait`` says."""
        # The size of the pictures may have grown midway.
        has_grown = self._planes.width * self._planes.height > self.size[0] * self.size[1]
        if self._showing.planes is None or has_grown:
            return Frame(self.pixels, self.seconds, self.duration)
        return self

    def window(self, window: Window, side: int) -> NDArray[np.uint8]:
        """Scale a part of the frame to a square, from its planes where the part is large.

        Returns:
            RGB, uint8, shape (side, side, 3).
        """
        # The whole frame is scaled, so that the part gets this size.
        width = round(self._showing.width * side / window.width)
        height = round(self._showing.height * side / window.height)
        enlarged = window.width < side or window.height < side
        if enlarged or max(width, height) > _MOST_AROUND_WINDOW * side:
            return super().window(window, side)
        layout = self._showing.layout
        stored = (height, width) if layout.transposed else (width, height)
        small = self._showing.scalers.to_input.reformat(
            self._planes, *stored, format="rgb24", interpolation=_AVERAGED, threads=1
        )
        pixels = layout.turned(np.asarray(small.to_ndarray(), np.uint8))
        left = min(round(window.left * width / self._showing.width), width - side)
        top = min(round(window.top * height / self._showing.height), height - side)
        return np.ascontiguousarray(pixels[top : top + side, left : left + side])

    def _converted(self) -> NDArray[np.uint8]:
        # A picture that is stored as BGR would not be converted but shared with the decoder, which
        # may need it for the next one, while others draw on it.
        stored_as_bgr = self._planes.format.name == "bgr24"
        form = "rgb24" if stored_as_bgr else "bgr24"
        converted = self._showing.scalers.to_pixels.reformat(
            self._planes, format=form, interpolation=Interpolation.BICUBIC, threads=1
        )
        pixels = np.asarray(converted.to_ndarray(), np.uint8)
        if stored_as_bgr:
            pixels = np.ascontiguousarray(pixels[:, :, ::-1])
        pixels = self._showing.layout.apply(pixels)
        if pixels.shape[1::-1] != self.size:
            resized = cv2.resize(pixels, self.size, interpolation=cv2.INTER_AREA)
            pixels = np.asarray(resized, np.uint8)
        return pixels
