"""What cameras and programs write, read as a player shows it: every frame, upright, on time."""

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.codec.context import Flags
from av.stream import Disposition

from activity.common.errors import UserError
from activity.media import clip as clip_module
from activity.media.clip import VideoSource
from activity.media.crop import Margins, margins_of
from activity.media.cutting import StretchSource, cut
from activity.media.frame import Frame
from activity.media.images import frames_at
from tests.clips import (
    copy_clip,
    draw_frame,
    frame_times,
    overwrite_packet,
    sound_packets,
    tone,
    write_av_clip,
    write_pictures,
)


def read(path: Path) -> list[Frame]:
    return list(VideoSource(path).frames())


def combs(pixels: np.ndarray) -> float:
    """How much each line differs from its neighbours on both sides."""
    lines = pixels.astype(float).mean(axis=2)
    return float(np.abs(lines[2:] - 2 * lines[1:-1] + lines[:-2]).mean())


def weave(number: int, size: tuple[int, int]) -> np.ndarray:
    """A grey picture with a bright bar, which has moved on in its odd lines."""
    width, height = size
    woven = np.full((height, width, 3), 90, np.uint8)
    woven[::2, 12 * number : 12 * number + 40] = 200
    woven[1::2, 12 * number + 6 : 12 * number + 46] = 200
    return woven


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "size"),
    [
        ("camcorder.mts", "libx264", "yuv420p", (160, 120)),
        ("h264.mp4", "libx264", "yuv420p", (160, 120)),
        ("dvd.vob", "mpeg2video", "yuv420p", (160, 120)),
        ("prores.mov", "prores_ks", "yuv422p10le", (160, 120)),
        ("dv.avi", "dvvideo", "yuv420p", (720, 576)),
    ],
)
def test_interlaced_pictures_are_made_whole(
    name: str, codec: str, pix_fmt: str, size: tuple[int, int], tmp_path: Path
) -> None:
    pictures = [weave(number, size) for number in range(8)]
    path = tmp_path / (name if not name.endswith(".mts") else "camcorder.ts")
    path = write_pictures(path, pictures, codec, pix_fmt=pix_fmt, fields=True)
    path = path.rename(tmp_path / name)
    frames = read(path)
    seconds = [frame.seconds for frame in frames]
    assert seconds == pytest.approx([number / 25 for number in range(8)], abs=1e-3)
    for number, frame in enumerate(frames):
        assert combs(frame.pixels) < 0.1 * combs(pictures[number])
        # The bar stands where the first field has it.
        columns = np.flatnonzero(frame.pixels[..., 1].mean(axis=0) > 145)
        assert columns[0] * size[0] / frame.pixels.shape[1] == pytest.approx(12 * number, abs=2)


def test_a_clip_that_is_interlaced_in_parts_keeps_the_others(tmp_path: Path) -> None:
    whole = write_pictures(
        tmp_path / "whole.ts", [draw_frame(number) for number in range(10)], "mpeg2video"
    )
    fields = write_pictures(
        tmp_path / "fields.ts",
        [weave(number, (160, 120)) for number in range(10)],
        "mpeg2video",
        fields=True,
    )
    both = tmp_path / "both.ts"
    both.write_bytes(whole.read_bytes() + fields.read_bytes() + whole.read_bytes())
    frames = read(both)
    assert len(frames) == 30
    for frame, pixels in zip(frames[:10], (f.pixels for f in read(whole)), strict=True):
        np.testing.assert_array_equal(frame.pixels, pixels)
    assert max(combs(frame.pixels) for frame in frames) < 0.3


@pytest.mark.parametrize(
    ("size", "pix_fmt"),
    [((16, 6), "yuv420p"), ((4, 8), "yuv420p"), ((8, 4), "yuv420p"), ((4, 8), "yuv422p")],
)
def test_pictures_too_small_to_be_made_whole_stay_as_they_are(
    size: tuple[int, int], pix_fmt: str, tmp_path: Path
) -> None:
    pictures = [draw_frame(number, size) for number in range(5)]
    path = write_pictures(
        tmp_path / "clip.mkv", pictures, "mpeg2video", pix_fmt=pix_fmt, fields=True
    )
    assert [frame.pixels.shape[1::-1] for frame in read(path)] == [size] * 5


def test_a_filter_that_refuses_pictures_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_module, "_SMALLEST_SIDE", 0)
    pictures = [draw_frame(number, (4, 8)) for number in range(5)]
    path = write_pictures(tmp_path / "clip.mkv", pictures, "mpeg2video", fields=True)
    with pytest.raises(UserError, match=f"cannot read {path} as a video: Invalid argument"):
        VideoSource(path)


# In the order of decoding. What the last ones hold is lost unless somebody looks for it.
@pytest.mark.parametrize("number", [20, 56, 58, 59])
@pytest.mark.parametrize("options", [{"bf": "0"}, {"bf": "2"}], ids=["in order", "reordered"])
def test_one_damaged_packet_costs_one_frame(
    number: int, options: dict[str, str], tmp_path: Path
) -> None:
    pictures = [draw_frame(number) for number in range(60)]
    path = write_pictures(
        tmp_path / "clip.mp4", pictures, "libx264", options={"g": "100", **options}
    )
    times = [frame.seconds for frame in read(path)]
    overwrite_packet(path, number)
    source = VideoSource(path)
    found = [frame.seconds for frame in source.frames()]
    assert len(found) == 59
    assert set(found) < set(times)
    assert source.damaged == 1
    assert source.info.frame_count == 60


def test_av1(tmp_path: Path) -> None:
    pictures = [draw_frame(number) for number in range(20)]
    path = write_pictures(
        tmp_path / "clip.mp4", pictures, "libsvtav1", options={"preset": "12", "crf": "20"}
    )
    frames = read(path)
    assert len(frames) == 20
    for number, frame in enumerate(frames):
        assert frame.seconds == pytest.approx(number / 25, abs=1e-3)
        assert abs(int(frame.pixels[60, :, 1].argmax()) - 3 * number) <= 1


def test_many_packets_of_sound_between_two_frames(tmp_path: Path) -> None:
    path = tmp_path / "screen.mkv"
    with av.open(str(path), "w") as clip:
        video = clip.add_stream("mjpeg", rate=25)
        video.width, video.height, video.pix_fmt = 160, 120, "yuvj420p"
        video.codec_context.time_base = Fraction(1, 1000)
        audio = clip.add_stream("pcm_s16le", rate=8000, layout="mono")
        for number, milliseconds in enumerate([0, 100, 10_000, 10_100]):
            frame = av.VideoFrame.from_ndarray(draw_frame(number), format="bgr24")
            frame.pts, frame.time_base = milliseconds, Fraction(1, 1000)
            clip.mux(video.encode(frame))
            if milliseconds == 100:
                for start in range(0, 80_000, 16):
                    silence = np.zeros((1, 16), np.int16)
                    sound = av.AudioFrame.from_ndarray(silence, format="s16", layout="mono")
                    sound.sample_rate, sound.pts = 8000, start
                    clip.mux(audio.encode(sound))
        clip.mux(video.encode(None))
    assert len(sound_packets(path)) > 4096
    assert [frame.seconds for frame in read(path)] == pytest.approx([0, 0.1, 10, 10.1], abs=1e-3)


MATRICES: dict[str, tuple[tuple[int, int, int, int], Callable[[np.ndarray], np.ndarray]]] = {
    "as stored": ((1, 0, 0, 1), lambda image: image),
    "mirrored": ((-1, 0, 0, 1), lambda image: image[:, ::-1]),
    "upside down": ((-1, 0, 0, -1), lambda image: image[::-1, ::-1]),
    "flipped": ((1, 0, 0, -1), lambda image: image[::-1]),
    "transposed": ((0, 1, 1, 0), lambda image: image.swapaxes(0, 1)),
    "clockwise": ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
    "counter-clockwise": ((0, -1, 1, 0), lambda image: np.rot90(image)),
    "transposed the other way": ((0, -1, -1, 0), lambda image: np.rot90(image, 2).swapaxes(0, 1)),
}


@pytest.mark.parametrize("name", MATRICES)
def test_all_eight_display_matrices(name: str, tmp_path: Path) -> None:
    if not hasattr(av.VideoStream, "set_display_matrix"):
        pytest.skip("this PyAV cannot write the matrix")
    (a, b, c, d), show = MATRICES[name]
    # Four quarters of different brightness.
    picture = np.kron(np.array([[20, 90], [160, 230]]), np.ones((60, 80)))
    picture = np.repeat(picture[:, :, None], 3, axis=2).astype(np.uint8)
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as clip:
        video = clip.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        one = 1 << 16
        matrix = [a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30]
        video.set_display_matrix(matrix)
        for _ in range(3):
            clip.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        clip.mux(video.encode(None))
    source = VideoSource(path)
    expected = show(picture)
    assert (source.info.height, source.info.width) == expected.shape[:2]
    for frame in source.frames():
        assert np.abs(frame.pixels.astype(int) - expected).mean() < 4


@pytest.mark.parametrize("starts", [(0, 3_599_000), (3_599_000, 0)], ids=["forward", "back"])
def test_a_clock_that_jumps_goes_on(starts: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "jump.ts"
    parts = [
        write_av_clip(
            tmp_path / f"{start}.ts", range(start, start + 1000, 40), sound="aac", sound_at=start
        )
        for start in starts
    ]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    source = VideoSource(path)
    assert source.seconds() == pytest.approx(2, abs=0.1)
    seconds = [frame.seconds for frame in source.frames()]
    assert len(seconds) == 50
    np.testing.assert_allclose(np.diff(seconds), 0.04, atol=0.05)
    copy_clip(path, tmp_path / "out.mp4")
    sound = [at for at, _ in sound_packets(tmp_path / "out.mp4")]
    assert sound[-1] == pytest.approx(2, abs=0.1)
    assert np.diff(sound).max() < 0.1


def cover(clip: av.container.OutputContainer, disposition: Disposition) -> None:
    stream = clip.add_stream("mjpeg", rate=1)
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height, stream.pix_fmt = 640, 480, "yuvj420p"
    stream.disposition = disposition.value
    picture = av.VideoFrame.from_ndarray(np.zeros((480, 640, 3), np.uint8), format="bgr24")
    packets = [*stream.encode(picture), *stream.encode(None)]
    clip.start_encoding()
    clip.mux(packets)


def test_a_cover_picture_is_not_the_video(tmp_path: Path) -> None:
    path = tmp_path / "cover.mp4"
    with av.open(str(path), "w") as clip:
        video = clip.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        cover(clip, Disposition.attached_pic)
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(draw_frame(number), format="bgr24")
            clip.mux(video.encode(frame))
        clip.mux(video.encode(None))
    with av.open(str(path)) as clip:
        assert [bool(s.disposition & Disposition.attached_pic) for s in clip.streams] == [0, 1]
    assert [frame.pixels.shape for frame in read(path)] == [(120, 160, 3)] * 10


def test_a_song_with_a_cover_is_not_a_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as clip:
        audio = clip.add_stream("aac", rate=44100)
        cover(clip, Disposition.attached_pic)
        for frame in tone(1):
            clip.mux(audio.encode(frame))
        clip.mux(audio.encode(None))
    with pytest.raises(UserError, match="there is no video in it"):
        VideoSource(path)


def test_of_two_videos_the_one_that_a_player_shows(tmp_path: Path) -> None:
    path = tmp_path / "two.mkv"
    sizes = [(64, 48), (160, 120), (96, 72)]
    for default in (None, 2):
        with av.open(str(path), "w") as clip:
            streams = [clip.add_stream("mjpeg", rate=25) for _ in sizes]
            for stream, (width, height) in zip(streams, sizes, strict=True):
                stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p"
                stream.disposition = Disposition.default.value if stream.index == default else 0
            for number in range(5):
                for stream, size in zip(streams, sizes, strict=True):
                    frame = av.VideoFrame.from_ndarray(draw_frame(number, size), format="bgr24")
                    clip.mux(stream.encode(frame))
        info = VideoSource(path).info
        assert (info.width, info.height) == sizes[1 if default is None else default]


def test_raw_dv_claims_no_number_of_frames(tmp_path: Path) -> None:
    pictures = [draw_frame(number, (720, 576)) for number in range(4)]
    path = tmp_path / "tape.dv"
    with av.open(str(write_pictures(tmp_path / "dv.avi", pictures, "dvvideo"))) as clip:
        path.write_bytes(b"".join(bytes(packet) for packet in clip.demux(video=0)))
    source = VideoSource(path)
    assert (source.info.fps, source.info.frame_count) == (25, 0)
    assert source.seconds() == pytest.approx(0.16)
    assert [frame.seconds for frame in source.frames()] == pytest.approx([0, 0.04, 0.08, 0.12])


def test_y4m_is_not_a_text(tmp_path: Path) -> None:
    pictures = [draw_frame(number, (128, 96)) for number in range(5)]
    path = write_pictures(tmp_path / "clip.y4m", pictures, "wrapped_avframe")
    assert 0 not in path.read_bytes()[:4096]
    assert [frame.seconds for frame in read(path)] == pytest.approx([n / 25 for n in range(5)])


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_last_frame_that_is_shown_for_long(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"clip{suffix}"
    with av.open(str(path), "w") as clip:
        video = clip.add_stream("libx264", rate=25, options={"bf": "0"})
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        video.codec_context.flags |= Flags.frame_duration
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(draw_frame(number), format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            frame.duration = 50 if number == 9 else 1
            clip.mux(video.encode(frame))
        clip.mux(video.encode(None))
    source = VideoSource(path)
    assert source.seconds() == pytest.approx(2.36, abs=1e-3)
    *_, last = source.frames()
    assert (last.seconds, last.duration) == pytest.approx((0.36, 2), abs=1e-3)
    assert source.end_of(last.seconds) == pytest.approx(2.36, abs=1e-3)
    assert source.end_of(0.04) == pytest.approx(0.08, abs=1e-3)
    assert len(list(frames_at(path, [0, 0.5, 2.3, 2.5]))) == 3
    # So it is in what is written.
    copy_clip(path, tmp_path / "out.mp4")
    assert VideoSource(tmp_path / "out.mp4").seconds() == pytest.approx(2.36, abs=2e-3)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_first_frame_that_is_shown_for_long(suffix: str, tmp_path: Path) -> None:
    times = [0, *range(5000, 6000, 40)]
    source = VideoSource(write_av_clip(tmp_path / f"clip{suffix}", times))
    *_, last = source.frames()
    assert last.seconds == pytest.approx(5.96, abs=1e-3)
    assert 5.98 < source.end_of(last.seconds) < 6.01
    assert source.seconds() == pytest.approx(source.end_of(last.seconds))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_pictures_that_start_after_the_sound_have_the_times_of_a_player(
    suffix: str, tmp_path: Path
) -> None:
    path = write_av_clip(tmp_path / f"late{suffix}", range(500, 2500, 40), sound="aac")
    frames = read(path)
    # The sound's encoder may start a moment before zero.
    assert frames[0].seconds == pytest.approx(0.5, abs=0.03)
    assert frames[-1].seconds == pytest.approx(2.46, abs=0.03)
    copy_clip(path, tmp_path / "out.mp4")
    seconds = [frame.seconds for frame in frames]
    assert frame_times(tmp_path / "out.mp4") == pytest.approx(seconds, abs=1e-3)


def test_what_an_editor_has_cut_off_is_neither_shown_nor_counted(tmp_path: Path) -> None:
    path = write_av_clip(tmp_path / "clip.mp4", range(0, 4000, 40))
    content = bytearray(path.read_bytes())
    # The edit list of the track: it shows the clip from one second on.
    at = content.index(b"elst") + 4 + 4 + 4
    content[at : at + 4] = (3000).to_bytes(4, "big")
    with av.open(str(path)) as clip:
        tick = clip.streams.video[0].time_base
    start = int.from_bytes(content[at + 4 : at + 8], "big") + round(1 / tick)
    content[at + 4 : at + 8] = start.to_bytes(4, "big")
    path.write_bytes(content)
    source = VideoSource(path)
    frames = list(source.frames())
    assert source.info.frame_count == len(frames)
    assert len(frames) in (75, 76)
    assert frames[0].seconds == pytest.approx(0, abs=1e-3)
    assert frames[-1].seconds == pytest.approx(2.96, abs=0.05)


def test_stored_as_bgr_and_upside_down(tmp_path: Path) -> None:
    pictures = [draw_frame(number) for number in range(4)]
    for picture in pictures:
        picture[:20] = 255
    path = write_pictures(tmp_path / "raw.avi", pictures, "rawvideo", pix_fmt="bgr24")
    for frame, picture in zip(VideoSource(path).frames(), pictures, strict=True):
        np.testing.assert_array_equal(frame.pixels, picture)
        # Others draw on it.
        frame.pixels[:] = 0


def test_the_small_files_of_the_project(real_data: Path) -> None:
    folder = real_data / "odd_clips"
    expected = {
        "interlaced.mp4": (25, 320, 240, 1.0),
        "damaged.mp4": (89, 320, 240, 3.0),
        "av1.mp4": (50, 320, 240, 2.0),
        "screen.mp4": (39, 320, 240, 104.0),
        "mirrored.mp4": (30, 320, 240, 1.0),
        "time_jump.ts": (60, 160, 120, 2.0),
        "time_jump_back.ts": (60, 160, 120, 2.0),
        "cover_first.mkv": (90, 638, 402, 3.0),
        "recorder.webm": (92, 160, 120, 6.05),
        "variable.mp4": (78, 321, 202, 7.38),
        "clap.mp4": (60, 320, 200, 2.0),
        "pixel_crop.mkv": (60, 320, 200, 2.0),
        "MOV001.MOD": (60, 320, 202, 2.0),
    }
    for name, (count, width, height, end) in expected.items():
        source = VideoSource(folder / name)
        assert (source.info.width, source.info.height) == (width, height), name
        frames = list(source.frames())
        assert len(frames) == count, name
        assert source.end_of(frames[-1].seconds) == pytest.approx(end, abs=0.03), name
        assert all(60 < frame.pixels.mean() < 160 for frame in frames), name


CODECS = {
    "h264.mp4": ("libx264", {"g": "250", "bf": "2"}),
    "hevc.mp4": ("libx265", {"x265-params": "keyint=250:bframes=0:log-level=none"}),
    "vp9.webm": ("libvpx-vp9", {"g": "250", "cpu-used": "8", "deadline": "realtime"}),
    "av1.mp4": ("libsvtav1", {"g": "250", "preset": "12"}),
    "mpeg4.avi": ("mpeg4", {"g": "250"}),
}


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("number", [1, 20, 58, 59])
def test_how_many_frames_come_after_damage_does_not_depend_on_the_cores(
    name: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec, options = CODECS[name]
    pictures = [draw_frame(number) for number in range(60)]
    path = write_pictures(tmp_path / name, pictures, codec, options=options)
    overwrite_packet(path, number)
    found = set()
    for cores in (8, 2, 1):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        source = VideoSource(path)
        pixels = [frame.pixels.tobytes() for frame in source.frames()]
        found.add((len(pixels), source.corrupt, hash(tuple(pixels))))
    ((count, _, _),) = found
    # A packet that cannot be decoded costs its frame.
    assert count + source.damaged == 60


@pytest.mark.parametrize("number", [1, 20, 40])
def test_frames_made_from_damaged_ones_are_shown_and_counted(number: int, tmp_path: Path) -> None:
    pictures = [draw_frame(number) for number in range(60)]
    codec, options = CODECS["hevc.mp4"]
    path = write_pictures(tmp_path / "hevc.mp4", pictures, codec, options=options)
    assert [VideoSource(path).corrupt, len(read(path))] == [0, 60]
    overwrite_packet(path, number)
    source = VideoSource(path)
    frames = list(source.frames())
    assert (len(frames), source.damaged) == (59, 1)
    assert source.corrupt == 59 - number
    # What is shown at a time is not the last picture before the damage.
    (late,) = frames_at(path, [58 / 25])
    assert late.seconds == pytest.approx(58 / 25, abs=1e-3)


def write_clap(
    path: Path, shown: tuple[int, int, int, int], frames: int = 10, **options: object
) -> None:
    """Write an .mp4 of 160x120 whose container asks for a part: left, top, width and height."""
    write_av_clip(path, range(0, 40 * frames, 40), **options)
    left, top, width, height = shown
    # Of the part's centre, the distance from that of the picture: in halves of a pixel.
    right, down = 2 * left + width - 160, 2 * top + height - 120
    numbers = (width, 1, height, 1, right, 2, down, 2)
    clap = b"\0\0\0\x28clap" + b"".join(n.to_bytes(4, "big", signed=True) for n in numbers)
    content = bytearray(path.read_bytes())
    at = content.index(b"avcC") - 4
    content[at:at] = clap
    # The boxes around it, and where the frames lie if that is behind it.
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        at = content.rindex(kind) - 4
        size = int.from_bytes(content[at : at + 4], "big") + len(clap)
        content[at : at + 4] = size.to_bytes(4, "big")
    assert content.index(b"mdat") < content.index(b"moov")
    path.write_bytes(content)


def element(name: bytes, content: bytes) -> bytes:
    """An element of Matroska."""
    return name + (len(content) | 1 << 28).to_bytes(4, "big") + content


def write_pixel_crop(path: Path, shown: tuple[int, int, int, int], **options: object) -> None:
    """Write an .mkv of 160x120 likewise."""
    write_av_clip(path, range(0, 400, 40), **options)
    left, top, width, height = shown
    margins = (left, top, 160 - left - width, 120 - top - height)
    names = (b"\x54\xcc", b"\x54\xbb", b"\x54\xdd", b"\x54\xaa")
    added = b"".join(
        element(name, margin.to_bytes(2, "big"))
        for name, margin in zip(names, margins, strict=True)
    )
    content = path.read_bytes()
    tracks = content.rindex(b"\x16\x54\xae\x6b")
    # Lengths would no longer be right: that of the whole may stay unknown, and of places of its
    # parts nothing need be said.
    at = content.index(b"\x18\x53\x80\x67") + 4
    content = content[:at] + b"\x01" + b"\xff" * 7 + content[at + 8 :]
    content = content.replace(b"\x11\x4d\x9b\x74", b"\x11\x4d\x9b\x75")
    path.write_bytes(content[:tracks] + with_added(content[tracks:], added, 4, 1, 1))


def with_added(content: bytes, added: bytes, name: int, *inner: int) -> bytes:
    """Add to Tracks of Matroska, which content begins with: to Video in its first TrackEntry.

    Args:
        name: bytes of the name of what content begins with.
        inner: bytes of the names of what is in there, down to what is added to.
    """
    length = 9 - content[name].bit_length()
    size = int.from_bytes(content[name : name + length], "big") & ~(1 << 7 * length)
    begin = name + length
    inside, rest = content[begin : begin + size], content[begin + size :]
    if not inner:
        return element(content[:name], inside + added) + rest
    at, wanted = 0, b"\xae" if len(inner) == 2 else b"\xe0"
    while inside[at : at + 1] != wanted:
        names = 9 - inside[at].bit_length()
        lengths = 9 - inside[at + names].bit_length()
        skipped = inside[at + names : at + names + lengths]
        at += names + lengths + (int.from_bytes(skipped, "big") & ~(1 << 7 * lengths))
    changed = inside[:at].replace(b"\xbf\x84", b"\xec\x84") + with_added(inside[at:], added, *inner)
    return element(content[:name], changed) + rest


CONTAINERS = {".mp4": write_clap, ".mkv": write_pixel_crop}


@pytest.mark.parametrize("suffix", CONTAINERS)
@pytest.mark.parametrize("shown", [(40, 0, 80, 120), (16, 8, 100, 90), (7, 3, 101, 91)])
def test_the_part_that_a_container_asks_for_is_shown(
    suffix: str, shown: tuple[int, int, int, int], tmp_path: Path
) -> None:
    path, (left, top, width, height) = tmp_path / f"clip{suffix}", shown
    whole = read(write_av_clip(tmp_path / f"whole{suffix}", range(0, 400, 40)))
    CONTAINERS[suffix](path, shown)
    source = VideoSource(path)
    assert (source.info.width, source.info.height) == (width, height)
    frames = list(source.frames())
    assert len(frames) == 10
    for frame, before in zip(frames, whole, strict=True):
        part = Frame(np.ascontiguousarray(before.pixels[top:][:height, left:][:, :width]))
        assert np.abs(frame.network_input().astype(int) - part.network_input()).mean() < 3
        assert np.abs(frame.pixels.astype(int) - part.pixels).mean() < 4
    # The written clip is as large, and so is what is drawn on.
    copy_clip(path, tmp_path / "out.mp4")
    (written, *_) = read(tmp_path / "out.mp4")
    assert written.size == (width + width % 2, height + height % 2)
    assert np.abs(written.pixels[:height, :width].astype(int) - frames[0].pixels).mean() < 4


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_a_part_of_a_turned_picture_is_turned_with_it(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"clip{suffix}"
    try:
        CONTAINERS[suffix](path, (40, 20, 100, 60), rotation=90)
    except (AttributeError, ValueError):
        pytest.skip("this PyAV cannot write the rotation")
    assert {frame.pixels.shape for frame in read(path)} == {(100, 60, 3)}


def test_a_stretch_of_a_clip_is_cropped_like_the_clip(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_clap(path, (16, 8, 100, 90), frames=600)
    clip = cut(path, parts=2, least=64)
    assert clip is not None
    frames = [frame for part in clip.stretches for frame in StretchSource(path, part).frames()]
    whole = read(path)
    assert len(frames) == len(whole) == 600
    for frame, same in zip(frames[::50], whole[::50], strict=True):
        assert frame.size == (100, 90)
        np.testing.assert_array_equal(frame.pixels, same.pixels)


def test_a_part_of_interlaced_pictures_is_taken_when_they_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [weave(number, (160, 120)) for number in range(8)]
    path = write_pictures(tmp_path / "whole.mp4", pictures, "libx264", fields=True)
    whole = read(path)
    # An odd number of rows above changes which field a line belongs to.
    monkeypatch.setattr(clip_module, "margins_of", lambda *_: Margins(0, 3, 0, 1))
    for frame, before in zip(read(path), whole, strict=True):
        assert np.abs(frame.pixels.astype(int) - before.pixels[3:-1]).mean() < 2


@pytest.mark.parametrize("shown", [(0, 0, 160, 120), (150, 0, 20, 120), (0, -4, 160, 120)])
def test_a_part_that_is_all_or_cannot_be_is_not_taken(
    shown: tuple[int, int, int, int], tmp_path: Path
) -> None:
    write_clap(tmp_path / "clip.mp4", shown)
    assert {frame.size for frame in read(tmp_path / "clip.mp4")} == {(160, 120)}


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_whatever_a_damaged_header_asks_for_frames_come(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"clip{suffix}"
    CONTAINERS[suffix](path, (40, 20, 100, 60))
    content, random = path.read_bytes(), np.random.default_rng(0)
    (tmp_path / "whole").write_bytes(content)
    with av.open(str(path)) as clip:
        stream = clip.streams.video[0]
        assert margins_of(path, clip, stream) == (40, 20, 20, 40)
        for _ in range(300):
            changed = bytearray(content)
            for at in random.integers(0, len(content), 20):
                changed[at] = random.integers(256)
            path.write_bytes(changed[: random.integers(1, len(changed) + 1)])
            margins = margins_of(path, clip, stream)
            assert margins is None or margins.leave_something(160, 120)
