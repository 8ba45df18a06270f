"""Frames from a clip."""

import os
from contextlib import closing
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.media.clip import VideoSource
from activity.media.frame import Frame, VideoInfo, plausible_fps
from activity.media.sink import open_sink
from tests.clips import tone, write_at_times, write_av_clip, write_pictures
from tests.conftest import posix, write_clip


def read_all(path: Path) -> list[tuple[tuple[int, int], float]]:
    """Width, height and time of every frame."""
    with closing(VideoSource(path)) as source:
        return [(frame.pixels.shape[1::-1], frame.seconds) for frame in source.frames()]


def test_it_says_what_the_clip_is_and_yields_every_frame(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", ["red"] * 50, fps=25)
    source = VideoSource(path)
    info = source.info
    assert (info.width, info.height, info.fps, info.frame_count) == (160, 120, 25, 50)
    frames = list(source.frames())
    assert [frame.seconds for frame in frames] == pytest.approx([n / 25 for n in range(50)])
    # The bar is where it was drawn: frames are whole, and in order.
    for number, frame in enumerate(frames):
        assert abs(int(frame.pixels[60].sum(axis=1).argmax()) - number) <= 1


def test_times_of_a_variable_frame_rate_are_kept(tmp_path: Path) -> None:
    times = [0, 10, 20, 120, 200, 201, 300, 1000, 1033, 1066, 2000]
    # A clip need not start at zero; its frames are timed from the first.
    path = write_av_clip(tmp_path / "clip.mp4", [500 + time for time in times])
    seconds = [seconds for _, seconds in read_all(path)]
    assert seconds == pytest.approx([time / 1000 for time in times], abs=1e-4)


def test_frames_of_a_turned_phone_come_out_upright(tmp_path: Path) -> None:
    if not hasattr(av.VideoStream, "set_display_rotation"):
        pytest.skip("this PyAV cannot write the rotation")
    path = write_av_clip(tmp_path / "clip.mp4", range(0, 400, 40), rotation=90)
    info = VideoSource(path).info
    assert (info.width, info.height) == (120, 160)
    assert {size for size, _ in read_all(path)} == {(120, 160)}
    # The bar that was drawn upright lies now.
    pixels = next(VideoSource(path).frames()).pixels
    assert np.ptp(pixels[:, :, 1].mean(axis=1)) > 5 * np.ptp(pixels[:, :, 1].mean(axis=0))


@pytest.mark.parametrize(
    ("aspect", "size"), [(Fraction(16, 15), (171, 120)), (Fraction(1, 2), (160, 240))]
)
def test_pixels_come_out_square(tmp_path: Path, aspect: Fraction, size: tuple[int, int]) -> None:
    path = write_av_clip(tmp_path / "clip.mp4", range(0, 400, 40), aspect=aspect)
    assert {size for size, _ in read_all(path)} == {size}


def test_pixels_of_a_turned_phone_come_out_square(tmp_path: Path) -> None:
    if not hasattr(av.VideoStream, "set_display_rotation"):
        pytest.skip("this PyAV cannot write the rotation")
    path = write_av_clip(
        tmp_path / "clip.mp4", range(0, 400, 40), aspect=Fraction(2, 1), rotation=90
    )
    assert {size for size, _ in read_all(path)} == {(120, 320)}


def test_of_frames_with_the_same_time_each_has_its_own(tmp_path: Path) -> None:
    path = write_at_times(tmp_path / "same.mkv", [0, 40, 80, 80, 120, 120, 120, 160])
    seconds = [seconds for _, seconds in read_all(path)]
    assert seconds == pytest.approx([number / 25 for number in range(8)])


def test_a_change_of_size_and_times_that_go_back(tmp_path: Path) -> None:
    first = write_av_clip(tmp_path / "1.ts", range(0, 1000, 40))
    second = write_av_clip(tmp_path / "2.ts", range(0, 1000, 40), size=(320, 240))
    both = tmp_path / "both.ts"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    frames = read_all(both)
    assert len(frames) >= 45
    # Those of the second clip take the size of the first.
    assert {size for size, _ in frames} == {(160, 120)}
    assert frames[-1][1] < 2.1
    assert np.all(np.diff([seconds for _, seconds in frames]) > 0)


@pytest.mark.parametrize(
    ("claimed", "taken"),
    [((0,), 30), ((-1, 25), 25), ((1e6, 0), 30), ((float("nan"),), 30), ((1000, 25), 1000)],
)
def test_an_absurd_frame_rate_is_not_believed(claimed: tuple[float, ...], taken: float) -> None:
    assert plausible_fps(*claimed) == taken


# A player, and OpenCV before it, takes what these give; interlaced clips are another matter.
@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "size"),
    [
        ("h264.mp4", "libx264", "yuv420p", (322, 182)),
        ("mpeg4.avi", "mpeg4", "yuv420p", (322, 182)),
        ("mjpeg.avi", "mjpeg", "yuvj422p", (322, 182)),
        ("vp9.webm", "libvpx-vp9", "yuv420p", (320, 180)),
        ("h264-444.mkv", "libx264", "yuv444p", (321, 181)),
        ("prores.mov", "prores_ks", "yuv422p10le", (320, 180)),
    ],
)
def test_pixels_are_those_of_opencv(
    name: str, codec: str, pix_fmt: str, size: tuple[int, int], tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    coarse = random.integers(0, 255, (5, 6, 8, 3), np.uint8)
    pictures = [cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC) for picture in coarse]
    path = write_pictures(tmp_path / name, pictures, codec, pix_fmt=pix_fmt)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    for frame in VideoSource(path).frames():
        np.testing.assert_array_equal(frame.pixels, capture.read()[1])


@pytest.mark.parametrize("name", ["cricket.mp4", "tennis.mp4", "walking.avi"])
def test_pixels_of_real_clips_are_those_of_opencv(name: str, real_data: Path) -> None:
    path = real_data / "clips" / name
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    with closing(VideoSource(path).frames()) as frames:
        for frame in islice(frames, 40):
            np.testing.assert_array_equal(frame.pixels, capture.read()[1])


BAD_CLIPS = {
    "missing": (None, "no clip at"),
    "empty": (b"", "it is empty"),
    "text": (b"not a video\n" * 100, "it is text"),
    "playlist": (b"#EXTM3U\n#EXTINF:1,\n/etc/hostname\n", "it is text"),
    "zeros": (bytes(10_000), "finds no frame in it"),
    "noise": (np.random.default_rng(0).bytes(10_000), "finds no frame in it"),
}


# FFmpeg takes a .txt for a terminal's output, and follows an .m3u8 to other files.
@pytest.mark.parametrize("suffix", [".mp4", ".txt", ".m3u8"])
@pytest.mark.parametrize("kind", BAD_CLIPS)
def test_what_is_no_clip_is_one_clear_line(kind: str, suffix: str, tmp_path: Path) -> None:
    content, message = BAD_CLIPS[kind]
    path = tmp_path / f"clip{suffix}"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message) as raised:
        VideoSource(path)
    assert str(path) in str(raised.value)


def test_a_folder_and_a_clip_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="it is a folder"):
        VideoSource(tmp_path)
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as clip:
        audio = clip.add_stream("aac", rate=44100)
        for frame in tone(1):
            clip.mux(audio.encode(frame))
        clip.mux(audio.encode(None))
    with pytest.raises(UserError, match="there is no video in it"):
        VideoSource(path)


def test_a_colon_in_a_name_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "rally.mp4", ["red"] * 5).rename("rally:2.mp4")
    assert len(read_all(Path("rally:2.mp4"))) == 5


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not UTF-8"):
        VideoSource(tmp_path / "clip\udcff.mp4")


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"(cannot read|no clip at) .*x\.mp4"):
        VideoSource(tmp_path / f"{'x' * 300}.mp4")


@posix
def test_a_clip_in_a_folder_that_may_not_be_entered(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may enter any folder")
    path = write_clip(tmp_path / "clip.avi", ["red"])
    tmp_path.chmod(0o600)
    try:
        with pytest.raises(UserError, match=f"cannot read {path}: Permission denied"):
            VideoSource(path)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("suffix", [".avi", ".ts", ".mkv", ".mp4"])
def test_a_truncated_clip_ends_by_itself(suffix: str, tmp_path: Path) -> None:
    codec = "mjpeg" if suffix == ".avi" else "libx264"
    whole = write_av_clip(tmp_path / f"whole{suffix}", range(0, 2000, 33), codec=codec).read_bytes()
    path = tmp_path / f"clip{suffix}"
    counts = []
    for offset in np.random.default_rng(1).integers(1, len(whole), 200):
        path.write_bytes(whole[:offset])
        try:
            counts.append(len(read_all(path)))
        except UserError as error:
            assert str(path) in str(error)  # noqa: PT017 - a frame or a clear line, both are right
    # The index of an .mp4 is at its end: without it there is no frame to be found.
    assert any(0 < count < 61 for count in counts) == (suffix != ".mp4")
    assert max(counts, default=0) <= 61


@pytest.mark.parametrize("claimed", [0, 7, 10**6])
def test_an_index_that_lies_about_the_frame_count(claimed: int, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.avi", ["red"] * 50)
    content = bytearray(path.read_bytes())
    # In the main header and in the stream's: RIFF holds the count at these places.
    for mark, offset in ((b"avih", 24), (b"strh", 40)):
        at = content.index(mark) + offset
        assert content[at : at + 4] == (50).to_bytes(4, "little")
        content[at : at + 4] = claimed.to_bytes(4, "little")
    path.write_bytes(content)
    assert VideoSource(path).info.frame_count == claimed
    assert len(read_all(path)) == 50


def test_a_clip_without_frames(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as clip:
        video = clip.add_stream("libx264", rate=30)
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        clip.start_encoding()
    with pytest.raises(UserError, match="there is no video in it"):
        VideoSource(path)


@pytest.mark.parametrize("size", [(1, 1), (7680, 4320)])
def test_the_smallest_and_the_largest_frames(size: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    frame = np.full((size[1], size[0], 3), 200, np.uint8)
    with open_sink(path, VideoInfo(*size, fps=30, frame_count=3), None) as sink:
        for number in range(3):
            sink.write(Frame(frame, number / 30))
    assert [shape for shape, _ in read_all(path)] == [size] * 3


def test_damage_in_the_middle_does_not_end_a_clip(tmp_path: Path) -> None:
    path = write_av_clip(tmp_path / "clip.ts", range(0, 2000, 33))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = np.random.default_rng(0).bytes(2000)
    path.write_bytes(content)
    assert 40 <= len(read_all(path)) <= 61
