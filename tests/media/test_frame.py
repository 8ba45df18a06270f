"""Frames that a decoder's planes stand for: the network's input, and planes to write."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from activity.media.clip import VideoSource
from activity.media.frame import Frame, Framing, VideoInfo, Window, framed
from activity.media.sink import open_sink
from tests.clips import write_av_clip, write_pictures


def picture_of(size: tuple[int, int]) -> np.ndarray:
    """A picture whose parts differ, without details that no scaler could keep."""
    coarse = np.random.default_rng(0).integers(40, 216, (5, 7, 3), np.uint8)
    return cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)


def first_frame(path: Path) -> Frame:
    return next(VideoSource(path).frames())


@pytest.mark.parametrize(
    ("codec", "pix_fmt"),
    [
        *[("ffv1", name) for name in ("yuv420p", "yuv422p10le", "yuv444p", "gray", "bgra")],
        *[("rawvideo", "bgr24"), ("mjpeg", "yuvj420p"), ("libx264rgb", "rgb24")],
    ],
)
@pytest.mark.parametrize(
    ("size", "framing", "side"),
    [((640, 362), "centre", 224), ((321, 242), "squashed", 96), ((200, 320), "centre", 33)],
)
def test_a_frame_looks_to_a_network_as_a_photo_of_it_does(
    codec: str, pix_fmt: str, size: tuple[int, int], framing: Framing, side: int, tmp_path: Path
) -> None:
    path = write_pictures(tmp_path / "clip.avi", [picture_of(size)], codec, pix_fmt=pix_fmt)
    found = first_frame(path).network_input(framing, side)
    expected = Frame(first_frame(path).pixels).network_input(framing, side)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    assert np.abs(found.astype(int) - expected).mean() < 2


@pytest.mark.parametrize("side", [224, 448])
def test_the_input_is_neither_darker_nor_tinted(side: int, tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(40, 215, (7, 7, 3), np.uint8)
    picture = cv2.resize(colours, (side, side), interpolation=cv2.INTER_NEAREST)
    path = tmp_path / "clip.mp4"
    with open_sink(path, VideoInfo(side, side, 30, 1), None) as sink:
        sink.write(Frame(picture))
    found = first_frame(path).network_input(side=224)
    exact = colours[:, :, ::-1].mean(axis=(0, 1))
    np.testing.assert_allclose(found.mean(axis=(0, 1)), exact, atol=0.4)


@pytest.mark.parametrize("window", [Window(0, 0, 200, 180), Window(441, 1, 199, 361)])
def test_a_part_of_a_frame_is_where_it_is_in_its_pixels(window: Window, tmp_path: Path) -> None:
    path = write_pictures(tmp_path / "clip.mp4", [picture_of((640, 362))], "libx264")
    found = first_frame(path).window(window, 96)
    expected = Frame(first_frame(path).pixels).window(window, 96)
    assert np.abs(found.astype(int) - expected).mean() < 2


@pytest.mark.parametrize("size", [(200, 160), (640, 8), (8, 640)])
def test_what_is_small_or_long_is_scaled_as_photos_are(
    size: tuple[int, int], tmp_path: Path
) -> None:
    path = write_pictures(tmp_path / "clip.mp4", [picture_of(size)], "libx264")
    found = first_frame(path).network_input(side=224 if min(size) > 8 else 8)
    expected = Frame(first_frame(path).pixels).network_input(side=found.shape[0])
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("turned", [(1, 0, 0, 1), (-1, 0, 0, 1), (0, 1, -1, 0), (0, -1, -1, 0)])
@pytest.mark.parametrize("aspect", [Fraction(1), Fraction(4, 3), Fraction(1, 2)])
def test_the_input_is_turned_and_stretched_as_the_frame_is(
    turned: tuple[int, int, int, int], aspect: Fraction, tmp_path: Path
) -> None:
    if not hasattr(av.VideoStream, "set_display_matrix"):
        pytest.skip("this PyAV cannot write the matrix")
    path, picture = tmp_path / "clip.mp4", picture_of((320, 200))
    with av.open(str(path), "w") as clip:
        video = clip.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 320, 200, "yuv420p"
        video.codec_context.sample_aspect_ratio = aspect
        a, b, c, d = (number << 16 for number in turned)
        video.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        clip.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        clip.mux(video.encode(None))
    found = first_frame(path).network_input(side=96)
    expected = Frame(first_frame(path).pixels).network_input(side=96)
    assert np.abs(found.astype(int) - expected).mean() < 2


def test_frames_of_another_size_look_as_their_pixels_do(tmp_path: Path) -> None:
    parts = [
        write_pictures(tmp_path / f"{width}.ts", [picture_of((width, 240))] * 5, "libx264")
        for width in (320, 480)
    ]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    frames = list(VideoSource(path).frames())
    assert len(frames) == 10
    for frame in frames:
        found = frame.network_input(side=96)
        assert np.abs(found.astype(int) - Frame(frame.pixels).network_input(side=96)).mean() < 2


@pytest.mark.parametrize("matrix", [1, 5, 8, 10, 14])
def test_matrices_that_no_scaler_knows_are_read_as_if_nothing_was_said(
    matrix: int, tmp_path: Path
) -> None:
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as clip:
        video = clip.add_stream("ffv1", rate=25)
        video.width, video.height, video.pix_fmt = 320, 240, "yuv420p"
        video.codec_context.colorspace = matrix
        picture = av.VideoFrame.from_ndarray(picture_of((320, 240)), format="bgr24")
        clip.mux(video.encode(picture))
        clip.mux(video.encode(None))
    frame = first_frame(path)
    assert np.abs(frame.network_input(side=96).astype(int) - 128).mean() < 70
    # BT.709 shifts colours by some shades.
    assert np.abs(frame.pixels.astype(int) - picture_of((320, 240))).mean() < 15


def test_pixels_that_were_asked_for_are_written_since_they_may_be_drawn_on(tmp_path: Path) -> None:
    path = write_av_clip(tmp_path / "clip.mp4", range(0, 400, 40))
    source = VideoSource(path)
    with open_sink(tmp_path / "out.mp4", source.info, None) as sink:
        for frame in source.frames():
            frame.pixels[:] = 255
            sink.write(frame)
    assert all(frame.pixels.min() > 240 for frame in VideoSource(tmp_path / "out.mp4").frames())


def test_framing() -> None:
    assert framed(300, 200, "centre") == Window(50, 0, 200, 200)
    assert framed(200, 301, "centre") == Window(0, 50, 200, 200)
    assert framed(300, 200, "squashed") == Window(0, 0, 300, 200)


def test_frames_that_are_written_as_pixels_wait_as_pixels(tmp_path: Path) -> None:
    path = write_pictures(tmp_path / "clip.mp4", [picture_of((640, 362))], "libx264")
    for as_pixels in (False, True):
        source = VideoSource(path, as_pixels=as_pixels)
        frame = next(source.frames())
        waiting = frame.to_wait()
        assert (waiting is frame) == (source.info.planes is not None) == (not as_pixels)
        np.testing.assert_array_equal(waiting.pixels, first_frame(path).pixels)
