"""What frames come from: the contract that clips and live sources share."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

FPS_WHERE_UNKNOWN = 30.0


@dataclass(frozen=True)
class VideoInfo:
    """What a source says of itself: frame size in pixels, frames per second, number of frames.

    Size and rate are those of the frames that come out of it. The number of frames is 0 where
    the source does not say, and may be wrong where it does.
    """

    width: int
    height: int
    fps: float
    frame_count: int


class Frame(NamedTuple):
    """One frame.

    Attributes:
        pixels: BGR, uint8, shape (height, width, 3).
        seconds: when it is shown, by the clock of a player: 0 is where the clip starts, be it with
            a picture or with sound. Of a live source, 0 is its first frame.
        duration: for how many seconds; 0 where nobody knows yet.
    """

    pixels: NDArray[np.uint8]
    seconds: float
    duration: float = 0.0


NO_PIXELS = np.empty((0, 0, 3), np.uint8)
"""Stands for the pixels of a frame of which nobody needs more than the time."""


class Source(Protocol):
    """A clip, a camera or a stream, opened for reading.

    Attributes:
        live: whether frames come at their own pace, and those that nobody takes are lost.
        info: size, rate and number of the frames.
        dropped: how many frames of a live source were lost so far; 0 for a clip.
        damaged: how many packets could not be decoded so far.
    """

    live: bool
    info: VideoInfo
    dropped: int

    @property
    def damaged(self) -> int: ...

    def frames(self, pixels_every: int = 1) -> Generator[Frame, None, None]:
        """Yield the frames in order; release the source at the end.

        Each comes later than the one before it, and all have the size that ``info`` says.

        Args:
            pixels_every: every how many frames one has its pixels; others may have ``NO_PIXELS``.
        """
        ...

    def end_of(self, seconds: float) -> float:
        """Tell when the frame of that time ceases to be shown, in seconds.

        Of the last frame it is what the source says, once all frames were read. Of any other it
        is the time that a frame takes at the source's rate.
        """
        ...

    def close(self) -> None:
        """Release the source."""
        ...


def plausible_fps(*claimed: float) -> float:
    """Return the first rate that can be true; 30 where a source claims none or nonsense."""
    return next((fps for fps in claimed if 0 < fps <= 1000), FPS_WHERE_UNKNOWN)
