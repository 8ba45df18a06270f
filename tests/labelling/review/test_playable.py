"""Which clips a browser plays; where they lie seen from the page; copies of the others."""

from pathlib import Path, PurePath

import av
import pytest

from activity.common.stores import location
from activity.labelling.review.playable import needs_copy, open_copy, plays_in_browsers, reference
from activity.media.clip import VideoSource
from activity.media.frame import VideoInfo
from tests.clips import frame_times, sound_packets, write_av_clip
from tests.conftest import posix
from tests.labelling.review.drawn_page import draw_clip, frame_of

MILLISECONDS = range(0, 400, 40)


@pytest.mark.parametrize(
    ("name", "codec", "plays"),
    [
        ("clip.mp4", "libx264", True),
        ("CLIP.MOV", "libx264", True),
        ("clip.webm", "libvpx", True),
        ("clip.webm", "libvpx-vp9", True),
        ("clip.mp4", "mpeg4", False),
        ("clip.mkv", "libx264", False),
        ("clip.avi", "mjpeg", False),
    ],
)
def test_what_browsers_play(name: str, codec: str, plays: bool, tmp_path: Path) -> None:
    clip = write_av_clip(tmp_path / name, MILLISECONDS, codec=codec)
    assert plays_in_browsers(clip) is plays
    assert needs_copy(clip, tmp_path / "review") is not plays


def test_what_is_no_clip_plays_nowhere(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no clip")
    assert not plays_in_browsers(tmp_path / "text.mp4")
    assert not plays_in_browsers(tmp_path / "missing.mp4")
    with av.open(str(tmp_path / "sound.mp4"), "w") as clip:
        stream = clip.add_stream("aac", rate=44100)
        clip.mux(stream.encode(None))
    assert not plays_in_browsers(tmp_path / "sound.mp4")


def test_colour_that_only_some_browsers_play_is_copied(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as clip:
        stream = clip.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv444p"
        clip.mux(stream.encode(av.VideoFrame(64, 48, "yuv444p")))
        clip.mux(stream.encode(None))
    assert not plays_in_browsers(path)


def test_clips_are_named_from_the_folder_of_the_page(tmp_path: Path) -> None:
    clip = tmp_path / "clips" / "a b.mp4"
    assert reference(clip, tmp_path / "out" / "review") == PurePath("../../clips/a b.mp4")
    assert reference(clip, tmp_path / "clips") == PurePath("a b.mp4")
    assert reference(location("s3://bucket/a.mp4"), tmp_path) is None


@posix
@pytest.mark.parametrize("folder", ["/home/anna/clips", "/Users/anna", str(Path.home() / "x")])
def test_a_path_that_would_name_a_person_is_none(folder: str) -> None:
    clip = Path(folder) / "clip.mp4"
    assert reference(clip, Path("/srv/review")) is None
    assert reference(clip, Path(folder) / "review") == PurePath("../clip.mp4")


@posix
def test_a_link_keeps_the_name_that_says_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"")
    (tmp_path / "clip.mp4").symlink_to(tmp_path / "blob")
    assert reference(tmp_path / "clip.mp4", tmp_path / "review") == PurePath("../clip.mp4")


def test_a_copy_is_small_keeps_the_times_and_plays(tmp_path: Path) -> None:
    clip = draw_clip(tmp_path / "clip.avi", 1, codec="mpeg4")
    copy = tmp_path / "copy.mp4"
    info = VideoInfo(1921, 1081, 25, 25)
    source = VideoSource(clip)
    with open_copy(copy, info, clip) as write:
        for frame in source.frames():
            write(frame)
    assert plays_in_browsers(copy)
    assert frame_times(copy) == pytest.approx(frame_times(clip), abs=1e-3)
    written = VideoSource(copy)
    assert (written.info.width, written.info.height) == (852, 480)
    assert [frame_of(frame.pixels) for frame in written.frames()] == list(range(25))


def test_a_copy_of_a_small_clip_keeps_its_size(tmp_path: Path) -> None:
    clip = write_av_clip(tmp_path / "clip.avi", MILLISECONDS, codec="mjpeg")
    source = VideoSource(clip)
    with open_copy(tmp_path / "copy.mp4", source.info, clip) as write:
        for frame in source.frames():
            write(frame)
    written = VideoSource(tmp_path / "copy.mp4").info
    assert (written.width, written.height) == (160, 120)


@pytest.mark.parametrize("sound", ["aac", "ac3"])
def test_a_copy_has_the_sound(sound: str, tmp_path: Path) -> None:
    clip = write_av_clip(tmp_path / "clip.mkv", MILLISECONDS, sound=sound)
    source = VideoSource(clip)
    with open_copy(tmp_path / "copy.mp4", source.info, clip) as write:
        for frame in source.frames():
            write(frame)
    assert sound_packets(tmp_path / "copy.mp4")


def test_a_copy_shows_the_last_frame_as_long_as_the_clip_does(tmp_path: Path) -> None:
    clip = write_av_clip(tmp_path / "slow.mkv", range(0, 5000, 500))
    source = VideoSource(clip)
    with open_copy(tmp_path / "copy.mp4", source.info, None) as write:
        for frame in source.frames():
            write(frame)
    assert VideoSource(tmp_path / "copy.mp4").seconds() == pytest.approx(5, abs=0.01)
