"""Photos, and frames of clips, read alike: the frame that is shown at a time, whatever the rate."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.media.clip import VideoSource
from activity.media.images import Image, digest_of, frames_at, hash_files, read_images
from activity.media.region import parse_region
from tests.clips import write_av_clip
from tests.conftest import COLOURS_BGR, write_clip, write_halves

# Frames at odd times, as a phone or a screen recorder gives them; one is shown for two seconds.
MILLISECONDS = [0, 33, 100, 140, 900, 1000, 1033, 3040, 3100, 3900]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_av_clip(tmp_path_factory.mktemp("clips") / "odd.mp4", MILLISECONDS)


def shown_at(clip: Path, seconds: float) -> np.ndarray:
    """The last frame that does not come after the time, the plain way."""
    frames = list(VideoSource(clip).frames())
    return [frame.pixels for frame in frames if frame.seconds <= seconds + 1e-4][-1]


@given(st.lists(st.sampled_from([0, 0.05, 0.1, 0.5, 1, 1.04, 2, 3, 3.05, 3.9]), max_size=6))
def test_frames_are_those_shown_at_the_times(clip: Path, times: list[float]) -> None:
    found = list(frames_at(clip, sorted(times)))
    assert len(found) == len(times)
    for frame, seconds in zip(found, sorted(times), strict=True):
        np.testing.assert_array_equal(frame.pixels, shown_at(clip, seconds))


def test_beyond_the_last_frame_there_is_nothing(clip: Path) -> None:
    assert len(list(frames_at(clip, [3.0, 3.9, 5.5]))) == 2
    assert list(frames_at(clip.with_name("gone.mp4"), [0])) == []


def test_photos_and_frames_come_with_their_places(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.avi", ["red"] * 30 + ["green"] * 30)
    cv2.imwrite(str(tmp_path / "photo.png"), np.full((20, 30, 3), COLOURS_BGR["blue"], np.uint8))
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    images = [
        *(Image("clip.avi", 1.5), Image("photo.png"), Image("photo.png"), Image("broken.jpg")),
        *(Image("gone.jpg"), Image("clip.avi", 1.5), Image("clip.avi", 0.5), Image("clip.avi", 9)),
    ]
    found = dict(read_images([image._replace(folder=tmp_path) for image in images]))
    assert sorted(found) == [0, 1, 2, 5, 6]
    colours = {place: COLOURS_BGR[name] for place, name in [(0, "green"), (1, "blue"), (6, "red")]}
    for place, colour in colours.items():
        np.testing.assert_allclose(found[place].pixels.mean(axis=(0, 1)), colour, atol=12)


def test_a_file_that_has_changed_since_is_left_out(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", ["red"] * 30)
    files = hash_files(tmp_path, ["clip.avi", "gone.avi"])
    assert list(files) == ["clip.avi"]
    images = [Image("clip.avi", seconds, tmp_path) for seconds in (0, 0.5)]
    images = [image._replace(digest=digest_of(image, files["clip.avi"])) for image in images]
    assert len({image.digest for image in images}) == 2
    assert len(list(read_images(images))) == 2
    write_clip(clip, ["green"] * 30)
    assert list(read_images(images)) == []


def test_a_clip_that_does_not_say_how_long_it_is_is_counted(tmp_path: Path) -> None:
    clip = write_av_clip(tmp_path / "piped.mkv", range(0, 3000, 40))
    source = VideoSource(clip)
    said = source.seconds()
    source.info = dataclasses.replace(source.info, frame_count=0)
    assert source.seconds() == pytest.approx(said, abs=0.05)


def test_a_clip_is_opened_once_wherever_its_frames_stand(tmp_path: Path, opened: list[str]) -> None:
    for name in ("a.avi", "b.avi"):
        write_clip(tmp_path / name, ["red"] * 30 + ["green"] * 30)
    cv2.imwrite(str(tmp_path / "photo.png"), np.zeros((20, 30, 3), np.uint8))
    digests = hash_files(tmp_path, ["a.avi", "b.avi"])
    images = [
        Image(name, seconds, tmp_path)
        for seconds in (1.5, 0.5, 1.5, 0.1)
        for name in ("a.avi", "photo.png", "b.avi")
    ]
    images = [
        image._replace(seconds=None)
        if image.path == "photo.png"
        else image._replace(digest=digest_of(image, digests[image.path]))
        for image in images
    ]
    opened.clear()
    found = dict(read_images(images))
    assert sorted(found) == [*range(12)]
    # Once for the digest, and once for the frames.
    assert opened.count("a.avi") == opened.count("b.avi") == 2
    for place, image in enumerate(images):
        colour = {None: [0, 0, 0], 1.5: COLOURS_BGR["green"]}.get(image.seconds, (40, 30, 230))
        np.testing.assert_allclose(found[place].pixels.mean(axis=(0, 1)), colour, atol=12)


LEFT, RIGHT = parse_region("left=0,0,80,96"), parse_region("right=80,0,80,96")


def test_regions_of_a_clip_are_cut_from_frames_that_are_decoded_once(
    tmp_path: Path, opened: list[str]
) -> None:
    write_halves(tmp_path / "clip.avi", [("red", "green")] * 30 + [("green", "blue")] * 30)
    images = [
        Image("clip.avi", seconds, tmp_path, region=region)
        for region in (None, LEFT, RIGHT)
        for seconds in (1.5, 0.5)
    ]
    opened.clear()
    found = dict(read_images(images))
    assert opened.count("clip.avi") == 1
    assert [found[place].size for place in range(6)] == [(160, 96)] * 2 + [(80, 96)] * 4
    for place, colour in zip(range(2, 6), ("green", "red", "blue", "green"), strict=True):
        middle = found[place].pixels[:, 4:-4].mean(axis=(0, 1))
        np.testing.assert_allclose(middle, COLOURS_BGR[colour], atol=12)
        region = images[place].region
        assert region is not None
        part = region.window((160, 96), "clip.avi").of(found[place % 2].pixels)
        # Where it is cut, colours are not mixed with those of the other side.
        assert np.abs(found[place].pixels.astype(int) - part)[:, 4:-4].max() <= 1


def test_a_frame_is_known_by_its_rectangle_and_by_how_it_is_read() -> None:
    frame = Image("clip.avi", 1.5)
    # Earlier versions did not convert HDR: features that they have cached are not found.
    earlier = "31fb0eab44c636f7e361b5ffbb553791140b83b866d5a468dc25811af0c27c17"
    assert digest_of(frame, "0" * 64) != earlier
    digests = {
        digest_of(frame._replace(region=region), "0" * 64)
        for region in (None, LEFT, RIGHT, LEFT._replace(name="cage 1"))
    }
    assert len(digests) == 3
    assert digest_of(frame._replace(region=LEFT), "") == ""
    assert str(frame._replace(region=LEFT)) == "clip.avi (left) at 1.5 s"
