"""The sound of a clip on its way into another: copied packet for packet, or made playable."""

import io
import math
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer

from activity.common.errors import UserError
from activity.media.container import heard_stream, open_container, start_of_clock
from activity.media.packets import packets_of
from activity.media.sound_streams import (
    ConvertedSound,
    CopiedSound,
    LostSoundError,
    TimedPacket,
    timed,
)

# What browsers play in an .mp4. Of other sound some players play some.
_PLAYED_EVERYWHERE = ("aac", "mp3", "opus")

# In seconds. An .mp4 has no longer ones at any sampling rate.
_LONGEST_PAUSE = 6 * 3600


class Sound:
    """The audio stream of a clip that a player plays, for an output that is being written.

    Attributes:
        lost: why sound that the clip has is not in the output, or only a part of it; None if
            nothing is lost.
        written: whether any of it is in the output.
        converted: the codec of sound that is AAC in the output, since browsers do not play it;
            None if it is copied.
    """

    def __init__(self, clip: Path, output: OutputContainer) -> None:
        """Open the clip's sound and add a stream for it to ``output``, before any packet."""
        self.lost: str | None = None
        self.written = False
        self.converted: str | None = None
        self._waiting: TimedPacket | None = None
        self._last = 0.0  # when the last packet started, in seconds
        self._way: CopiedSound | ConvertedSound | None = None
        self._input = _open(clip)
        audio = heard_stream(self._input) if self._input else None
        if self._input is None or audio is None:
            return
        if audio.codec_context is None:
            self.lost = "FFmpeg cannot decode it"
            return
        codec = audio.codec_context.codec.canonical_name
        if codec in _PLAYED_EVERYWHERE and _can_carry(output.format.name, audio):
            self._way = CopiedSound(audio, output)
        else:
            self.converted = codec
            self._way = ConvertedSound(audio, output)
        packets = packets_of(self._input, audio)
        self._packets = timed(packets, start_of_clock(self._input))
        self._waiting = next(self._packets, None)

    def copy(self, until: float = math.inf) -> None:
        """Copy the packets that start before ``until``, in seconds by the clock of a player."""
        while self._way is not None and self._waiting is not None:
            if self._waiting.seconds >= until:
                return
            if self._waiting.seconds - self._last > _LONGEST_PAUSE:
                self.lost = f"after {self._last:.1f} s it pauses for more than six hours"
                self._waiting = None
                return
            self._last = float(self._waiting.seconds)
            try:
                self._way.take(self._waiting)
                self.written = True
            except LostSoundError as error:
                self.lost = str(error)
            self._waiting = next(self._packets, None)

    def finish(self) -> None:
        """Write what is held back, before the output is closed."""
        if self._way is not None:
            self._way.finish()

    def remarks(self, clip: str, output: Path) -> list[str]:
        """Say what became of the clip's sound, where that needs to be said; a line each."""
        remarks = []
        if self.lost:
            part = "has only a part of" if self.written else "is without"
            remarks.append(f"{output} {part} the sound of {clip}: {self.lost}")
        if self.converted and self.written:
            remarks.append(
                f"{output} has the sound of {clip} as AAC: browsers do not play {self.converted}"
            )
        return remarks

    def close(self) -> None:
        """Release the clip."""
        if self._input is not None:
            self._input.close()


def _open(clip: Path) -> InputContainer | None:
    try:
        return open_container(clip)
    except UserError:
        return None


def _can_carry(format_name: str, audio: av.AudioStream) -> bool:
    """Try it on an output in memory: FFmpeg tells only when the header is written."""
    try:
        with av.open(io.BytesIO(), "w", format=format_name) as trial:
            trial.add_stream_from_template(audio)
            trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True
