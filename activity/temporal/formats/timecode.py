"""SMPTE timecodes (SMPTE ST 12-1): hours, minutes, seconds and frames."""

import re
from dataclasses import dataclass
from fractions import Fraction

from activity.temporal.formats.annotations import Media

_DROPS = (30, 60)  # of 29.97 and 59.94 a second there is a drop-frame timecode

_TIMECODE = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.])(\d\d+)")


@dataclass(frozen=True)
class Timecode:
    """How the frames of a clip are counted.

    Attributes:
        base: frames that a second of the timecode has: the rate, rounded.
        drop: whether it skips numbers, so that it keeps pace with the clock.
        first_frame: number of the clip's first frame.
    """

    base: int
    drop: bool
    first_frame: int

    @classmethod
    def of(cls, media: Media) -> "Timecode":
        """Choose it for a clip: as its start timecode has it; else drop-frame where there is one.

        A timecode that makes no sense counts as none.
        """
        base = max(1, round(media.rate))
        may_drop = base in _DROPS and media.rate == Fraction(base * 1000, 1001)
        match = _TIMECODE.fullmatch(media.timecode or "")
        if match is None:
            return cls(base, may_drop, 0)
        drop = may_drop and match[4] != ":"
        hours, minutes, seconds, frames = (int(match[group]) for group in (1, 2, 3, 5))
        if minutes > 59 or seconds > 59 or frames >= base:
            return cls(base, may_drop, 0)
        number = ((hours * 60 + minutes) * 60 + seconds) * base + frames
        if drop:
            passed = hours * 60 + minutes
            number -= base // 15 * (passed - passed // 10)
        return cls(base, drop, number)

    def at(self, frame: int) -> str:
        """Return the timecode of a frame of the clip, counted from 0; it starts again at 24 hours.

        Example:
            >>> Timecode(30, True, 0).at(1800)
            '00:01:00;02'
        """
        number = self.first_frame + frame
        if self.drop:
            # Numbers 0 and 1 (at 60, 0 to 3) of each minute are skipped, but of each tenth.
            skipped = self.base // 15
            in_minute = 60 * self.base - skipped
            in_ten = 10 * in_minute + skipped
            tens, rest = divmod(number, in_ten)
            minutes = max(0, rest - skipped) // in_minute
            number += skipped * (9 * tens + minutes)
        seconds, frames = divmod(number, self.base)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        sign = ";" if self.drop else ":"
        return f"{hours % 24:02}:{minutes:02}:{seconds:02}{sign}{frames:02}"
