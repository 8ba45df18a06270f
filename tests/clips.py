"""Clips with what OpenCV's writer cannot write: sound, odd times, rotation, other codecs."""

import os
import socket
from collections.abc import Sequence
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path

import av
import numpy as np
from av.codec.context import Flags
from av.filter import Graph

from activity.media.clip import VideoSource
from activity.media.sink import open_sink
from activity.media.sound import Sound

MILLISECOND = Fraction(1, 1000)


def draw_frame(number: int, size: tuple[int, int] = (160, 120)) -> np.ndarray:
    """A grey BGR frame with a bar that moves, so that no two neighbours are the same."""
    width, height = size
    frame = np.full((height, width, 3), 90, np.uint8)
    frame[:, number * 3 % width] = (30, 230, 40)
    return frame


def write_av_clip(
    path: Path,
    milliseconds: Sequence[int],
    *,
    size: tuple[int, int] = (160, 120),
    codec: str = "libx264",
    aspect: Fraction | None = None,
    rotation: int = 0,
    sound: str | None = None,
    sound_at: int = 0,
) -> Path:
    """Write a clip with one frame at each time, and a tone to the end of the clip.

    Args:
        aspect: width of a pixel by its height.
        rotation: degrees by which a player is asked to turn the frames.
        sound: an audio codec.
        sound_at: when the tone starts, in milliseconds.
    """
    with av.open(str(path), "w") as clip:
        video = clip.add_stream(codec, rate=30)
        video.width, video.height = size
        video.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        video.codec_context.time_base = MILLISECOND if codec == "libx264" else Fraction(1, 30)
        if aspect:
            video.codec_context.sample_aspect_ratio = aspect
        if rotation:
            video.set_display_rotation(rotation)
        audio = clip.add_stream(sound, rate=44100, bit_rate=128_000) if sound else None
        for number, at in enumerate(milliseconds):
            frame = av.VideoFrame.from_ndarray(draw_frame(number, size), format="bgr24")
            frame.pts = at if codec == "libx264" else number
            frame.time_base = video.codec_context.time_base
            clip.mux(video.encode(frame))
        clip.mux(video.encode(None))
        if audio:
            for frame in tone((milliseconds[-1] - sound_at) / 1000):
                frame.pts += sound_at * 441 // 10
                clip.mux(audio.encode(frame))
            clip.mux(audio.encode(None))
    return path


def sound_packets(path: Path) -> list[tuple[float, bytes]]:
    """Time in seconds and content of every packet of a clip's sound."""
    with av.open(str(path)) as clip:
        packets = clip.demux(audio=0) if clip.streams.audio else []
        return [(float(p.pts * p.time_base), bytes(p)) for p in packets if p.pts is not None]


def frame_times(path: Path) -> list[float]:
    """Time in seconds of every frame of a clip, as players see it."""
    with av.open(str(path)) as clip:
        return [float(frame.time) for frame in clip.decode(video=0)]


def tone(seconds: float, pitch: float = 440) -> list[av.AudioFrame]:
    """A tone of so many seconds, as an encoder of sound wants it; ``pitch`` is in hertz."""
    rate = 44100
    samples = np.sin(np.arange(int(seconds * rate)) * 2 * np.pi * pitch / rate).astype(np.float32)
    frames = []
    for start in range(0, len(samples) - 1023, 1024):
        stereo = np.stack([samples[start : start + 1024]] * 2)
        frame = av.AudioFrame.from_ndarray(stereo, format="fltp", layout="stereo")
        frame.sample_rate = rate
        frame.pts = start
        frames.append(frame)
    return frames


def write_pictures(
    path: Path,
    pictures: Sequence[np.ndarray],
    codec: str,
    *,
    pix_fmt: str = "yuv420p",
    fields: bool = False,
    options: dict[str, str] | None = None,
    rate: int = 25,
) -> Path:
    """Write BGR pictures at a constant rate, as any codec wants them.

    Args:
        fields: whether their even and odd lines are of two moments, the even ones first.
    """
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w") as clip:
        video = clip.add_stream(codec, rate=rate, options=options or {})
        video.width, video.height, video.pix_fmt = width, height, pix_fmt
        if fields:
            video.codec_context.flags |= Flags.interlaced_dct | Flags.interlaced_me
        graph = Graph()
        source = graph.add_buffer(
            width=width, height=height, format="bgr24", time_base=Fraction(1, rate)
        )
        marked = graph.add("setfield", "tff" if fields else "prog")
        nodes = (source, graph.add("format", pix_fmt), marked, graph.add("buffersink"))
        graph.link_nodes(*nodes).configure()
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            graph.push(frame)
            clip.mux(video.encode(graph.vpull()))
        clip.mux(video.encode(None))
    share_the_cores()
    return path


def share_the_cores() -> None:
    """Take back what SVT-AV1's encoder has done to this thread: it runs before all others.

    Where it may, as root, the encoder gives the thread that opens it a real-time priority, which
    processes that are started later inherit (findings/svt_av1_runs_before_all_others.sh).
    """
    if hasattr(os, "sched_setscheduler"):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def overwrite_packet(path: Path, number: int) -> None:
    """Damage a packet of a clip's video, in the order of decoding, so that it is not decoded."""
    with av.open(str(path)) as clip:
        packets = [packet for packet in clip.demux(video=0) if packet.size]
        start, packet = packets[number].pos or 0, bytes(packets[number])
    content = bytearray(path.read_bytes())
    start = content.index(packet, start)  # in Matroska it has a header of its own
    content[start : start + len(packet)] = bytes([255]) * len(packet)
    path.write_bytes(content)


def write_sound_clip(
    path: Path,
    codec: str,
    *,
    rate: int = 44100,
    layout: str = "stereo",
    late: float = 0,
    options: dict[str, str] | None = None,
) -> Path:
    """Write two seconds of pictures, which start ``late`` seconds after a tone of 440 Hz."""
    with av.open(str(path), "w") as clip:
        is_broadcast = path.suffix == ".ts"
        video = clip.add_stream("mpeg2video" if is_broadcast else "mjpeg", rate=25)
        video.width, video.height = 160, 120
        video.pix_fmt = "yuv420p" if is_broadcast else "yuvj420p"
        audio = clip.add_stream(codec, rate=rate, layout=layout, options=options or {})
        assert isinstance(audio, av.AudioStream)
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(draw_frame(number), format="bgr24")
            frame.pts, frame.time_base = number + round(late * 25), Fraction(1, 25)
            clip.mux(video.encode(frame))
        clip.mux(video.encode(None))
        resampler = av.AudioResampler(
            format=audio.codec_context.format,
            layout=layout,
            rate=rate,
            frame_size=audio.codec_context.frame_size or 1024,
        )
        for sound in (*tone(2), None):
            for frame in resampler.resample(sound):
                clip.mux(audio.encode(frame))
        clip.mux(audio.encode(None))
    return path


def fail_to_read_on(path: Path, way: str) -> None:
    """Let every further read of a file that this process has open fail; on Linux only.

    Args:
        way: "Input/output error" or "Transport endpoint is not connected".
    """
    with Path("/proc/self/mem").open("rb") as unmapped, socket.socket() as unconnected:
        other = unmapped if way == "Input/output error" else unconnected
        for link in Path("/proc/self/fd").iterdir():
            if os.path.realpath(link) == str(path):
                os.dup2(other.fileno(), int(link.name))


def write_at_times(path: Path, milliseconds: Sequence[int]) -> Path:
    """Write a clip of drawn frames whose times nothing checks: some may be equal, or absurd."""
    with av.open(str(path), "w") as clip:
        stream = clip.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuvj420p"
        for number, time in enumerate(milliseconds):
            frame = av.VideoFrame.from_ndarray(draw_frame(number), format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            for packet in stream.encode(frame):
                packet.pts = packet.dts = time
                packet.time_base = MILLISECOND
                clip.mux(packet)
    return path


def copy_clip(clip: Path, output: Path, frames: int | None = None) -> Sound:
    """Write a clip's frames and sound again, as ``predict_video.py`` does.

    Args:
        frames: writes only this many, as after an early end.

    Returns:
        What became of the sound.
    """
    source = VideoSource(clip)
    with open_sink(output, source.info, clip) as sink:
        for number, frame in enumerate(source.frames()):
            if number == frames:
                break
            sink.write(frame)
        else:
            sink.copy_rest_of_sound()
        assert sink.sound is not None
        return sink.sound


def write_programmes(path: Path, parts: Sequence[Path]) -> Path:
    """Put transport streams into one, each as a programme of its own.

    Args:
        parts: each was written with other ``mpegts_service_id``, ``mpegts_start_pid`` and
            ``mpegts_pmt_start_pid``.
    """
    tables, packets = b"", []
    for part in parts:
        content = part.read_bytes()
        cut = [content[at : at + 188] for at in range(0, len(content), 188)]
        # The table of programmes: behind its header of eight bytes, a programme in four.
        association = next(packet for packet in cut if packet[1] & 31 == 0 and packet[2] == 0)
        tables += association[13:17]
        packets.append([packet for packet in cut if packet[1] & 31 or packet[2] not in (0, 17)])
    table = b"\x00\xb0" + bytes([9 + len(tables)]) + b"\x00\x01\xc1\x00\x00" + tables
    checked = 0xFFFFFFFF
    for byte in table:
        checked ^= byte << 24
        for _ in range(8):
            checked = (checked << 1 ^ 0x04C11DB7 * (checked >> 31)) & 0xFFFFFFFF
    first = b"\x47\x40\x00\x10\x00" + table + checked.to_bytes(4, "big")
    # Here one packet of each, so that both are found at once.
    mixed = [packet for pair in zip_longest(*packets) for packet in pair if packet]
    path.write_bytes(first.ljust(188, b"\xff") + b"".join(mixed))
    return path
