"""Planes encoded as they are, and plates drawn on them."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from activity.media.clip import VideoSource
from activity.media.frame import PlaneFormat, PlanePainter, Plate, format_to_write
from activity.media.sink import open_sink
from tests.clips import write_pictures

SIZE = (320, 240)


def pictures(count: int) -> list[np.ndarray]:
    """Pictures that move, so that a decoder makes each from the one before it."""
    coarse = np.random.default_rng(0).integers(40, 216, (9, 24, 3), np.uint8)
    wide = cv2.resize(coarse, (640, 240), interpolation=cv2.INTER_CUBIC)
    return [np.ascontiguousarray(wide[:, 5 * number :][:, :320]) for number in range(count)]


def green(pixels: np.ndarray) -> None:
    pixels[:] = (30, 220, 40)


def darker(pixels: np.ndarray) -> None:
    cv2.convertScaleAbs(pixels, pixels, 0.3)


def write_tagged(path: Path, form: PlaneFormat) -> Path:
    with av.open(str(path), "w") as clip:
        video = clip.add_stream("libx264", rate=25, options={"crf": "10"})
        video.width, video.height = SIZE
        video.pix_fmt, context = form.name, video.codec_context
        context.colorspace, context.color_range = form.matrix, form.range
        context.color_primaries, context.color_trc = form.primaries, form.transfer
        for picture in pictures(4):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.colorspace, frame.color_range = form.matrix, form.range
            clip.mux(video.encode(frame))
        clip.mux(video.encode(None))
    return path


def write_with(plates: list[Plate], clip: Path, output: Path) -> list[np.ndarray]:
    source = VideoSource(clip)
    with open_sink(output, source.info, None) as sink:
        for frame in source.frames():
            sink.write(frame, plates)
    return [frame.pixels for frame in VideoSource(output).frames()]


@pytest.mark.parametrize(
    "form",
    [
        *[PlaneFormat("yuv420p", 1, 1, 1, 1), PlaneFormat("yuv420p", 6, 1, 6, 6)],
        *[PlaneFormat("yuvj420p", 5, 2, 5, 4), PlaneFormat("yuv420p", 9, 1, 9, 14)],
        PlaneFormat("yuv420p", 2, 0, 2, 2),
    ],
)
def test_colours_are_those_of_the_clip_and_said_to_be(form: PlaneFormat, tmp_path: Path) -> None:
    clip = write_tagged(tmp_path / "clip.mp4", form)
    assert VideoSource(clip).info.planes == form
    output = tmp_path / "out.mp4"
    written = write_with([Plate(41, 31, 99, 57, green)], clip, output)
    assert VideoSource(output).info.planes == form
    for pixels, picture in zip(written, pictures(4), strict=True):
        np.testing.assert_allclose(pixels[50, 80], (30, 220, 40), atol=8)
        assert cv2.PSNR(pixels[100:], picture[100:]) > 33


@pytest.mark.parametrize("place", [(0, 0, 320, 240), (41, 31, 99, 57), (20, 30, 4, 2)])
def test_a_plate_is_drawn_as_on_pixels_and_nothing_else_changes(
    place: tuple[int, int, int, int], tmp_path: Path
) -> None:
    clip = write_pictures(tmp_path / "clip.mp4", pictures(2), "libx264")
    plate, painter = Plate(*place, darker), PlanePainter()
    left, top, width, height = place
    for frame, plain in zip(VideoSource(clip).frames(), VideoSource(clip).frames(), strict=True):
        planes = frame.planes_to_write(VideoSource(clip).info.planes)
        before = plain.planes_to_write(VideoSource(clip).info.planes).to_ndarray()
        painter.draw(plate, planes)
        changed = np.flatnonzero((planes.to_ndarray() != before)[:240].any(axis=1))
        assert changed.min() >= top - 1
        assert changed.max() <= top + height
        expected = plain.pixels.copy()
        plate.draw(expected)
        inside = (slice(top, top + height), slice(left, left + width))
        assert np.abs(frame.pixels[inside].astype(int) - expected[inside]).mean() < 3


def test_what_is_drawn_does_not_show_in_the_pictures_after_it(tmp_path: Path) -> None:
    # Each picture comes back eight later, and is then made from the first.
    far_back = {"x264-params": "ref=16:bframes=0:scenecut=0"}
    random = np.random.default_rng(0)
    noise = [random.integers(0, 255, (64, 96, 3), np.uint8) for _ in range(8)]
    clip = write_pictures(tmp_path / "clip.mp4", noise * 3, "libx264", options=far_back)
    form, painter = VideoSource(clip).info.planes, PlanePainter()
    untouched = [frame.pixels for frame in VideoSource(clip).frames()]
    for frame, expected in zip(VideoSource(clip).frames(), untouched, strict=True):
        planes = frame.planes_to_write(form)
        decoded = planes.to_ndarray(format="bgr24", interpolation="BICUBIC")
        np.testing.assert_array_equal(decoded, expected)
        painter.draw(Plate(0, 0, 96, 64, green), planes)


@pytest.mark.parametrize(
    ("size", "pix_fmt"), [((321, 240), "yuv444p"), ((320, 240), "yuv422p"), ((320, 240), "rgb24")]
)
def test_other_planes_are_written_as_pixels(
    size: tuple[int, int], pix_fmt: str, tmp_path: Path
) -> None:
    picture = cv2.resize(pictures(1)[0], size)
    codec = "libx264rgb" if pix_fmt == "rgb24" else "libx264"
    clip = write_pictures(tmp_path / "clip.mkv", [picture] * 3, codec, pix_fmt=pix_fmt)
    assert VideoSource(clip).info.planes is None
    written = write_with([Plate(40, 30, 100, 60, green)], clip, tmp_path / "out.mp4")
    for pixels in written:
        np.testing.assert_allclose(pixels[50, 80], (30, 220, 40), atol=8)
        assert cv2.PSNR(pixels[100:, : size[0]], picture[100:]) > 30


def test_planes_that_change_midway_are_written_in_the_colours_that_were_said(
    tmp_path: Path,
) -> None:
    parts = [
        write_pictures(tmp_path / f"{name}.ts", pictures(5), "libx264", pix_fmt=name)
        for name in ("yuv420p", "yuvj420p")
    ]
    clip = tmp_path / "both.ts"
    clip.write_bytes(b"".join(part.read_bytes() for part in parts))
    written = write_with([], clip, tmp_path / "out.mp4")
    for pixels, picture in zip(written, pictures(5) * 2, strict=True):
        assert cv2.PSNR(pixels, picture) > 28


def test_odd_sizes_are_not_written_as_they_are() -> None:
    assert format_to_write(av.VideoFrame(64, 48, "yuv420p")) is not None
    assert format_to_write(av.VideoFrame(63, 48, "yuv420p")) is None
    assert format_to_write(av.VideoFrame(64, 48, "yuv420p10le")) is None
