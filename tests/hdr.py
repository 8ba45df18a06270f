"""HDR pictures and clips of what an ordinary screen can show, made by the formulas of BT.2100."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tests.clips import share_the_cores

TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
TO_P3 = np.array([[0.8225, 0.1774, 0.0], [0.0332, 0.9669, 0.0], [0.0171, 0.0724, 0.9108]])
LUMA = {9: np.array([0.2627, 0.6780, 0.0593]), 1: np.array([0.2126, 0.7152, 0.0722])}
PQ, HLG = 16, 18


def pq(light: np.ndarray) -> np.ndarray:
    """Levels of light; 1 is paper white."""
    power = (light * 203 / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(light: np.ndarray, luma: np.ndarray = LUMA[9]) -> np.ndarray:
    """Levels of light on a screen of 1,000 cd/m2; 1 is paper white."""
    shown = light * 203 / 1000
    brightness = np.maximum(shown @ luma, 1e-6)[..., None]
    scene_light = shown * brightness ** (1 / 1.2 - 1)
    bright = 0.17883277 * np.log(np.maximum(12 * scene_light - 0.28466892, 1e-6)) + 0.55991073
    return np.where(scene_light <= 1 / 12, np.sqrt(3 * scene_light), bright)


def hdr_levels(light: np.ndarray, transfer: int, primaries: int = 9) -> np.ndarray:
    """Levels of red, green and blue of light in BT.709, in the last axis; 1 is paper white."""
    matrix = {9: TO_BT2020, 12: TO_P3, 1: np.eye(3)}[primaries]
    light = np.maximum(light @ matrix.T, 0)
    return pq(light) if transfer == PQ else hlg(light, LUMA[9 if primaries == 9 else 1])


def hdr_samples(levels: np.ndarray, matrix: int = 9) -> np.ndarray:
    """Brightness, blue and red of 10 bits, in the last axis, of levels of red, green and blue."""
    of_red, _, of_blue = LUMA[matrix]
    brightness = levels @ LUMA[matrix]
    blue = (levels[..., 2] - brightness) / (2 * (1 - of_blue))
    red = (levels[..., 0] - brightness) / (2 * (1 - of_red))
    return np.stack([64 + 876 * brightness, 512 + 896 * blue, 512 + 896 * red], axis=-1)


def hdr_picture(
    pixels: np.ndarray, transfer: int, *, primaries: int = 9, matrix: int = 9
) -> av.VideoFrame:
    """A BGR picture, as a screen of BT.709 shows it, in HDR: 4:4:4 of 10 bits."""
    levels = hdr_levels((pixels[:, :, ::-1] / 255) ** 2.4, transfer, primaries)
    samples = np.rint(hdr_samples(levels, matrix)).astype(np.uint16)
    picture = av.VideoFrame(pixels.shape[1], pixels.shape[0], "yuv444p10le")
    for plane, values in zip(picture.planes, np.moveaxis(samples, -1, 0), strict=True):
        shared = np.frombuffer(plane, np.uint16).reshape(plane.height, -1)
        shared[:, : plane.width] = values
    picture.colorspace, picture.color_range = matrix, 1
    return picture


def write_hdr(
    path: Path,
    pictures: Sequence[np.ndarray],
    transfer: int,
    *,
    codec: str = "libx265",
    pix_fmt: str = "yuv420p10le",
    primaries: int = 9,
    matrix: int = 9,
    says_matrix: int | None = None,
    full_range: bool = False,
    rotation: int = 0,
    options: dict[str, str] | None = None,
) -> Path:
    """Write BGR pictures, as a screen of BT.709 shows them, as an HDR clip of 25 frames/s.

    Args:
        says_matrix: what the clip says its matrix is, if that is not what it is.
    """
    # With B-frames, libx265 gives a clip of two or three frames times that no .mp4 holds.
    options = options or {"crf": "6", "x265-params": "log-level=none:bframes=0"}
    with av.open(str(path), "w") as clip:
        video = clip.add_stream(codec, rate=25, options=options)
        video.height, video.width = pictures[0].shape[:2]
        video.pix_fmt, context = pix_fmt, video.codec_context
        context.color_primaries, context.color_trc = primaries, transfer
        context.colorspace = matrix if says_matrix is None else says_matrix
        context.color_range = 2 if full_range else 1
        if rotation:
            video.set_display_rotation(rotation)
        for number, pixels in enumerate(pictures):
            picture = hdr_picture(pixels, transfer, primaries=primaries, matrix=matrix)
            picture = picture.reformat(
                format=pix_fmt,
                interpolation="AREA",
                dst_color_range=2 if full_range else 1,
            )
            picture.pts, picture.time_base = number, Fraction(1, 25)
            clip.mux(video.encode(picture))
        clip.mux(video.encode(None))
    share_the_cores()
    return path
