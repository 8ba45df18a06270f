"""A clip cut into stretches gives what the whole clip gives, or is not cut."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from activity.cluster.stretches import ClassifiedStretch, classify_stretch, join_stretches
from activity.common.errors import UserError
from activity.common.interruption import LeftUnfinishedError
from activity.labelling.label_clip import label_clip
from activity.media.clip import VideoSource
from activity.media.cutting import SEAM, CutClip, cut, fit_together
from activity.network.engine import Stream
from tests.clips import overwrite_packet, write_pictures
from tests.labelling.test_label_clip import SETTINGS, VITERBI, job_of, opened

SIZE = 2 * SEAM
FRAMES = 120


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
    "10 bits.mkv": ("libx264", {"x264-params": OPEN, "profile": "high10"}),
    "h265.mp4": ("libx265", {"x265-params": f"{OPEN}:log-level=none"}),
    "mpeg4.mov": ("mpeg4", {"g": "16", "bf": "2"}),
    "vp9.webm": ("libvpx-vp9", {"g": "16", "deadline": "realtime", "cpu-used": "8"}),
}


def write_way(folder: Path, name: str) -> Path:
    codec, options = WAYS[name]
    pix_fmt = "yuv420p10le" if "profile" in options else "yuv420p"
    return write_pictures(folder / name, pictures(), codec, pix_fmt=pix_fmt, options=options)


def copy_packets(clip: Path, copy: Path, change: Callable[[Any], None]) -> Path:
    """Write a clip again, its packets changed on the way."""
    with av.open(str(clip)) as source, av.open(str(copy), "w") as target:
        video = target.add_stream_from_template(source.streams.video[0])
        video.time_base = source.streams.video[0].time_base
        for packet in source.demux(video=0):
            if packet.size:
                change(packet)
                packet.stream = video
                target.mux(packet)
    return copy


def classified(path: Path, found: CutClip, stride: int = 1) -> list[ClassifiedStretch | None]:
    stretches = found.stretches
    return [classify_stretch(path, one, CLASSIFIER, stride, lambda: False) for one in stretches]


def assert_joined_is_plain(path: Path, folder: Path, stride: int = 1) -> None:
    """Compare what is written with and without cuts, byte for byte."""
    found = cut(path, FRAMES, SIZE)
    assert found is not None
    assert len(found.stretches) > 2
    stretches = [one for one in classified(path, found, stride) if one is not None]
    assert len(stretches) == len(found.stretches)
    assert fit_together(one.seams for one in stretches)
    for smoothing, results in ((SETTINGS, ["csv", "json", "avi"]), (VITERBI, ["csv", "srt"])):
        settings = replace(smoothing, stride=stride)
        written = []
        labels = CLASSIFIER.saved.labels
        for predictions in (None, join_stretches(stretches, stride, labels, found.end)):
            job = job_of(path, folder, *results)
            label_clip([job], CLASSIFIER, settings, predictions=predictions)
            written.append([path.read_bytes() for path in job.outputs.paths])
        assert written[0] == written[1]


@pytest.mark.parametrize(("name", "stride"), list(zip(WAYS, [1, 1, 3, 1, 7, 5], strict=True)))
def test_a_clip_in_stretches_gives_what_the_whole_clip_gives(
    tmp_path: Path, name: str, stride: int
) -> None:
    assert_joined_is_plain(write_way(tmp_path, name), tmp_path, stride)


def test_stretches_keep_the_times_of_a_variable_rate(tmp_path: Path) -> None:
    def slow_down(packet: Any) -> None:
        packet.pts += packet.pts**2 // 200_000
        packet.dts += max(0, packet.dts) ** 2 // 200_000

    clip = copy_packets(write_way(tmp_path, "open.mp4"), tmp_path / "odd.mp4", slow_down)
    steps = {round(frame.duration, 3) for frame in VideoSource(clip).frames()}
    assert len(steps) > 5
    assert_joined_is_plain(clip, tmp_path)


def mark_as_keys(packet: Any) -> None:
    packet.is_keyframe = True


def stand_still(packet: Any) -> None:
    packet.pts = packet.dts = packet.pts // 80 * 80


@pytest.mark.parametrize("name", ["transport.ts", "list.avi", "few keys.mp4", "clock.mkv"])
def test_a_clip_without_index_keys_or_clock_is_not_cut(tmp_path: Path, name: str) -> None:
    if name == "few keys.mp4":
        codec, options = "libx264", {"x264-params": keys_every(FRAMES - 10, "bframes=3")}
    else:
        codec, options = "mpeg4", {"g": "16"}
    clip = write_pictures(tmp_path / name, pictures(), codec, options=options)
    if name == "clock.mkv":
        clip = copy_packets(clip, tmp_path / "still.mkv", stand_still)
    assert cut(clip, FRAMES, SIZE) is None


@pytest.mark.parametrize("name", ["damaged", "interlaced", "refreshed", "no keys"])
def test_what_is_wrong_inside_a_clip_is_found_by_a_stretch_or_at_the_seams(
    tmp_path: Path, name: str
) -> None:
    if name == "damaged":
        clip = write_way(tmp_path, "open.mp4")
        overwrite_packet(clip, 70)
    elif name == "interlaced":
        clip = tmp_path / "fields.mp4"
        write_pictures(clip, pictures(), "mpeg4", options={"g": "16"}, fields=True)
    elif name == "refreshed":  # there are no key frames, but some that are marked as such
        options = {"x264-params": keys_every(16, "intra-refresh=1:bframes=0")}
        clip = write_pictures(tmp_path / "r.mkv", pictures(), "libx264", options=options)
    else:
        clip = write_pictures(tmp_path / "k.mp4", pictures(), "mpeg4", options={"g": "200"})
        clip = copy_packets(clip, tmp_path / "all keys.mp4", mark_as_keys)
    found = cut(clip, FRAMES, SIZE)
    assert found is not None
    stretches = classified(clip, found)
    seams = [one.seams for one in stretches if one is not None]
    assert len(seams) < len(stretches) or not fit_together(seams)


def test_cutting_ends_with_the_run(tmp_path: Path) -> None:
    left = iter([False, False, True])
    with pytest.raises(LeftUnfinishedError):
        cut(write_way(tmp_path, "mpeg4.mov"), FRAMES, SIZE, lambda: next(left))


def test_a_clip_that_was_changed_is_not_labelled_with_what_was_there(tmp_path: Path) -> None:
    clip = write_way(tmp_path, "mpeg4.mov")
    found = cut(clip, FRAMES, SIZE)
    assert found is not None
    stretches = [one for one in classified(clip, found) if one is not None]
    write_pictures(clip, pictures(100), "mpeg4")
    predictions = join_stretches(stretches, 1, CLASSIFIER.saved.labels, found.end)
    with pytest.raises(UserError, match=r"mpeg4\.mov was changed while it was labelled"):
        label_clip([job_of(clip, tmp_path, "avi")], CLASSIFIER, SETTINGS, predictions=predictions)
    assert not (tmp_path / "out.avi").exists()


def test_a_stretch_whose_frames_come_at_other_times_is_not_classified(tmp_path: Path) -> None:
    clip = write_way(tmp_path, "mpeg4.mov")
    found = cut(clip, FRAMES, SIZE)
    assert found is not None
    stretch = found.stretches[1]
    seconds = stretch.seconds.copy()
    seconds[5] += 1e-3
    for one, expected in ((stretch, False), (replace(stretch, seconds=seconds), True)):
        assert (classify_stretch(clip, one, CLASSIFIER, 1, lambda: False) is None) is expected
