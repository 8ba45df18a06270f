"""The sound of a clip, copied into another packet for packet."""

import io
import math
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av


class _TimedPacket(NamedTuple):
    """A packet and its times, in ticks of ``clock`` seconds."""

    packet: "av.Packet[av.AudioStream]"
    pts: int
    dts: int
    clock: Fraction


class Sound:
    """The first audio stream of a clip, on its way into an output that is being written.

    ``lost`` says why sound that the clip has cannot be copied; None where nothing is lost.
    """

    def __init__(self, clip: Path, output: av.container.OutputContainer) -> None:
        """Open the clip's sound and add a stream for it to ``output``, before any packet."""
        self.lost: str | None = None
        self._waiting: _TimedPacket | None = None
        self._input = _open(clip)
        if self._input is None:
            return
        audio = self._input.streams.best("audio")
        if not isinstance(audio, av.AudioStream):
            return
        if not _can_carry(output.format.name, audio):
            self.lost = f"{output.format.name} cannot carry {audio.codec_context.name}"
            return
        self._output = output
        self._stream = output.add_stream_from_template(audio)
        self._shift = _first_frame_seconds(self._input)
        self._packets = self._input.demux(audio)
        self._last_dts: int | None = None
        self._waiting = self._next()

    def copy(self, until: float = math.inf) -> None:
        """Copy the packets that start before ``until``, in seconds from the first frame."""
        while self._waiting is not None:
            packet, pts, dts, clock = self._waiting
            shift = round(self._shift / clock)
            if (pts - shift) * clock >= until:
                return
            # A damaged clip can go back in time, an output cannot.
            if self._last_dts is None or dts > self._last_dts:
                self._last_dts = dts
                packet.pts, packet.dts = pts - shift, dts - shift
                packet.stream = self._stream
                self._output.mux(packet)
            self._waiting = self._next()

    def close(self) -> None:
        """Release the clip."""
        if self._input is not None:
            self._input.close()

    def _next(self) -> _TimedPacket | None:
        # In a damaged clip the sound ends where it can no longer be read, as the picture does.
        with suppress(av.FFmpegError, StopIteration):
            packet = next(self._packets)
            # The last one is empty and has no time.
            pts, dts, clock = packet.pts, packet.dts, packet.time_base
            if pts is not None and dts is not None and clock is not None:
                return _TimedPacket(packet, pts, dts, clock)
        return None


def _open(clip: Path) -> av.container.InputContainer | None:
    try:
        # Titles and the like need not be UTF-8.
        return av.open(str(clip.absolute()), metadata_errors="replace")
    except av.FFmpegError:
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


def _first_frame_seconds(clip: av.container.InputContainer) -> Fraction:
    """When the clip's first frame is shown; frames are timed from there, sound is not."""
    video = clip.streams.best("video")
    if video is None or video.start_time is None or video.time_base is None:
        return Fraction(0)
    return video.start_time * video.time_base
