"""The contract of sources, kept by clips of several kinds and by live sources alike."""

import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from activity.media.clip import VideoSource
from activity.media.live import LiveSource, Source
from tests.clips import draw_frame, overwrite_packet, write_av_clip, write_pictures
from tests.conftest import write_clip

COUNT = 12


class Camera:
    """Gives twelve frames at once; halfway, their size changes."""

    def __init__(self) -> None:
        self.number = 0
        self.released = False

    def read(self) -> tuple[bool, np.ndarray | None]:
        self.number += 1
        size = (160, 120) if self.number < COUNT // 2 else (320, 240)
        return self.number <= COUNT, draw_frame(self.number, size)

    def get(self, _: int) -> float:
        return 25.0

    def release(self) -> None:
        self.released = True


def plain(folder: Path, _: pytest.MonkeyPatch) -> Source:
    return VideoSource(write_clip(folder / "clip.avi", ["red"] * COUNT))


def variable(folder: Path, _: pytest.MonkeyPatch) -> Source:
    times = [0, 10, 20, 120, 200, 201, 300, 1000, 1033, 1066, 2000, 2100]
    return VideoSource(write_av_clip(folder / "clip.mkv", times))


def turned(folder: Path, _: pytest.MonkeyPatch) -> Source:
    return VideoSource(write_av_clip(folder / "clip.mp4", range(0, COUNT * 40, 40), rotation=90))


def interlaced(folder: Path, _: pytest.MonkeyPatch) -> Source:
    pictures = [draw_frame(number) for number in range(COUNT)]
    return VideoSource(write_pictures(folder / "clip.ts", pictures, "mpeg2video", fields=True))


def damaged(folder: Path, _: pytest.MonkeyPatch) -> Source:
    pictures = [draw_frame(number) for number in range(COUNT + 1)]
    overwrite_packet(write_pictures(folder / "clip.mp4", pictures, "libx264"), 7)
    return VideoSource(folder / "clip.mp4")


def strung_together(folder: Path, _: pytest.MonkeyPatch) -> Source:
    """Two clips of other sizes and times, one after the other in one file."""
    times = range(0, COUNT // 2 * 40, 40)
    first = write_av_clip(folder / "1.ts", times).read_bytes()
    second = write_av_clip(folder / "2.ts", times, size=(320, 240)).read_bytes()
    (folder / "clip.ts").write_bytes(first + second)
    return VideoSource(folder / "clip.ts")


def camera(_: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    monkeypatch.setattr(cv2, "VideoCapture", lambda _: Camera())
    return LiveSource("0", lambda: False)


def stream(folder: Path, _: pytest.MonkeyPatch) -> Source:
    """A stream whose frames change their size."""
    strung_together(folder, _).close()
    return LiveSource((folder / "clip.ts").as_uri(), lambda: False)


MAKERS = [plain, variable, turned, interlaced, damaged, strung_together, camera, stream]


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.__name__)
def make(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Source]:
    return lambda: request.param(tmp_path, monkeypatch)


def test_frames_have_the_size_that_was_said_and_times_that_grow(
    make: Callable[[], Source],
) -> None:
    source = make()
    info = source.info
    assert 0 < info.fps <= 1000
    frames = list(source.frames())
    assert 1 <= len(frames) <= COUNT
    assert source.live or len(frames) == COUNT
    for frame in frames:
        assert frame.pixels.shape == (info.height, info.width, 3)
        assert frame.pixels.dtype == np.uint8
        assert frame.pixels.flags.writeable
    assert frames[0].seconds >= 0
    for before, frame in pairwise(frames):
        assert frame.seconds > before.seconds
        assert before.duration == 0 or before.duration == pytest.approx(
            frame.seconds - before.seconds
        )
    assert source.end_of(frames[-1].seconds) > frames[-1].seconds
    assert source.end_of(frames[0].seconds) == pytest.approx(frames[0].seconds + 1 / info.fps)
    assert (source.damaged > 0) == (not source.live and len(frames) < info.frame_count)


def test_leaving_early_releases_everything_and_closing_twice_does_no_harm(
    make: Callable[[], Source],
) -> None:
    before = threading.active_count()
    source = make()
    frames = source.frames()
    next(frames)
    frames.close()
    source.close()
    source.close()
    assert threading.active_count() == before
    make().close()
