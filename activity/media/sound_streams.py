"""An audio stream on its way into an output: copied packet for packet, or made AAC."""

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

# The sampling rates that AAC has and all players play, in hertz.
_AAC_RATES = (48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)

# Many containers round the times of sound. A hole is longer than that, in seconds.
_SHORTEST_HOLE = Fraction(1, 20)


class LostSoundError(Exception):
    """Sound that cannot be in the output, and why."""


class TimedPacket(NamedTuple):
    """A packet, and its times in seconds by the clock of a player."""

    packet: "Packet[Stream]"
    seconds: Fraction
    decoding_seconds: Fraction


def timed(packets: Iterator["Packet[Stream]"], start: Fraction) -> Iterator[TimedPacket]:
    """Time a stream's packets from ``start``, in seconds; one that has no time is left out."""
    for packet in packets:
        if packet.pts is not None:
            dts = packet.pts if packet.dts is None else packet.dts
            tick = packet.time_base
            yield TimedPacket(packet, packet.pts * tick - start, dts * tick - start)


class CopiedSound:
    """Sound whose packets are written as they are."""

    def __init__(self, audio: av.AudioStream, output: OutputContainer) -> None:
        self._output = output
        self._stream = output.add_stream_from_template(audio)
        self._last_dts: int | None = None

    def take(self, timed_packet: TimedPacket) -> None:
        """Write a packet."""
        packet = timed_packet.packet
        dts = round(timed_packet.decoding_seconds / packet.time_base)
        # A damaged clip can go back in time, an output cannot.
        if self._last_dts is None or dts > self._last_dts:
            self._last_dts = dts
            packet.pts, packet.dts = round(timed_packet.seconds / packet.time_base), dts
            packet.stream = self._stream
            self._output.mux(packet)

    def finish(self) -> None:
        """Nothing is held back."""


class ConvertedSound:
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

    def take(self, timed_packet: TimedPacket) -> None:
        """Decode and encode a packet.

        Raises:
            LostSoundError: it has channels that FFmpeg cannot convert; later packets may be taken.
        """
        try:
            frames = self._decoder.decode(timed_packet.packet)
        except av.FFmpegError:
            return
        packet, seconds = timed_packet.packet, timed_packet.seconds
        for frame in frames:
            if frame.pts is not None and packet.pts is not None:
                seconds = timed_packet.seconds + (frame.pts - packet.pts) * packet.time_base
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
            raise LostSoundError(f"FFmpeg cannot convert {frame.layout.name}") from error
        for each in converted:
            self._output.mux(self._stream.encode(each))
        self._end = seconds + Fraction(frame.samples, frame.sample_rate)

    def _end_resampler(self) -> None:
        for each in self._resampler.resample(None) if self._resampler else ():
            self._output.mux(self._stream.encode(each))
