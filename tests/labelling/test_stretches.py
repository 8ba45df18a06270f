"""A clip cut into stretches gives what the whole clip gives, or is not cut."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from activity.labelling.label_clip import label_clip
from activity.labelling.stretches import (
    ClassifiedStretch,
    Joined,
    classify_stretch,
)
from activity.media.cutting import SEAM, CutClip, cut
from activity.media.stretches import fit_together
from activity.network.engine import Stream
from tests.clips import write_pictures
from tests.labelling.test_label_clip import SETTINGS, VITERBI, job_of, opened

SIZE = 2 * SEAM
FRAMES = 150


def every_pixel(stream: Stream) -> Iterator[tuple[object, np.ndarray]]:
    """An engine whose answer is another one wherever a frame is not the same bit for bit."""
    weights = np.random.default_rng(0).integers(0, 1000, (3, 224 * 224 * 3))
    for tag, pixels in stream:
        sums = weights @ pixels.reshape(-1).astype(np.int64) % 1000 + 1
        yield tag, (sums / sums.sum()).astype(np.float32)


CLASSIFIER = opened(every_pixel)


def pictures(count: int = FRAMES) -> list[np.ndarray]:
    """Bars and a box that move, over noise that stays: there is motion to be predicted."""
    random = np.random.default_rng(0)
    still = random.integers(60, 120, (96, 128, 3), np.uint8)
    drawn = []
    for number in range(count):
        picture = still.copy()
        picture[:, number * 3 % 128] = (30, 230, 40)
        left = number * 2 % 100
        picture[20:60, left : left + 20] = (number * 7 % 255, 200 - number % 100, 40)
        drawn.append(picture)
    return drawn


def keys_every(frames: int, more: str) -> str:
    return f"keyint={frames}:min-keyint={frames}:scenecut=0:{more}"


OPEN = keys_every(16, "open-gop=1:bframes=3")
WAYS = {
    "closed.mp4": ("libx264", {"x264-params": keys_every(16, "bframes=3")}),
    "open.mp4": ("libx264", {"x264-params": OPEN}),
    "open.mkv": ("libx264", {"x264-params": OPEN}),
    "10 bits.mp4": ("libx264", {"x264-params": OPEN, "profile": "high10"}),
    "h265.mp4": ("libx265", {"x265-params": f"{OPEN}:log-level=none"}),
    "h265.mkv": ("libx265", {"x265-params": f"{OPEN}:log-level=none"}),
    "mpeg4.mov": ("mpeg4", {"g": "16", "bf": "2"}),
    "vp9.webm": ("libvpx-vp9", {"g": "16", "deadline": "realtime", "cpu-used": "8"}),
}


def write_way(folder: Path, name: str) -> Path:
    codec, options = WAYS[name]
    pix_fmt = "yuv420p10le" if "profile" in options else "yuv420p"
    return write_pictures(folder / name, pictures(), codec, pix_fmt=pix_fmt, options=options)


def classified(path: Path, found: CutClip, stride: int = 1) -> list[ClassifiedStretch]:
    made = [
        classify_stretch(path, stretch, CLASSIFIER, stride, lambda: False)
        for stretch in reversed(found.stretches)
    ]
    assert None not in made
    return [stretch for stretch in reversed(made) if stretch is not None]


def assert_joined_is_plain(path: Path, folder: Path, stride: int = 1) -> None:
    found = cut(path, FRAMES, SIZE)
    assert found is not None
    assert len(found.stretches) > 2
    stretches = classified(path, found, stride)
    assert fit_together(stretch.seams for stretch in stretches)
    for settings, results in ((SETTINGS, ("csv", "json", "srt")), (VITERBI, ("csv", "json"))):
        written = []
        for name in ("plain", "joined"):
            joined = Joined(iter(stretches), found.frames, found.end, stride)
            (folder / name).mkdir(exist_ok=True)
            job = job_of(path, folder / name, *results)
            label_clip(
                job,
                CLASSIFIER,
                replace(settings, stride=stride),
                joined=joined if name == "joined" else None,
            )
            written.append([path.read_bytes() for path in job.outputs.paths])
        assert written[0] == written[1]


@pytest.mark.parametrize("name", WAYS)
def test_a_clip_in_stretches_gives_what_the_whole_clip_gives(tmp_path: Path, name: str) -> None:
    assert_joined_is_plain(write_way(tmp_path, name), tmp_path)
