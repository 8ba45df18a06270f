"""HDR clips look as on an ordinary screen, wherever they go; others stay as they are."""

import threading
from collections.abc import Iterator
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import Interpolation, VideoReformatter
from hypothesis import given
from hypothesis import strategies as st

from activity.media.clip import VideoSource
from activity.media.frame import Frame, PlaneFormat, Plate
from activity.media.hdr import in_sdr, samples
from activity.media.images import frames_at
from activity.media.live import LiveSource
from activity.media.sink import open_sink
from tests.conftest import COLOURS_BGR, RunScript, Trained
from tests.hdr import HLG, PQ, hdr_levels, hdr_samples, write_hdr

BOTH = pytest.mark.parametrize("transfer", [PQ, HLG], ids=["PQ", "HLG"])


def scene(width: int = 320, height: int = 240) -> np.ndarray:
    """Soft colours from dark to light, and a stripe of strong ones with sharp edges: BGR."""
    coarse = np.random.default_rng(1).integers(10, 245, (5, 7, 3), np.uint8)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    strong = [(0, 0, 0), (255, 255, 255), (0, 0, 255), (0, 255, 0), (255, 0, 0), (0, 255, 255)]
    for place, colour in enumerate(strong):
        picture[height // 3 : height // 2, place * width // 6 : (place + 1) * width // 6] = colour
    return np.asarray(picture, np.uint8)


SCENE = scene()


def away(pixels: np.ndarray, others: np.ndarray) -> float:
    return float(np.abs(pixels.astype(int) - others).mean())


@BOTH
@pytest.mark.parametrize(
    "options",
    [
        *[{}, {"primaries": 12}, {"primaries": 1}, {"says_matrix": 2}],
        *[{"matrix": 1}, {"full_range": True}, {"pix_fmt": "yuv422p10le"}],
        *[{"pix_fmt": "yuv444p12le"}, {"pix_fmt": "yuv420p"}],
        {"codec": "libsvtav1", "options": {"crf": "10", "preset": "8"}},
    ],
    ids=str,
)
def test_frames_look_as_on_an_ordinary_screen(
    options: dict[str, Any], transfer: int, tmp_path: Path
) -> None:
    clip = write_hdr(tmp_path / "clip.mp4", [SCENE] * 2, transfer, **options)
    # A decoder's pixels that nobody has converted.
    with av.open(str(clip)) as file:
        grey = next(file.decode(video=0)).to_ndarray(format="bgr24")
    assert away(grey, SCENE) > 12
    frames = list(VideoSource(clip).frames())
    assert len(frames) == 2
    # In 8 bits, PQ has few levels.
    assert away(frames[1].pixels, SCENE) < (5 if options.get("pix_fmt") == "yuv420p" else 3.5)


@BOTH
def test_the_network_sees_what_a_person_sees(transfer: int, tmp_path: Path) -> None:
    clip = write_hdr(tmp_path / "clip.mp4", [SCENE], transfer)
    (frame,) = VideoSource(clip).frames()
    assert away(frame.network_input(), Frame(SCENE).network_input()) < 3


@BOTH
@pytest.mark.parametrize(
    ("size", "rotation"), [((320, 240), 0), ((318, 241), 0), ((320, 240), 90)], ids=str
)
def test_what_is_written_looks_so_and_says_what_it_is(
    size: tuple[int, int], rotation: int, transfer: int, tmp_path: Path
) -> None:
    picture = scene(*size)
    pix_fmt = "yuv444p10le" if size[1] % 2 else "yuv420p10le"
    clip = write_hdr(
        tmp_path / "clip.mp4", [picture] * 3, transfer, rotation=rotation, pix_fmt=pix_fmt
    )
    shown = np.rot90(picture, rotation // 90)
    for name in ("out.mp4", "out.avi"):
        output = tmp_path / name
        source = VideoSource(clip, as_pixels=name == "out.avi")
        with open_sink(output, source.info, None) as sink:
            for frame in source.frames():
                sink.write(frame.to_wait(), [Plate(0, 0, 40, 30, lambda pixels: pixels.fill(9))])
        written = [frame.pixels for frame in VideoSource(output).frames()]
        assert len(written) == 3
        whole = written[2][: shown.shape[0], : shown.shape[1]]
        assert np.abs(whole[4:26, 4:36].astype(int) - 9).mean() < 4
        assert away(whole[40:], shown[40:]) < 4
        if name == "out.mp4":
            with av.open(str(output)) as file:
                planes = next(file.decode(video=0))
            numbers = (planes.colorspace, planes.color_range)
            numbers += (planes.color_primaries, planes.color_trc)
            assert PlaneFormat(planes.format.name, *numbers) == PlaneFormat("yuv420p", 1, 1, 1, 1)


@BOTH
def test_pictures_of_a_clip_look_so_too(transfer: int, tmp_path: Path) -> None:
    clip = write_hdr(tmp_path / "clip.mp4", [SCENE] * 10, transfer)
    for frame in frames_at(clip, [0, 0.2]):
        assert away(frame.pixels, SCENE) < 3


@BOTH
def test_an_interlaced_clip_is_made_whole_first(transfer: int, tmp_path: Path) -> None:
    options = {"x265-params": "log-level=none:bframes=0:interlace=tff", "crf": "6"}
    clip = write_hdr(tmp_path / "clip.mkv", [SCENE] * 4, transfer, options=options)
    with av.open(str(clip)) as file:
        assert next(file.decode(video=0)).interlaced_frame
    for frame in VideoSource(clip).frames():
        assert away(frame.pixels, SCENE) < 4


@BOTH
@pytest.mark.parametrize("primaries", [1, 9, 12])
def test_every_colour_that_a_screen_can_show_comes_back(transfer: int, primaries: int) -> None:
    channel = np.linspace(0, 255, 12).astype(np.uint8)
    colours = np.stack(np.meshgrid(channel, channel, channel), axis=-1).reshape(1, -1, 3)
    levels = hdr_levels((colours[:, :, ::-1] / 255) ** 2.4, transfer, primaries)
    # Patches that are so large that none has a part in the colours of its neighbours.
    planes = av.VideoFrame(16 * colours.shape[1], 16, "yuv420p10le")
    parts = zip(samples(planes), np.moveaxis(hdr_samples(levels), -1, 0), (16, 8, 8), strict=True)
    for plane, values, width in parts:
        plane[:] = np.rint(np.repeat(values, width, axis=1))
    planes.color_trc, planes.color_primaries = transfer, primaries
    shown = in_sdr(planes, VideoReformatter())
    assert (shown.colorspace, shown.color_range) == (1, 1)
    expected = np.moveaxis(hdr_samples(colours[:, :, ::-1] / 255, matrix=1) / 4, -1, 0)
    for plane, values, width in zip(samples(shown), expected, (16, 8, 8), strict=True):
        error = np.abs(plane[width // 2, width // 2 :: width] - values)
        assert error.mean() < 2
        assert np.percentile(error, 95) < 8


@given(light=st.floats(0, 49), more=st.floats(0, 5), transfer=st.sampled_from([PQ, HLG]))
def test_grey_stays_grey_and_more_light_is_no_darker(
    light: float, more: float, transfer: int
) -> None:
    """Up to 10,000 cd/m2 of PQ, and beyond what HLG can have: what is brighter is white."""
    greys = []
    for amount in (light, light + more):
        levels = np.minimum(hdr_levels(np.full((2, 2, 3), amount), transfer), 1)
        planes = av.VideoFrame(2, 2, "yuv420p10le")
        for plane, value in zip(samples(planes), hdr_samples(levels)[0, 0], strict=True):
            plane[:] = np.rint(value)
        planes.color_trc = transfer
        brightness, blue, red = samples(in_sdr(planes, VideoReformatter()))
        assert np.abs(blue.astype(int) - 128).max() <= 1
        assert np.abs(red.astype(int) - 128).max() <= 1
        if amount >= 1.05:
            assert brightness.min() == brightness.max() == 235
        greys.append(int(brightness[0, 0]))
    assert greys[0] <= greys[1]


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 3), (3, 129), (7, 1081)], ids=str)
def test_any_size_and_any_samples(size: tuple[int, int]) -> None:
    planes = av.VideoFrame(*size, "yuv420p10le")
    for plane in samples(planes):  # more than 10 bits, as damage may leave
        plane[:] = np.random.default_rng(0).integers(0, 65536, plane.shape)
    planes.color_trc = PQ
    shown = in_sdr(planes, VideoReformatter())
    assert (shown.width, shown.height) == size
    assert [plane.shape for plane in samples(shown)] == [plane.shape for plane in samples(planes)]


@pytest.mark.parametrize(
    ("pix_fmt", "numbers"),
    [
        ("yuv420p", (1, 1, 1, 1)),
        ("yuv420p10le", (1, 1, 1, 1)),
        ("yuv420p10le", (9, 1, 9, 14)),
        ("yuv420p", (6, 1, 6, 6)),
        ("yuv420p", (2, 1, 2, 2)),
    ],
    ids=str,
)
def test_what_is_not_hdr_stays_as_it_is(
    pix_fmt: str, numbers: tuple[int, int, int, int], tmp_path: Path
) -> None:
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as clip:
        video = clip.add_stream(
            "libx265", rate=25, options={"x265-params": "log-level=none:bframes=0"}
        )
        video.width, video.height, video.pix_fmt = 320, 240, pix_fmt
        context = video.codec_context
        context.colorspace, context.color_range = numbers[:2]
        context.color_primaries, context.color_trc = numbers[2:]
        for number in range(2):
            picture = av.VideoFrame.from_ndarray(SCENE, format="bgr24")
            picture.pts, picture.time_base = number, Fraction(1, 25)
            clip.mux(video.encode(picture))
        clip.mux(video.encode(None))
    with av.open(str(path)) as clip:
        decoded = next(clip.decode(video=0))
    assert in_sdr(decoded, VideoReformatter()) is decoded
    source = VideoSource(path)
    frame = next(source.frames())
    plain = decoded.reformat(format="bgr24", interpolation=Interpolation.BICUBIC).to_ndarray()
    np.testing.assert_array_equal(frame.pixels, plain)
    said = PlaneFormat(pix_fmt, *numbers)
    assert source.info.planes == (said if pix_fmt == "yuv420p" else None)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of a folder, in which each file is a stream."""

    class Streams(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = (tmp_path / f"{self.path[1:]}.ts").read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "video/mp2t")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Streams) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@BOTH
def test_live_and_from_a_file_the_picture_is_the_same(
    transfer: int, served: str, tmp_path: Path
) -> None:
    clip = write_hdr(tmp_path / "clip.ts", [SCENE] * 5, transfer)
    live = next(LiveSource(f"{served}clip", lambda: False).frames())
    assert np.array_equal(live.pixels, next(VideoSource(clip).frames()).pixels)


@BOTH
def test_the_script_labels_what_a_person_sees(
    transfer: int, run_script: RunScript, trained: Trained, tmp_path: Path
) -> None:
    red = np.full((120, 160, 3), COLOURS_BGR["red"], np.uint8)
    clip = write_hdr(tmp_path / "clip.mp4", [red] * 5, transfer)
    output = tmp_path / "out.mp4"
    files = ["-m", trained.model, "-l", trained.label_bin, "--cache", trained.cache]
    done = run_script("predict_video.py", *files, "-i", clip, "-o", output, "--display", "off")
    assert done.returncode == 0, done.stderr
    assert "red" in done.stdout
    for frame in VideoSource(output).frames():
        assert away(frame.pixels[60:], red[60:]) < 5
