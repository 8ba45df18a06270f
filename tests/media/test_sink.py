"""Frames to a clip, and its sound with them."""

import shutil
import subprocess
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread

import av
import cv2
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.media.clip import VideoSource
from activity.media.frame import Frame, VideoInfo
from activity.media.sink import check_suffix, open_sink
from tests.clips import copy_clip, draw_frame, frame_times, sound_packets, write_av_clip


def write_drawn(output: Path, size: tuple[int, int], count: int, fps: float = 30) -> None:
    with open_sink(output, VideoInfo(*size, fps, count), None) as sink:
        for number in range(count):
            sink.write(Frame(draw_frame(number, size), number / fps))


@pytest.mark.parametrize("fps", [30, 25, 24000 / 1001, 30000 / 1001, 59.94, 12.5, 1, 240, 1000])
@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_count_and_rate_are_kept(suffix: str, fps: float, tmp_path: Path) -> None:
    output = tmp_path / f"out{suffix}"
    write_drawn(output, (64, 48), 40, fps)
    info = VideoSource(output).info
    assert info.frame_count == len(list(VideoSource(output).frames())) == 40
    assert info.fps == pytest.approx(fps, rel=1e-4)


@pytest.mark.parametrize("size", [(161, 121), (160, 121), (1, 1), (3, 200)])
def test_odd_sizes(size: tuple[int, int], tmp_path: Path) -> None:
    write_drawn(tmp_path / "out.avi", size, 5)
    write_drawn(tmp_path / "out.mp4", size, 5)
    width, height = size
    assert next(VideoSource(tmp_path / "out.avi").frames()).pixels.shape == (height, width, 3)
    pixels = next(VideoSource(tmp_path / "out.mp4").frames()).pixels
    assert pixels.shape == (height + height % 2, width + width % 2, 3)
    # The column and row that make it even repeat their neighbours: no black edge.
    assert pixels[-1].min() > 15
    assert pixels[:, -1].min() > 15


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_the_picture_is_the_one_written(suffix: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    coarse = random.integers(0, 255, (6, 8, 3), np.uint8)
    pixels = cv2.resize(coarse, (160, 120), interpolation=cv2.INTER_CUBIC)
    output = tmp_path / f"out{suffix}"
    with open_sink(output, VideoInfo(160, 120, 30, 10), None) as sink:
        for number in range(10):
            sink.write(Frame(pixels, number / 30))
    for frame in VideoSource(output).frames():
        assert cv2.PSNR(frame.pixels, pixels) > 33


@pytest.mark.parametrize("grey", [30, 128, 230])
def test_an_mp4_is_neither_darker_nor_tinted(grey: int, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    with open_sink(output, VideoInfo(160, 120, 30, 2), None) as sink:
        for number in range(2):
            sink.write(Frame(np.full((120, 160, 3), grey, np.uint8), number / 30))
    with av.open(str(output)) as clip:
        planes = next(clip.decode(video=0)).to_ndarray()
    # Luma, and below it the two planes of colour.
    assert planes[:120].mean() == pytest.approx(16 + grey * 219 / 255, abs=0.6)
    assert planes[120:].mean() == 128


def test_mp4_is_what_browsers_play(tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    write_drawn(output, (64, 48), 40)
    with av.open(str(output)) as clip:
        video = clip.streams.video[0].codec_context
        assert (video.name, video.pix_fmt) == ("h264", "yuv420p")
    content = output.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_sound_is_copied_packet_for_packet(tmp_path: Path) -> None:
    # The sound is 130 ms longer than the picture.
    clip = write_av_clip(tmp_path / "clip.mp4", [*range(0, 3000, 40), 3130], sound="aac")
    copy_clip(clip, tmp_path / "out.mp4")
    expected = sound_packets(clip)
    assert len(expected) > 100
    assert sound_packets(tmp_path / "out.mp4") == expected
    with av.open(str(clip)) as before, av.open(str(tmp_path / "out.mp4")) as after:
        assert after.duration / av.time_base == pytest.approx(before.duration / av.time_base, 0.04)


def test_sound_stays_in_step_where_the_picture_starts_late(tmp_path: Path) -> None:
    clip = write_av_clip(tmp_path / "clip.mp4", range(500, 2500, 40), sound="aac")
    copy_clip(clip, tmp_path / "out.mp4")
    lead_in = [
        frame_times(path)[0] - sound_packets(path)[0][0] for path in (clip, tmp_path / "out.mp4")
    ]
    assert lead_in[0] > 0.4
    assert lead_in[1] == pytest.approx(lead_in[0], abs=1e-3)


def test_sound_stays_in_step_with_a_variable_frame_rate(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    times = 700 + np.cumsum(random.integers(5, 120, 200))
    clip = write_av_clip(tmp_path / "clip.mp4", times.tolist(), sound="aac")
    copy_clip(clip, tmp_path / "out.mp4")
    pictures = np.array(frame_times(clip)), np.array(frame_times(tmp_path / "out.mp4"))
    sounds = [np.array([at for at, _ in sound_packets(p)]) for p in (clip, tmp_path / "out.mp4")]
    # From any frame to any piece of sound it is as long as before.
    np.testing.assert_allclose(np.diff(pictures[1]), np.diff(pictures[0]), atol=1e-3)
    np.testing.assert_allclose(sounds[1] - pictures[1][-1], sounds[0] - pictures[0][-1], atol=1e-3)


def test_after_an_early_end_sound_stops_with_the_picture(tmp_path: Path) -> None:
    clip = write_av_clip(tmp_path / "clip.mp4", range(0, 3000, 40), sound="aac")
    copy_clip(clip, tmp_path / "out.mp4", frames=25)
    copied = sound_packets(tmp_path / "out.mp4")
    assert copied == sound_packets(clip)[: len(copied)]
    assert copied[-1][0] == pytest.approx(1, abs=0.08)


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_a_failing_run_leaves_the_earlier_output_and_nothing_else(
    suffix: str, tmp_path: Path
) -> None:
    output = tmp_path / f"out{suffix}"
    output.write_bytes(b"a good clip")

    def fail() -> None:
        with open_sink(output, VideoInfo(64, 48, 30, 40), None) as sink:
            sink.write(Frame(draw_frame(0, (64, 48)), 0.0))
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    assert output.read_bytes() == b"a good clip"
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_a_size_that_the_codec_cannot_have_is_one_clear_line(suffix: str, tmp_path: Path) -> None:
    output = tmp_path / f"clip{suffix}"
    with pytest.raises(UserError, match=f"cannot write {output}"):
        write_drawn(output, (70_000, 16), 1)
    assert list(tmp_path.iterdir()) == []


def test_frames_that_did_not_reach_the_disk_are_noticed(tmp_path: Path) -> None:
    output = tmp_path / "out.avi"

    def lose_one() -> None:
        with open_sink(output, VideoInfo(64, 48, 30, 40), None) as sink:
            sink.write(Frame(draw_frame(0, (64, 48)), 0.0))
            sink.frame_count += 1

    with pytest.raises(UserError, match="only 1 of 2 frames"):
        lose_one()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["out", "out.webm", "out.mp4.gz"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"\.mp4, \.avi or \.mkv"):
        check_suffix(Path(name))
    check_suffix(Path("OUT.MP4"))


PAGE = """<!doctype html><video id=v src=out.mp4 muted autoplay></video><script>
const v = document.getElementById("v");
function say(text) { fetch("/say/" + text); }
v.onerror = () => say("error-" + v.error.code);
v.onended = () => say(`played-${v.videoWidth}x${v.videoHeight}-${v.duration.toFixed(1)}s`);
</script>"""


def test_a_browser_plays_the_mp4(tmp_path: Path) -> None:
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        pytest.skip("no browser here: install chromium, on Debian with apt-get install chromium")
    clip = write_av_clip(tmp_path / "clip.mp4", range(0, 1000, 40), sound="aac")
    copy_clip(clip, tmp_path / "out.mp4")
    (tmp_path / "page.html").write_text(PAGE)
    said: Queue[str] = Queue()

    class Server(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/say/"):
                said.put(self.path.removeprefix("/say/"))
            super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
    flags += " --disable-component-update --disable-sync"
    flags += " --autoplay-policy=no-user-gesture-required"
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, directory=tmp_path)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/page.html"
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        browser = subprocess.Popen(
            [chromium, *flags.split(), profile, "--remote-debugging-port=0", address],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert said.get(timeout=60) == "played-160x120-1.0s"
        finally:
            browser.terminate()
            browser.wait()
            server.shutdown()
