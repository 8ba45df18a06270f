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
    """One frame, BGR, uint8, shape (height, width, 3), and its time in seconds from the first."""

    pixels: NDArray[np.uint8]
    seconds: float


NO_PIXELS = np.empty((0, 0, 3), np.uint8)
"""Stands for the pixels of a frame of which nobody needs more than the time."""


class Source(Protocol):
    """A clip, a camera or a stream, opened for reading.

    Attributes:
        live: whether frames come at their own pace, and those that nobody takes are lost.
        info: size, rate and number of the frames.
        dropped: how many frames of a live source were lost so far; 0 for a clip.
    """

    live: bool
    info: VideoInfo
    dropped: int

    def frames(self, pixels_every: int = 1) -> Generator[Frame, None, None]:
        """Yield the frames in order; release the source at the end.

        Args:
            pixels_every: every how many frames one has its pixels; others may have ``NO_PIXELS``.
        """
        ...

    def close(self) -> None:
        """Release the source."""
        ...
