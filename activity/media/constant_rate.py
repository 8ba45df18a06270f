"""The one rate of an .avi: such that it lasts as long as the clip, whatever rate that claims."""

import math
import struct
from fractions import Fraction
from pathlib import Path

from activity.media.frame import Frame

# A frame that is shown for longer than this has a wrong time.
_LONGEST_STEP = 60 * 86400  # seconds

# Containers round the times of frames, many of them to milliseconds.
_ROUNDED = 0.002  # seconds

# The numbers in an .avi have 32 bits; a millionth of a second is fine enough.
_LARGEST = 2**31
_FINEST = 10**6


class EvenedTimes:
    """How long frames are shown that follow one another, and how long each is on average.

    Args:
        claimed: the latter, in seconds, as the clip says. It is taken where nothing else is known,
            and where it is right.
    """

    def __init__(self, claimed: Fraction) -> None:
        self._claimed = claimed
        self._count = 0
        self._length = 0.0  # of all frames but the last, in seconds
        self._last = (0.0, 0.0)  # time and duration of the last frame
        self._shortest, self._longest = math.inf, 0.0

    def add(self, frame: Frame) -> None:
        """Take in the next frame."""
        if self._count:
            self._length += self._checked(frame.seconds - self._last[0])
        self._last = (frame.seconds, frame.duration)
        self._count += 1

    @property
    def step(self) -> Fraction:
        """For how many seconds each frame is shown, so that all together take their time."""
        duration = self._last[1]
        if 0 < duration <= _LONGEST_STEP:
            mean = (self._length + duration) / self._count
        else:  # nobody knows how long the last frame is shown
            mean = self._length / max(1, self._count - 1)
        if not mean or abs(mean - self._claimed) * self._count < _ROUNDED:
            return self._claimed
        return Fraction(mean).limit_denominator(min(_FINEST, int(_LARGEST / (1 + mean))))

    def remark(self, clip: str, output: Path) -> str | None:
        """Say that frames are not shown as long as in the clip, where that can be noticed."""
        shortest, longest = self._shortest, max(self._longest, self._last[1])
        if longest - shortest < self.step / 2:
            return None
        return (
            f"{output} has the length of {clip}, but shows each frame for {float(self.step):.3g} "
            f"s, where that has {shortest:.3g} to {longest:.3g} s: an .mp4 keeps the times"
        )

    def _checked(self, step: float) -> float:
        if step > _LONGEST_STEP:
            return float(self._claimed)
        self._shortest, self._longest = min(self._shortest, step), max(self._longest, step)
        return step


def set_step(avi: Path, step: Fraction) -> None:
    """Change in a finished .avi of one stream for how many seconds each frame is shown."""
    with avi.open("r+b") as file:
        start = file.read(1024)
        file.seek(start.index(b"avih") + 8)
        file.write(struct.pack("<I", min(round(step * 10**6), 2**32 - 1)))
        file.seek(start.index(b"strh") + 8 + 20)
        file.write(struct.pack("<II", step.numerator, step.denominator))
