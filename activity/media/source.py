"""What frames come from: the contract that clips and live sources share."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol

from activity.media.frame import Frame
from activity.media.planes import PlaneFormat

FPS_WHERE_UNKNOWN = 30.0


@dataclass(frozen=True)
class VideoInfo:
    """What a source says of itself: frame size in pixels, frames per second, number of frames.

    Size and rate are those of the frames that come out of it. The number of frames is 0 where
    the source does not say, and may be wrong where it does. ``planes`` says how the frames are
    stored, where they can be written as they are stored; else it is None.
    """

    width: int
    height: int
    fps: float
    frame_count: int
    planes: PlaneFormat | None = None


class Source(Protocol):
    """A clip, a camera or a stream, opened for reading.

    Attributes:
        live: whether frames come at their own pace, and those that nobody takes are lost.
        info: size, rate and number of the frames.
        dropped: how many frames of a live source were lost so far; 0 for a clip.
        damaged: how many packets could not be decoded so far.
        corrupt: how many frames the decoder has called corrupt so far; they are among the frames.
    """

    live: bool
    info: VideoInfo
    dropped: int

    @property
    def damaged(self) -> int: ...

    @property
    def corrupt(self) -> int: ...

    def frames(self) -> Generator[Frame, None, None]:
        """Yield the frames in order; release the source at the end.

        Each comes later than the one before it, and all have the size that ``info`` says.
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
