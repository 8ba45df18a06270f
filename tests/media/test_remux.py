"""A clip copied with subtitles: every packet as it was, and the labels in step with it."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.labelling.overlay import label_plate, whole_frame
from activity.labelling.styled_labels import label_subtitles, subtitle_header
from activity.media.clip import VideoSource
from activity.media.remux import Subtitle, copy_with_subtitles
from activity.temporal.smoothing import Rolling, Viterbi
from tests.predictions import predictions_of, random_raw

HEADER = subtitle_header((64, 48), "tennis", [whole_frame((64, 48))])


def clip_with_sound(path: Path, *, start: int = 0) -> Path:
    """Thirty frames with B-frames, sound, and a title; times start ``start`` seconds late."""
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=30, options={"bf": "2"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = output.add_stream("aac", rate=48_000, layout="mono")
        output.metadata["title"] = "final"
        for number in range(30):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 8 * number, np.uint8))
            frame.pts, frame.time_base = start * 30 + number, Fraction(1, 30)
            output.mux(video.encode(frame))
        for number in range(47):
            sound = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            sound.sample_rate = 48_000
            sound.pts, sound.time_base = start * 48_000 + 1024 * number, Fraction(1, 48_000)
            output.mux(audio.encode(sound))
        output.mux(video.encode(None))
        output.mux(audio.encode(None))
    return path


def contents(path: Path, kind: str) -> list[bytes]:
    with av.open(str(path)) as clip:
        stream = next(stream for stream in clip.streams if stream.type == kind)
        return [bytes(packet) for packet in clip.demux(stream) if packet.size]


def frame_times(path: Path) -> list[float]:
    """Times from the first frame, in seconds: sound that starts before it delays all of a copy."""
    source = VideoSource(path)
    times = [frame.seconds for frame in source.frames()]
    return [time - times[0] for time in times]


def shown(path: Path) -> list[tuple[float, float, str]]:
    """Subtitles in seconds from the first frame, as a player shows them."""
    with av.open(str(path)) as clip:
        track = clip.streams.subtitles[-1]
        first = clip.streams.video[0].start_time * clip.streams.video[0].time_base
        found = []
        for packet in clip.demux(track):
            if packet.size:
                at = float(packet.pts * packet.time_base - first)
                end = at + float(packet.duration * packet.time_base)
                found.append((at, end, bytes(packet).decode().split(",", 8)[8]))
        return found


@pytest.mark.parametrize(("suffix", "start"), [(".mp4", 0), (".mkv", 0), (".ts", 3), (".mov", 0)])
def test_streams_are_copied_and_labels_are_in_step(suffix: str, start: int, tmp_path: Path) -> None:
    clip = clip_with_sound(tmp_path / f"clip{suffix}", start=start)
    out = tmp_path / "out.mkv"
    labels = [
        Subtitle(0.0, 0.5, "tennis, {\\b1}98 %", 1, "label"),
        Subtitle(0.5, 1, "golf", 1, "label"),
    ]
    assert copy_with_subtitles(clip, out, HEADER, iter(labels)) == []
    if suffix != ".ts":  # whose packets have another form
        assert contents(out, "audio") == contents(clip, "audio")
        assert contents(out, "video") == contents(clip, "video")
    assert frame_times(out) == pytest.approx(frame_times(clip), abs=0.001)
    (first, then) = shown(out)
    assert first == (pytest.approx(0, abs=0.03), pytest.approx(0.5, abs=0.03), labels[0].text)
    assert then == (pytest.approx(0.5, abs=0.03), pytest.approx(1, abs=0.03), "golf")
    with av.open(str(out)) as made:
        assert made.streams.subtitles[-1].metadata["title"] == "activity"
        if suffix != ".ts":
            assert made.metadata["title"] == "final"


def test_labels_after_the_last_packet_are_kept(tmp_path: Path) -> None:
    clip, out = clip_with_sound(tmp_path / "clip.mp4"), tmp_path / "out.mkv"
    many = (Subtitle(n / 10, (n + 1) / 10, f"{n} %", 1, "label") for n in range(20))
    copy_with_subtitles(clip, out, HEADER, many)
    assert [text for *_, text in shown(out)] == [f"{n} %" for n in range(20)]


def test_nothing_is_left_where_the_clip_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"no clip" * 1000)
    with pytest.raises(UserError, match=r"cannot read .*clip.mp4"):
        copy_with_subtitles(tmp_path / "clip.mp4", tmp_path / "out.mkv", HEADER, iter(()))
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize("smoothing", [Rolling(16), Viterbi(16)])
@pytest.mark.parametrize("stride", [1, 3])
def test_each_frame_has_its_label_and_percentage(smoothing: Rolling | Viterbi, stride: int) -> None:
    known = predictions_of(random_raw(120), stride=stride)
    numbers = smoothing.numbers(known)
    smoothed = np.concatenate(list(smoothing.smoothed(known, numbers)))
    subtitles = label_subtitles(known, smoothing, numbers, whole_frame((1280, 720)), 0)
    found = [each for each in subtitles if each.style == "label"]
    assert found[0].start == 0
    assert found[-1].end == pytest.approx(known.end)
    assert all(one.end == next_one.start for one, next_one in pairwise(found))
    bounds = [each.start for each in found]
    for frame, time in enumerate(known.times):
        text = found[int(np.searchsorted(bounds, time, side="right")) - 1].text
        label, percent = known.labels[numbers[frame]], smoothed[frame, numbers[frame]]
        assert text.startswith(f"activity: {label}")
        assert text.endswith(f"{round(100 * percent)} %")


def test_the_plate_lies_where_it_is_drawn() -> None:
    plate = label_plate((1280, 720), "tennis", 0.5)
    assert plate is not None
    styles = [
        line.removeprefix("Style: ").split(",")
        for line in subtitle_header((1280, 720), "tennis", [whole_frame((1280, 720))]).splitlines()
        if line.startswith("Style: ")
    ]
    assert [style[0] for style in styles] == ["plate", "label"]
    # The margin of a text in a box is that of the text: the box is wider by the outline.
    assert int(styles[0][19]) - int(styles[0][16]) == plate.left == plate.top


def test_tags_in_a_label_are_shown_not_obeyed() -> None:
    known = predictions_of(random_raw(2), labels=("{\\b1}a\\N", "b", "c"))
    numbers = np.zeros(2, np.uint8)
    text = next(label_subtitles(known, Rolling(1), numbers, whole_frame((1280, 720)), 0)).text
    assert "{\\" not in text.replace("\\{", "")
    assert "\\N" not in text


def test_a_label_starts_no_later_than_its_frame(tmp_path: Path) -> None:
    clip, out = clip_with_sound(tmp_path / "clip.mkv"), tmp_path / "out.mkv"
    then = 20 / 30  # 666.67 ms
    labels = [Subtitle(0, then, "tennis", 1, "label"), Subtitle(then, 1, "golf", 1, "label")]
    copy_with_subtitles(clip, out, HEADER, iter(labels))
    with av.open(str(out)) as made:
        track = made.streams.subtitles[-1]
        starts = [packet.pts for packet in made.demux(track) if packet.size]
    assert starts == [0, 666]
