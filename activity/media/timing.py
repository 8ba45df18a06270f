"""How a clip counts its frames: their rate as a fraction, and the timecode of the first one."""

from contextlib import closing
from fractions import Fraction
from pathlib import Path

from activity.common.errors import UserError
from activity.common.stores import local_copy
from activity.media.clip import VideoSource, open_container


def as_fraction(fps: float) -> Fraction:
    """Return the rate that is meant by a number of frames per second.

    Example:
        >>> as_fraction(29.97002997)
        Fraction(30000, 1001)
    """
    return max(Fraction(fps).limit_denominator(1001), Fraction(1, 1001))


def rate_of(clip: Path) -> Fraction:
    """Return the rate of a clip on this disk or in a store.

    Raises:
        UserError: it cannot be read.
    """
    with local_copy(clip) as local, closing(VideoSource(local)) as source:
        return as_fraction(source.info.fps)


def start_timecode(clip: Path) -> str | None:
    """Return the timecode of a clip's first frame, as its tmcd track or its metadata have it.

    Args:
        clip: a file on this disk.

    Returns:
        Such as ``01:00:00:00``, or ``01:00:00;00`` where numbers are dropped; None if it has none.
    """
    try:
        with open_container(clip) as container:
            told = [container.metadata, *(stream.metadata for stream in container.streams)]
    except UserError:
        return None
    return next((some["timecode"] for some in told if "timecode" in some), None)
