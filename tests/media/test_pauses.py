"""Hours between two frames, as of a camera that records where something moves."""

from pathlib import Path

import av
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.media.clip import VideoSource
from activity.media.frame import Frame, VideoInfo
from activity.media.sink import open_sink
from tests.clips import (
    MILLISECOND,
    copy_clip,
    draw_frame,
    frame_times,
    sound_packets,
    tone,
    write_at_times,
    write_av_clip,
)

HOURS = 3_600_000
"""In milliseconds."""


@pytest.mark.parametrize(
    "gaps", [{20: 7}, {1: 7}, {0: 5.5}, {0: 7}, {20: 30, 21: 30, 22: 30}], ids=str
)
def test_a_pause_of_hours_is_kept(gaps: dict[int, float], tmp_path: Path) -> None:
    """A clip has pauses after the frames of these numbers, in hours."""
    times = [
        40 * number + round(HOURS * sum(gap for at, gap in gaps.items() if at < number))
        for number in range(40)
    ]
    clip = write_av_clip(tmp_path / "clip.mkv", times)
    copy_clip(clip, tmp_path / "out.mp4")
    copied = np.array(frame_times(tmp_path / "out.mp4"))
    expected = np.array(frame_times(clip))
    for seconds in expected:
        assert np.abs(copied - seconds).min() < 1e-3
    # In between, the picture before the pause is shown.
    assert 0 <= len(copied) - 40 < 120
    end = VideoSource(tmp_path / "out.mp4").seconds()
    assert end == pytest.approx(expected[-1] + 0.04, abs=0.1)


@pytest.mark.parametrize("hours", [5, 7, 10**12])
def test_a_last_frame_that_is_shown_for_hours(hours: float, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    with open_sink(output, VideoInfo(64, 48, 25, 10), None) as sink:
        for number in range(10):
            duration = 0.04 if number < 9 else hours * 3600
            sink.write(Frame(draw_frame(number, (64, 48)), number / 25, duration))
    assert frame_times(output) == pytest.approx([number / 25 for number in range(10)], abs=1e-3)


def test_a_pause_of_ages_is_one_clear_line(tmp_path: Path) -> None:
    clip = write_at_times(tmp_path / "clip.mkv", [0, 40, 80, 2**58])
    assert frame_times(clip)[-1] > 1e12
    output = tmp_path / "out.mp4"
    with pytest.raises(UserError, match=f"cannot write {output}: .* for 3,335,999,.* days"):
        copy_clip(clip, output)
    assert list(tmp_path.iterdir()) == [clip]


@pytest.mark.parametrize("codec", ["aac", "flac"])
@pytest.mark.parametrize(("hours", "is_kept"), [(5, True), (14, False), (8e10, False)])
def test_a_pause_of_hours_in_the_sound(
    hours: float, is_kept: bool, codec: str, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mkv"
    with av.open(str(clip), "w") as container:
        video = container.add_stream("mjpeg", rate=25)
        video.width, video.height, video.pix_fmt = 160, 120, "yuvj420p"
        audio = container.add_stream(codec, rate=44100)
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(draw_frame(number), format="bgr24")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for number, sound in enumerate([*tone(2), None]):
            for packet in audio.encode(sound):
                if number > 40:
                    milliseconds = round(packet.pts * packet.time_base * 1000 + hours * 3_600_000)
                    packet.pts = packet.dts = milliseconds
                    packet.time_base = MILLISECOND
                container.mux(packet)
    output = tmp_path / "out.mp4"
    said = "".join(copy_clip(clip, output).remarks("clip", output))
    assert ("has only a part of the sound of clip: after " in said) != is_kept
    assert len(list(VideoSource(output).frames())) == 50
    expected = hours * 3600 + 2 if is_kept else 1
    assert sound_packets(output)[-1][0] == pytest.approx(expected, abs=0.2)
