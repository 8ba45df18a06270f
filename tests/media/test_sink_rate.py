"""An .avi has one rate: it lasts as long as the clip, whatever rate that claims."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from activity.media.clip import VideoSource
from activity.media.frame import Frame, VideoInfo
from activity.media.sink import open_sink
from tests.clips import MILLISECOND, draw_frame, write_av_clip

# As a browser's recorder gives them, in milliseconds: some 15 frames in a second.
RECORDED = np.cumsum([0, *np.random.default_rng(0).integers(41, 95, 90)]).tolist()
SCREEN = [*range(0, 3800, 100), 103_900]


def write_recording(path: Path, milliseconds: list[int]) -> Path:
    """Write a clip whose file claims 1,000 frames a second, and each frame for a millisecond."""
    with av.open(str(path), "w") as clip:
        stream = clip.add_stream("libvpx", rate=1000)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.codec_context.time_base = MILLISECOND
        for number, at in enumerate(milliseconds):
            frame = av.VideoFrame.from_ndarray(draw_frame(number), format="bgr24")
            frame.pts, frame.time_base = at, MILLISECOND
            clip.mux(stream.encode(frame))
        clip.mux(stream.encode(None))
    return path


def write_again(clip: Path, output: Path, frames: int | None = None) -> tuple[float, list[str]]:
    """Write a clip's frames, or the first of them.

    Returns:
        For how many seconds they are shown in the clip, and what is said.
    """
    source = VideoSource(clip, as_pixels=True)
    length = 0.0
    with open_sink(output, source.info, None) as sink:
        for number, frame in enumerate(source.frames(), 1):
            sink.write(frame)
            length += frame.duration
            if number == frames:
                break
        remarks = sink.remarks("CLIP", Path("OUT.avi"))
    return length, remarks


def length_and_count(path: Path) -> tuple[float, int]:
    frames = list(VideoSource(path).frames())
    return frames[-1].seconds + frames[-1].duration, len(frames)


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("recorder.webm", RECORDED),
        ("recorder.mkv", [500 + at for at in RECORDED]),
        ("variable.mp4", [500 + at for at in RECORDED]),
        ("screen.mp4", SCREEN),
        ("screen.mkv", SCREEN),
    ],
)
def test_an_avi_lasts_as_long_as_the_clip(name: str, times: list[int], tmp_path: Path) -> None:
    write = write_av_clip if name.endswith(".mp4") else write_recording
    clip = write(tmp_path / name, times)
    output = tmp_path / "out.avi"
    length, remarks = write_again(clip, output)
    assert (times[-1] - times[0]) / 1000 < length < 1.1 * (times[-1] - times[0]) / 1000
    assert length_and_count(output) == (pytest.approx(length, rel=1e-4), len(times))
    assert VideoSource(output).seconds() == pytest.approx(length, rel=1e-4)
    # As other programs read it.
    capture = cv2.VideoCapture(str(output), cv2.CAP_FFMPEG)
    found = capture.get(cv2.CAP_PROP_FRAME_COUNT) / capture.get(cv2.CAP_PROP_FPS)
    assert found == pytest.approx(length, rel=1e-4)
    (remark,) = remarks
    assert remark.startswith("OUT.avi has the length of CLIP, but shows each frame for ")
    assert remark.endswith(" s: an .mp4 keeps the times")


def test_after_an_early_end_it_lasts_as_long_as_what_was_written(tmp_path: Path) -> None:
    clip = write_recording(tmp_path / "clip.webm", RECORDED)
    length, _ = write_again(clip, tmp_path / "out.avi", frames=20)
    assert length == pytest.approx(RECORDED[20] / 1000)
    assert length_and_count(tmp_path / "out.avi") == (pytest.approx(length, rel=1e-4), 20)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_of_a_constant_rate_nothing_is_said(suffix: str, tmp_path: Path) -> None:
    # Rounded to milliseconds by the container.
    times = [round(number * 1000 / 30) for number in range(100)]
    clip = write_av_clip(tmp_path / f"clip{suffix}", times)
    length, remarks = write_again(clip, tmp_path / "out.avi")
    assert remarks == []
    assert VideoSource(tmp_path / "out.avi").info.fps == 30
    assert length_and_count(tmp_path / "out.avi") == (pytest.approx(length, abs=2e-3), 100)


def test_a_wrong_rate_is_made_right_without_a_word(tmp_path: Path) -> None:
    """Nothing is evened out where frames follow one another at another rate than the claimed."""
    output = tmp_path / "out.avi"
    with open_sink(output, VideoInfo(64, 48, 1000, 0), None) as sink:
        for number in range(50):
            sink.write(Frame(draw_frame(number, (64, 48)), number / 25, 0.04))
        assert sink.remarks("CLIP", output) == []
    assert VideoSource(output).info.fps == 25
    assert length_and_count(output) == (pytest.approx(2), 50)


def test_frames_of_a_camera_have_no_durations(tmp_path: Path) -> None:
    output = tmp_path / "out.avi"
    with open_sink(output, VideoInfo(64, 48, 30, 0), None) as sink:
        for number in range(21):
            sink.write(Frame(draw_frame(number, (64, 48)), number / 5))
    assert length_and_count(output) == (pytest.approx(4.2), 21)


def test_a_pause_of_ages_is_no_time(tmp_path: Path) -> None:
    output = tmp_path / "out.avi"
    with open_sink(output, VideoInfo(64, 48, 25, 0), None) as sink:
        for number in range(20):
            seconds = number / 25 + 1e12 * (number > 10)
            sink.write(Frame(draw_frame(number, (64, 48)), seconds, 0.04))
    assert length_and_count(output) == (pytest.approx(0.8), 20)


@pytest.mark.parametrize("suffix", [".webm", ".mkv"])
def test_a_claimed_rate_is_not_believed_where_times_are_known(suffix: str, tmp_path: Path) -> None:
    source = VideoSource(write_recording(tmp_path / f"clip{suffix}", RECORDED))
    # The rate of an .mp4 says which players can play it: at 1,000 frames a second, none.
    assert source.info.fps == 30
    mean = RECORDED[-1] / 1000 / (len(RECORDED) - 1)
    assert source.seconds() == pytest.approx(RECORDED[-1] / 1000 + mean, abs=0.03)
    *_, last = source.frames()
    assert last.duration == pytest.approx(mean, abs=0.03)
    assert source.end_of(last.seconds) == last.seconds + last.duration


def test_of_a_clip_that_pauses_the_last_frame_is_shown_as_long_as_it_says(tmp_path: Path) -> None:
    """A camera that records where something moves: a long step says nothing of the last frame."""
    times = [*range(0, 2000, 40), *range(600_000, 602_000, 40)]
    for suffix in (".mkv", ".ts", ".mp4"):
        source = VideoSource(write_av_clip(tmp_path / f"clip{suffix}", times))
        *_, last = source.frames()
        assert last.duration == pytest.approx(0.04, abs=0.01), suffix


@pytest.mark.parametrize("name", ["recorder.webm", "variable.mp4", "screen.mp4"])
def test_real_clips_of_other_rates_than_they_claim(
    name: str, real_data: Path, tmp_path: Path
) -> None:
    clip = real_data / "odd_clips" / name
    length, remarks = write_again(clip, tmp_path / "out.avi")
    assert VideoSource(tmp_path / "out.avi").seconds() == pytest.approx(length, rel=1e-4)
    assert length == pytest.approx(VideoSource(clip).seconds(), rel=1e-4)
    assert len(remarks) == 1
