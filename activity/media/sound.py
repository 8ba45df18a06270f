"""The sound of a clip on its way into another: copied packet for packet, or made playable."""

import math
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from activity.common.errors import UserError
from activity.media.clip import heard_stream, open_container, packets_of, start_of_clock
from activity.media.remux import can_carry

# What browsers play in an .mp4. Of other sound some players play some.
_PLAYED_EVERYWHERE = ("aac", "mp3", "opus")

# In seconds. An .mp4 has no longer ones at any sampling rate.
_LONGEST_PAUSE = 6 * 3600

# The sampling rates that AAC has and all players play, in hertz.
_AAC_RATES = (48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)

# Many containers round the times of sound. A hole is longer than that, in seconds.
_SHORTEST_HOLE = Fraction(1, 20)


class Sound:
    """The audio stream of a clip that a player plays, for an output that is being written.

    Attributes:
        lost: why sound that the clip has is not in the output, or only a part of it; None if
            nothing is lost.
        written: whether any of it is in the output.
        converted: the codec of sound that is AAC in the output, since browsers do not play it;
            None if it is copied.
    """

    def __init__(self, clip: Path | None, output: OutputContainer) -> None:
        """Open the clip's sound and add a stream for it to ``output``, before any packet.

        Without a clip, or where it has no sound, there is nothing to copy.
        """
        self.lost: str | None = None
        self.written = False
        self.converted: str | None = None
        self._waiting: tuple[Fraction, Packet[Stream]] | None = None
        self._last = 0.0  # when the last packet started, in seconds
        self._way: _CopiedSound | _ConvertedSound | None = None
        self._input: InputContainer | None = None
        if clip is None:
            return
        try:
            self._input = open_container(clip)
        except UserError:
            return
        audio = heard_stream(self._input)
        if audio is None:
            return
        if audio.codec_context is None:
            self.lost = "FFmpeg cannot decode it"
            return
        codec = audio.codec_context.codec.canonical_name
        if codec in _PLAYED_EVERYWHERE and can_carry(output.format.name, audio):
            self._way = _CopiedSound(audio, output)
        else:
            self.converted = codec
            self._way = _ConvertedSound(audio, output)
        start = start_of_clock(self._input)
        # Each with its time by the clock of a player; one that has no time is left out.
        self._packets = (
            (packet.pts * packet.time_base - start, packet)
            for packet in packets_of(self._input, audio)
            if packet.pts is not None
        )
        self._waiting = next(self._packets, None)

    def copy(self, until: float = math.inf) -> None:
        """Copy the packets that start before ``until``, in seconds by the clock of a player."""
        while self._way is not None and self._waiting is not None:
            seconds, packet = self._waiting
            if seconds >= until:
                return
            if seconds - self._last > _LONGEST_PAUSE:
                self.lost = f"after {self._last:.1f} s it pauses for more than six hours"
                self._waiting = None
                return
            self._last = float(seconds)
            try:
                self._way.take(packet, seconds)
                self.written = True
            except _LostSoundError as error:
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


class _LostSoundError(Exception):
    """Sound that cannot be in the output, and why."""


class _CopiedSound:
    """Sound whose packets are written as they are."""

    def __init__(self, audio: av.AudioStream, output: OutputContainer) -> None:
        self._output = output
        self._stream = output.add_stream_from_template(audio)
        self._last_dts: int | None = None

    def take(self, packet: "Packet[Stream]", seconds: Fraction) -> None:
        """Write a packet that is heard at that time."""
        pts = dts = round(seconds / packet.time_base)
        if packet.dts is not None and packet.pts is not None:
            dts += packet.dts - packet.pts
        # A damaged clip can go back in time, an output cannot.
        if self._last_dts is None or dts > self._last_dts:
            self._last_dts = dts
            packet.pts, packet.dts = pts, dts
            packet.stream = self._stream
            self._output.mux(packet)

    def finish(self) -> None:
        """Nothing is held back."""


class _ConvertedSound:
    """Sound that is decoded and encoded as AAC; what cannot be decoded is left out."""

    def __init__(self, audio: av.AudioStream, output: OutputContainer) -> None:
        self._output = output
        self._decoder = audio.codec_context
        rate, channels = audio.codec_context.sample_rate, audio.codec_context.channels
        layout = "mono" if channels == 1 else "stereo" if channels < 6 else "5.1"
        self._stream = output.add_stream(
            "aac", rate=rate if rate in _AAC_RATES else _AAC_RATES[0], layout=layout
        )
        self._stream.bit_rate = 32_000 + 64_000 * self._stream.codec_context.channels
        self._end: Fraction | None = None
        self._resampler: av.AudioResampler | None = None
        self._taken: tuple[str, str, int] | None = None  # format, channels and rate of its frames

    def take(self, packet: "Packet[Stream]", seconds: Fraction) -> None:
        """Decode and encode a packet that is heard at that time.

        Raises:
            _LostSoundError: it has channels that FFmpeg cannot convert; later packets may be taken.
        """
        try:
            frames = self._decoder.decode(packet)
        except av.FFmpegError:
            return
        start = seconds
        for frame in frames:
            if frame.pts is not None and packet.pts is not None:
                seconds = start + (frame.pts - packet.pts) * packet.time_base
            self._encode(frame, seconds)
            seconds += Fraction(frame.samples, frame.sample_rate)

    def finish(self) -> None:
        """Write what is held back."""
        if self._end is not None:
            self._end_resampler()
            self._output.mux(self._stream.encode(None))

    def _encode(self, frame: av.AudioFrame, seconds: Fraction) -> None:
        # Sound goes on without a seam, but for a hole; an output cannot go back in time.
        if self._end is not None and seconds - self._end < _SHORTEST_HOLE:
            seconds = self._end
        frame.time_base = Fraction(1, frame.sample_rate)
        frame.pts = round(seconds * frame.sample_rate)
        taken = frame.format.name, frame.layout.name, frame.sample_rate
        if self._resampler is None or taken != self._taken:
            # Broadcasts change theirs midway; an output cannot.
            self._end_resampler()
            made = self._stream.codec_context
            self._resampler = av.AudioResampler(made.format, made.layout, made.sample_rate)
            self._taken = taken
        try:
            converted = self._resampler.resample(frame)
        except ValueError as error:
            self._resampler = None
            raise _LostSoundError(f"FFmpeg cannot convert {frame.layout.name}") from error
        for each in converted:
            self._output.mux(self._stream.encode(each))
        self._end = seconds + Fraction(frame.samples, frame.sample_rate)

    def _end_resampler(self) -> None:
        for each in self._resampler.resample(None) if self._resampler else ():
            self._output.mux(self._stream.encode(each))
