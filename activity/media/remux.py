"""A clip copied into a Matroska file without encoding, with a track of subtitles added."""

import io
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream

from activity.common.errors import UserError
from activity.common.writing import replace_when_complete
from activity.media.clip import open_container, packets_of_all, shown_stream, start_of_clock

_TICK = Fraction(1, 1000)  # of Matroska's clock
_COPIED = ("video", "audio", "subtitle")
_NOT_SHOWN = Disposition.attached_pic | Disposition.timed_thumbnails


class Subtitle(NamedTuple):
    """What is shown from ``start`` to ``end``, in seconds by the clock of a player.

    Attributes:
        text: of the format ASS, with its tags.
        layer: what has a higher one is drawn over the others.
        style: name of one of the styles.
    """

    start: float
    end: float
    text: str
    layer: int
    style: str


def copy_with_subtitles(
    clip: Path, path: Path, header: str, subtitles: Iterator[Subtitle]
) -> list[str]:
    """Copy the video, sound and subtitles of a clip as they are, and add a track of subtitles.

    Times start at 0, or where sound starts before it. Subtitles of an .mp4, which Matroska cannot
    hold, become SubRip.

    Args:
        clip: a file on this disk.
        path: of the ``.mkv`` to write.
        header: of the track: an ASS file (https://wiki.videolan.org/SubStation_Alpha) up to its
            events. The track is the default one, so that players show it.
        subtitles: in the order of their starts.

    Returns:
        What the copy lacks, in a few words each.

    Raises:
        UserError: the clip cannot be read, or the file cannot be written.
    """
    with (
        open_container(clip) as source,
        replace_when_complete(path) as (part,),
        av.open(io.BytesIO(header.encode()), "r", format="ass") as template,
    ):
        try:
            with av.open(str(part), "w", format="matroska") as output:
                return _copy(source, output, template, subtitles)
        except (av.FFmpegError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UserError(f"cannot copy {clip} to {path}: {reason}") from error


def _copy(
    source: InputContainer,
    output: OutputContainer,
    template: InputContainer,
    subtitles: Iterator[Subtitle],
) -> list[str]:
    lost: list[str] = []
    copies: dict[int, Stream] = {}
    for stream in source.streams:
        if stream.type not in _COPIED or stream.disposition & _NOT_SHOWN:
            continue
        if stream.codec_context is None:
            lost.append(f"a stream of {stream.type} that FFmpeg does not know")
            continue
        if _is_mov_text(stream) or can_carry("matroska", stream):
            copies[stream.index] = _added(output, stream)
        else:
            lost.append(f"its {stream.type} in {stream.codec_context.name}")
    shown = shown_stream(source)
    if shown is None or shown.index not in copies:
        raise ValueError(
            f"Matroska cannot hold {shown.codec_context.name if shown else 'no video'}"
        )
    track = output.add_stream_from_template(template.streams.subtitles[0])
    track.metadata["title"] = "activity"
    track.disposition = Disposition.default
    output.metadata.update(source.metadata)
    output.set_chapters(source.chapters())
    output.start_encoding()

    start = start_of_clock(source)
    last: dict[int, int] = {}
    numbered = enumerate(subtitles)
    waiting = next(numbered, None)
    untimed = 0
    for packet in packets_of_all(source, [s for s in source.streams if s.index in copies]):
        copy = copies[packet.stream_index]
        seconds = _shift(packet, start, last)
        if seconds is None:
            untimed += 1
            continue
        while waiting is not None and waiting[1].start <= seconds:
            output.mux(_event(*waiting, track))
            waiting = next(numbered, None)
        if _is_mov_text(packet.stream):
            packet = _as_subrip(packet)
        packet.stream = copy
        output.mux(packet)
    while waiting is not None:
        output.mux(_event(*waiting, track))
        waiting = next(numbered, None)
    if untimed:
        lost.append(f"packets without a time, or out of order: {untimed}")
    return lost


def can_carry(format_name: str, stream: Stream) -> bool:
    """Tell whether a container of FFmpeg's, such as ``"mp4"``, can hold a stream as it is.

    It is tried on an output in memory: FFmpeg tells only when the header is written.
    """
    try:
        with av.open(io.BytesIO(), "w", format=format_name) as trial:
            trial.add_stream_from_template(stream, opaque=True)
            trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True


def _is_mov_text(stream: Stream) -> bool:
    return stream.type == "subtitle" and stream.codec_context.name == "mov_text"


def _added(output: OutputContainer, stream: Stream) -> Stream:
    if _is_mov_text(stream):
        with av.open(io.BytesIO(b"1\n00:00:00,000 --> 00:00:01,000\n.\n"), format="srt") as text:
            copy: Stream = output.add_stream_from_template(text.streams.subtitles[0])
    else:
        # Else PyAV looks for an encoder of the decoder's name, and there is no libdav1d.
        copy = output.add_stream_from_template(stream, opaque=True)
    copy.metadata.update(stream.metadata)
    # The labels are the subtitles to show; the clip's own can be chosen.
    is_default = stream.disposition & Disposition.default and stream.type != "subtitle"
    copy.disposition = Disposition.default if is_default else Disposition(0)
    return copy


def _shift(packet: "Packet[Stream]", start: Fraction, last: dict[int, int]) -> float | None:
    """Count a packet's times from the start of the clock; None if it has none that can be."""
    tick = packet.time_base
    offset = round(start / tick)
    # An AVI has no times of showing; where frames are not reordered, they are those of decoding.
    shown = packet.dts if packet.pts is None else packet.pts
    if shown is None:
        return None
    shown -= offset
    earlier = last.get(packet.stream_index, shown)
    # The first packets of a Matroska file have no times of decoding. The order is what counts.
    decoded = earlier if packet.dts is None else max(earlier, packet.dts - offset)
    if decoded > shown:
        return None
    packet.dts, packet.pts = decoded, shown
    last[packet.stream_index] = decoded
    return float(decoded * tick)


def _event(number: int, subtitle: Subtitle, track: Stream) -> "Packet[Stream]":
    """Make a packet as Matroska has them: without times, but with a number for their order."""
    text = f"{number},{subtitle.layer},{subtitle.style},,0,0,0,,{subtitle.text}"
    packet: Packet[Stream] = av.Packet(text.encode())
    packet.stream = track
    packet.time_base = _TICK
    # Rounded down: one that starts after its frame would be shown a frame late.
    packet.pts = packet.dts = math.floor(round(subtitle.start * 1000, 6))
    packet.duration = max(1, math.floor(round(subtitle.end * 1000, 6)) - packet.pts)
    packet.is_keyframe = True
    return packet


def _as_subrip(packet: "Packet[Stream]") -> "Packet[Stream]":
    """Turn a subtitle of an .mp4 (3GPP TS 26.245: length, text, styles) into one of SubRip."""
    content = bytes(packet)
    text = content[2 : 2 + int.from_bytes(content[:2], "big")]
    made: Packet[Stream] = av.Packet(text)
    made.time_base, made.pts, made.dts = packet.time_base, packet.pts, packet.dts
    made.duration = packet.duration
    return made
