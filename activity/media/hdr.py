"""HDR pictures as an ordinary screen shows them: what is brighter than paper white is white.

PQ and HLG are those of ITU-R BT.2100, of a screen of 1,000 cd/m2; paper white is that of ITU-R
BT.2408, 203 cd/m2. The numbers of primaries and transfers are those of ITU-T H.273.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import av
import cv2
import numpy as np
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)
from numpy.typing import NDArray

BT709, BT2020, P3, _UNSPECIFIED = 1, 9, 12, 2
PQ, HLG = 16, 18

_TO_BT709 = {
    BT2020: np.array(
        [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
        np.float32,
    ),
    P3: np.array(
        [[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]], np.float32
    ),
}
# How much red, green and blue add to brightness.
_LUMA_BT709 = np.array([0.2126, 0.7152, 0.0722], np.float32)
_LUMA_BT2020 = np.array([0.2627, 0.6780, 0.0593], np.float32)

_PAPER_WHITE, _HLG_SCREEN = 203, 1000  # cd/m2


def light_of(levels: NDArray[np.floating[Any]], transfer: int) -> NDArray[np.floating[Any]]:
    """Return the light that levels of PQ or HLG stand for.

    Args:
        levels: 0 to 1, any shape.
        transfer: ``PQ`` or ``HLG``.

    Returns:
        Of PQ, the light of the screen; 1 is paper white. Of HLG, that of the scene, 0 to 1.
    """
    if transfer == PQ:
        power = levels ** (1 / 78.84375)
        light = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
        return np.asarray(light ** (1 / 0.1593017578125) * (10_000 / _PAPER_WHITE))
    bright = (np.exp((levels - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return np.where(levels <= 0.5, levels**2 / 3, bright)


def shown_light(
    light: NDArray[np.floating[Any]], transfer: int, primaries: int
) -> NDArray[np.floating[Any]]:
    """Return what an ordinary screen shows of some light.

    Args:
        light: red, green and blue in the last axis, as ``light_of`` returns them.
        transfer: ``PQ``, ``HLG``, or any other, of which 1 is white already.
        primaries: of the light; those that are not known here are taken for BT.709.

    Returns:
        In BT.709, 0 to 1, of the same shape.
    """
    if transfer == HLG:  # scene to screen
        luma = light @ (_LUMA_BT2020 if primaries == BT2020 else _LUMA_BT709)
        light = light * (luma[..., None] ** 0.2 * (_HLG_SCREEN / _PAPER_WHITE))
    if primaries in _TO_BT709:
        light = light @ _TO_BT709[primaries].T
    return np.clip(light, 0, 1)


# What becomes what is looked up: brightness of 10 bits in 64 steps, and both colours at 129 points,
# between which OpenCV interpolates. Fewer points are further from the truth with strong colours.
_BITS_OF_STEP, _BITS_BETWEEN = 4, 3
_STEPS, _POINTS = 1024 >> _BITS_OF_STEP, (1024 >> _BITS_BETWEEN) + 1

# Is added to differences of brightness, so that they fit in a byte.
_OFFSET = 195

# Levels of red, green and blue of which the light is computed.
_FINE = 2**14

_ROWS = 64

_SCALED = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP


def in_sdr(planes: av.VideoFrame, scaler: VideoReformatter) -> av.VideoFrame:
    """Convert a picture of PQ or HLG to BT.709, in 8 bits; any other is returned as it is.

    Args:
        planes: the picture; it stays as it is.
        scaler: makes 4:2:0 of 10 bits of what is stored in another way.
    """
    transfer = int(planes.color_trc)
    if transfer not in (PQ, HLG):
        return planes
    known = int(planes.color_primaries)
    table = _table(transfer, known if known in (BT709, P3) else BT2020)
    deep = _as_usual(planes, scaler)
    brightness, blue, red = samples(deep)
    shown = av.VideoFrame(deep.width, deep.height, "yuv420p")
    shown.colorspace, shown.color_range = Colorspace.ITU709, ColorRange.MPEG
    shown.color_primaries, shown.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    shown_brightness, shown_blue, shown_red = samples(shown)

    # Colours have half the resolution, and so has what they do to the brightness.
    difference = np.empty(blue.shape, np.uint8)
    rest, to_32 = (1 << _BITS_BETWEEN) - 1, 5 - _BITS_BETWEEN
    for rows in _bands(len(blue)):
        some_blue, some_red = blue[rows], red[rows]
        under = brightness[2 * rows.start : 2 * rows.stop]
        smaller = cv2.resize(under, some_blue.shape[::-1], interpolation=cv2.INTER_AREA)
        step = np.asarray(smaller, np.uint16) >> _BITS_OF_STEP
        row = step * np.uint16(_POINTS) + (some_red >> _BITS_BETWEEN)
        place = np.asarray(cv2.merge([some_blue >> _BITS_BETWEEN, row])).view(np.int16)
        # OpenCV's own way to say where between four points: 32 steps, those across first.
        between = ((some_red & rest) << (to_32 + 5)) + ((some_blue & rest) << to_32)
        found = cv2.remap(table.colours, place, between, cv2.INTER_LINEAR)
        difference[rows], shown_blue[rows], shown_red[rows] = cv2.split(found)
    whole = cv2.resize(difference, brightness.shape[::-1], interpolation=cv2.INTER_LINEAR)
    for rows in _bands(len(brightness)):
        # "clip" is the quick way; no sample has more than 10 bits.
        grey = np.take(table.grey, brightness[rows], mode="clip")
        shown_brightness[rows] = cv2.addWeighted(grey, 1, whole[rows], 1, -_OFFSET)
    return shown


def _bands(height: int) -> Iterator[slice]:
    """Yield few rows at a time, so that what is made of them stays in the processor's cache."""
    for top in range(0, height, _ROWS):
        yield slice(top, top + _ROWS)


def samples(planes: av.VideoFrame) -> list[NDArray[Any]]:
    """Show each plane as an array that shares its memory.

    Returns:
        Shape (height, width) of each plane; uint8, or uint16 where there are more than 8 bits.
    """
    kind = np.dtype(np.uint16 if planes.format.components[0].bits > 8 else np.uint8)
    return [
        # PyAV's stubs do not say that a plane is a buffer.
        np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // kind.itemsize)[  # type: ignore[call-overload]
            :, : plane.width
        ]
        for plane in planes.planes
    ]


def _as_usual(planes: av.VideoFrame, scaler: VideoReformatter) -> av.VideoFrame:
    """Return a picture as phones store HDR: 4:2:0, 10 bits, video's range, BT.2020's matrix."""
    says_other = planes.colorspace not in (BT2020, _UNSPECIFIED)
    is_usual = planes.format.name == "yuv420p10le" and planes.color_range != ColorRange.JPEG
    if is_usual and not says_other:
        return planes
    return scaler.reformat(
        planes,
        format="yuv420p10le",
        src_colorspace=planes.colorspace if says_other else Colorspace.BT2020,
        dst_colorspace=Colorspace.BT2020,
        dst_color_range=ColorRange.MPEG,
        interpolation=_SCALED,
        threads=1,
    )


class _Table(NamedTuple):
    """What samples become.

    Attributes:
        grey: brightness where there is no colour, by brightness: uint8, shape (1024,).
        colours: uint8, shape (steps of brightness * points of red, points of blue, 3): what is to
            be added to that brightness, plus ``_OFFSET``; blue; red.
    """

    grey: NDArray[np.uint8]
    colours: NDArray[np.uint8]


@lru_cache
def _table(transfer: int, primaries: int) -> _Table:
    light = light_of(np.linspace(0, 1, _FINE, dtype=np.float32), transfer)

    def converted(deep: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
        levels = np.rint(_rgb_of(deep) * (_FINE - 1)).astype(np.int32)
        return _samples_of(shown_light(light[levels], transfer, primaries))

    levels, grey = np.arange(1024, dtype=np.float32), np.full(1024, 512, np.float32)
    neutral = converted(np.stack([levels, grey, grey], axis=-1))[:, 0]
    size = 1 << _BITS_OF_STEP
    steps = np.arange(_STEPS, dtype=np.float32) * size + (size - 1) / 2
    points = np.arange(_POINTS, dtype=np.float32) * (1 << _BITS_BETWEEN)
    brightness, red, blue = np.meshgrid(steps, points, points, indexing="ij")
    colours = converted(np.stack([brightness, blue, red], axis=-1))
    colours[..., 0] += _OFFSET - np.interp(steps, levels, neutral).astype(np.float32)[:, None, None]
    colours = np.rint(np.clip(colours, 0, 255)).reshape(_STEPS * _POINTS, _POINTS, 3)
    return _Table(np.rint(neutral).astype(np.uint8), colours.astype(np.uint8))


def _rgb_of(samples: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
    """Return levels of red, green and blue, 0 to 1, of samples of 10 bits in BT.2020's matrix."""
    of_red, of_green, of_blue = _LUMA_BT2020
    brightness = (samples[..., 0] - 64) / 876
    red = brightness + 2 * (1 - of_red) * (samples[..., 2] - 512) / 896
    blue = brightness + 2 * (1 - of_blue) * (samples[..., 1] - 512) / 896
    green = (brightness - of_red * red - of_blue * blue) / of_green
    return np.clip(np.stack([red, green, blue], axis=-1), 0, 1)


def _samples_of(light: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return samples of 8 bits in BT.709 of light, 0 to 1: what a screen turns into that light."""
    rgb = light ** (1 / 2.4)  # ITU-R BT.1886
    brightness = rgb @ _LUMA_BT709
    of_red, _, of_blue = _LUMA_BT709
    blue = (rgb[..., 2] - brightness) / (2 * (1 - of_blue))
    red = (rgb[..., 0] - brightness) / (2 * (1 - of_red))
    return np.stack([16 + 219 * brightness, 128 + 224 * blue, 128 + 224 * red], axis=-1)
