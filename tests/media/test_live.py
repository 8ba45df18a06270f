"""Cameras and streams: the newest frame, never a queue."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.common.stores import public_name
from activity.labelling.outputs import Outputs
from activity.labelling.planning import plan_jobs
from activity.media import live
from activity.media.live import LiveSource, is_live
from activity.media.region import parse_region
from tests.clips import write_av_clip

INTERVAL = 0.01


class Camera:
    """Gives ``count`` frames, one every 10 ms; a frame's brightness is its number."""

    def __init__(self, count: int) -> None:
        self.number = 0
        self.count = count
        self.released = False

    def read(self) -> tuple[bool, np.ndarray | None]:
        if self.number == self.count:
            return False, None
        time.sleep(INTERVAL)
        self.number += 1
        return True, np.full((12, 16, 3), self.number, np.uint8)

    def get(self, _: int) -> float:
        return 0.0

    def release(self) -> None:
        self.released = True


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> Camera:
    camera = Camera(100)
    monkeypatch.setattr(cv2, "VideoCapture", lambda _: camera)
    return camera


def test_a_slow_consumer_gets_the_newest_frame_and_a_count_of_the_rest(camera: Camera) -> None:
    source = LiveSource("0", lambda: False)
    taken = []
    for frame in source.frames():
        # Not more than the frame in between behind what the camera gives now.
        assert camera.number - int(frame.pixels[0, 0, 0]) <= 2
        taken.append(int(frame.pixels[0, 0, 0]))
        time.sleep(5 * INTERVAL)
    assert taken == sorted(set(taken))
    assert 10 <= len(taken) <= 40
    assert source.dropped == 100 - len(taken)
    assert camera.released


def test_a_quick_consumer_gets_every_frame(camera: Camera) -> None:
    source = LiveSource("0", lambda: False)
    frames = list(source.frames())
    assert source.dropped <= 2
    assert len(frames) + source.dropped == 100
    assert np.all(np.diff([frame.seconds for frame in frames]) > 0)


def test_leaving_early_or_being_told_to_stop_leaves_no_thread(camera: Camera) -> None:
    before = threading.active_count()
    frames = LiveSource("0", lambda: False).frames()
    next(frames)
    frames.close()
    assert threading.active_count() == before
    assert camera.released
    # The first frame is there already; waiting for another is over at once.
    assert 1 <= len(list(LiveSource("0", lambda: True).frames())) <= 3
    assert threading.active_count() == before


def test_no_camera_is_one_clear_line() -> None:
    for number in ("97", "9" * 20):
        with pytest.raises(UserError, match=f"no frame from camera {number}"):
            LiveSource(number, lambda: False)
    with pytest.raises(UserError, match=r"no frame from http://127\.0\.0\.1:9/"):
        LiveSource("http://127.0.0.1:9/", lambda: False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(("0", True), ("rtsp://x/y.mp4", True), ("http://x", True), ("http://x/a.mjpg", True)),
        *(("http://x/a.h264", True), ("http://x/a.gif", True), ("http://x/a.mod", False)),
        *(("0.mp4", False), ("a/0", False), ("file:///a.mp4", False), ("s3://a/0", False)),
        *(("http://x/a.mp4", False), ("https://x/a.MOV?key=1", False), ("http://x.mp4", True)),
    ],
)
def test_is_live(name: str, expected: bool) -> None:
    assert is_live(name) is expected


class Webcam(BaseHTTPRequestHandler):
    """A network camera: Motion JPEG over HTTP, 100 frames a second, for two seconds."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for number in range(200):
            picture = np.full((48, 64, 3), (40, 30, 230), np.uint8)
            picture[:, number % 64] = 255
            jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + jpeg + b"\r\n")
            except OSError:
                return
            time.sleep(0.01)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def webcam() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Webcam) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_stream_over_http(webcam: str) -> None:
    source = LiveSource(webcam, lambda: False)
    assert (source.info.width, source.info.height) == (64, 48)
    count = 0
    for frame in source.frames():
        count += 1
        assert frame.pixels.shape == (48, 64, 3)
        time.sleep(0.05)
    assert 5 < count < 100
    assert source.dropped > count


def test_the_script_labels_a_stream(webcam: str, run_script, trained, tmp_path) -> None:
    output = tmp_path / "out.mp4"
    files = ["-m", trained.model, "-l", trained.label_bin, "--cache", trained.cache]
    done = run_script("predict_video.py", *files, "-i", webcam, "-o", output, "--display", "off")
    assert done.returncode == 0, done.stderr
    assert "red" in done.stdout
    assert "frames that came while another was classified" in done.stdout
    capture = cv2.VideoCapture(str(output))
    # A frame is shown for as long as it was the newest: about two seconds in all.
    seconds = capture.get(cv2.CAP_PROP_FRAME_COUNT) / capture.get(cv2.CAP_PROP_FPS)
    assert 0.5 < seconds < 4


@pytest.fixture
def sent_slowly() -> Iterator[Callable[[Path], str]]:
    """Sends a file a piece every 50 ms, and closes the connection without saying how long it is."""
    sent: dict[str, bytes] = {}
    finished.clear()

    class Sender(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            content = sent[self.path]
            with suppress(OSError):
                for start in range(0, len(content), PIECE):
                    self.wfile.write(content[start : start + PIECE])
                    time.sleep(0.05)
                finished.append(self.path)

        def log_message(self, *_: object) -> None:
            pass

    def address_of(file: Path) -> str:
        sent[f"/{file.stem}"] = file.read_bytes()
        return f"http://127.0.0.1:{server.server_port}/{file.stem}"

    with ThreadingHTTPServer(("127.0.0.1", 0), Sender) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield address_of
        server.shutdown()


PIECE = 4096
finished: list[str] = []  # what was sent to its end


def write_stream(path: Path, pictures: int, seconds: int) -> Path:
    """Write a few pictures, and sound that goes on long after the last."""
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "Court xy"
        video, audio = container.add_stream("mpeg2video", 25), container.add_stream("mp2", 48_000)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for number in range(pictures):
            picture = av.VideoFrame.from_ndarray(np.full((72, 64), 90, np.uint8), "yuv420p")
            picture.pts, picture.time_base = number, Fraction(1, 25)
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        noise = np.random.default_rng(0).integers(-9000, 9000, (1, 48_000 * seconds), np.int16)
        sound = av.AudioFrame.from_ndarray(noise, "s16", "mono")
        sound.sample_rate, sound.pts = 48_000, 0
        container.mux(audio.encode(sound))
        container.mux(audio.encode(None))
    return path


def test_a_stream_of_which_only_the_sound_goes_on_ends(
    sent_slowly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_SECONDS_TO_READ", 1)
    file = write_stream(tmp_path / "stream.ts", pictures=10, seconds=300)
    content = file.read_bytes()
    source = LiveSource(sent_slowly(file), lambda: False)
    assert 0 < len(list(source.frames())) + source.dropped <= 10
    # Somebody connects when there are no pictures any more.
    tables, later = content[: 188 * 4], len(content) // 3 // 188 * 188
    (tmp_path / "later.ts").write_bytes(tables + content[later:])
    with pytest.raises(UserError, match="no frame from http://"):
        LiveSource(sent_slowly(tmp_path / "later.ts"), lambda: False)
    assert not finished


def test_a_stream_that_breaks_off_gives_all_of_its_pictures(sent_slowly, tmp_path: Path) -> None:
    file = write_av_clip(tmp_path / "stream.ts", range(0, 1000, 40))
    source = LiveSource(sent_slowly(file), lambda: False)
    assert len(list(source.frames())) + source.dropped == 25


def test_a_title_in_another_encoding_does_no_harm(sent_slowly, tmp_path: Path) -> None:
    file = write_stream(tmp_path / "stream.mkv", pictures=10, seconds=1)
    file.write_bytes(file.read_bytes().replace(b"Court xy", b"Court \xe9y"))
    assert len(list(LiveSource(sent_slowly(file), lambda: False).frames())) > 0


def test_a_stream_does_not_say_how_many_frames_will_be_taken(tmp_path: Path) -> None:
    file = write_av_clip(tmp_path / "stream.mp4", range(0, 400, 40))
    with closing(LiveSource(file.as_uri(), lambda: False)) as source:
        assert source.info.frame_count == 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_goes_wrong_while_reading_ends_the_frames(
    camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = LiveSource("0", lambda: False)
    monkeypatch.setattr(camera, "read", lambda: 1 / 0)
    assert len(list(source.frames())) == 1


@pytest.mark.parametrize("source", ["rtsp://me:secret@camera/court 1", "udp://camera:5000", "0"])
def test_any_live_source_can_have_regions_and_a_truth(source: str, tmp_path: Path) -> None:
    table, outputs = tmp_path / "regions.csv", Outputs(csv=tmp_path / "out.csv")
    name = public_name(source)
    table.write_text(f"clip,region,left,top,width,height\n{name},right,0.5,0,0.5,1\n")
    given = {"regions": [parse_region("left=0,0,0.5,1")], "regions_table": table}
    jobs = plan_jobs([source], outputs, **given)
    assert [str(job.part) for job in jobs] == [f"{name} (left)", f"{name} (right)"]
    truth = tmp_path / "truth.csv"
    truth.write_text("start,end,label\n0,3,red\n")
    (job,) = plan_jobs([source], outputs, truth)
    assert job.truth is not None


def test_the_script_labels_regions_of_a_stream(webcam: str, run_script, trained, tmp_path) -> None:
    files = ["-m", trained.model, "-l", trained.label_bin, "--cache", trained.cache]
    regions = ["--region", "left=0,0,0.5,1", "--region", "right=32,0,32,48"]
    outputs = ["-o", tmp_path / "out.mp4", "--csv", tmp_path / "out.csv", "--display", "off"]
    done = run_script("predict_video.py", *files, "-i", webcam, *outputs, *regions)
    assert done.returncode == 0, done.stderr
    tables = [(tmp_path / f"out.{name}.csv").read_text() for name in ("left", "right")]
    assert len({table.count("\n") for table in tables}) == 1
    assert len({table.split(",p_")[0] for table in tables}) == 1
    assert cv2.VideoCapture(str(tmp_path / "out.mp4")).read()[0]
    outside = ["--region", "right=33,0,32,48"]
    done = run_script("predict_video.py", *files, "-i", webcam, *outputs, *outside)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "which are 64x48" in done.stderr
