"""The planes of decoded frames: how they hold colours, and what is drawn on them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import av
import numpy as np
from av.filter import Graph
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

ROUNDED = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP
"""How pixels become planes, and planes become pixels to be drawn on. By default FFmpeg rounds down,
which is faster: what is converted becomes a little darker, and greener."""

# Eight bits, and colour at half the resolution, with video's and with the full range.
_DRAWN_ON = ("yuv420p", "yuvj420p")


class PlaneFormat(NamedTuple):
    """How planes hold colours: FFmpeg's name of the format, and its numbers of what it leaves open.

    Planes of one format can be encoded one after the other as they are.
    """

    name: str
    matrix: int
    range: int
    primaries: int
    transfer: int


@dataclass(frozen=True)
class Plate:
    """A rectangle of a frame, and what is drawn in it.

    Attributes:
        left: first column, in pixels.
        top: first row.
        width: at least 1; the plate lies inside the frame.
        height: likewise.
        paint: draws in place on the pixels of the rectangle: BGR, uint8, shape (height, width, 3).
    """

    left: int
    top: int
    width: int
    height: int
    paint: Callable[[NDArray[np.uint8]], None]

    def draw(self, pixels: NDArray[np.uint8]) -> None:
        """Draw it on a whole frame: BGR, uint8, shape (height, width, 3)."""
        self.paint(pixels[self.top : self.top + self.height, self.left : self.left + self.width])


def format_to_write(planes: av.VideoFrame) -> PlaneFormat | None:
    """Say how planes hold colours; None if they cannot be drawn on and encoded as they are."""
    if planes.format.name not in _DRAWN_ON or planes.width % 2 or planes.height % 2:
        return None
    # Lines from the bottom up.
    if any(plane.line_size < 0 for plane in planes.planes):
        return None
    numbers = (planes.colorspace, planes.color_range, planes.color_primaries, planes.color_trc)
    return PlaneFormat(planes.format.name, *map(int, numbers))


def shape_of(planes: av.VideoFrame) -> tuple[object, ...]:
    """Say what planes must have in common to go through one filter."""
    form = (planes.width, planes.height, planes.format.name)
    return *form, planes.colorspace, planes.color_range


def filter_for(planes: av.VideoFrame, name: str, arguments: str) -> Graph:
    """Open one of FFmpeg's filters for planes of this shape, to be pushed and pulled."""
    graph = Graph()
    source = graph.add(
        "buffer",
        video_size=f"{planes.width}x{planes.height}",
        pix_fmt=planes.format.name,
        time_base="1/1",
        colorspace=str(int(planes.colorspace)),
        range=str(int(planes.color_range)),
    )
    graph.link_nodes(source, graph.add(name, arguments), graph.add("buffersink")).configure()
    return graph


class PlanePainter:
    """Draws plates on planes; to be used by one thread at a time."""

    def __init__(self) -> None:
        self._to_bgr, self._to_planes = VideoReformatter(), VideoReformatter()

    def draw(self, plate: Plate, planes: av.VideoFrame) -> None:
        """Draw a plate on planes that ``format_to_write`` knows; the rest of them stays as it is.

        Planes that a decoder still needs are copied first.
        """
        planes.make_writable()
        # A sample of colour belongs to two columns and two rows.
        left, top = plate.left // 2 * 2, plate.top // 2 * 2
        width = -((left - plate.left - plate.width) // 2) * 2
        height = -((top - plate.top - plate.height) // 2) * 2
        region = [
            samples[top // step :, left // step :][: height // step, : width // step]
            for samples, step in zip(_samples(planes), (1, 2, 2), strict=True)
        ]
        under = av.VideoFrame(width, height, planes.format.name)
        for samples, part in zip(_samples(under), region, strict=True):
            samples[:] = part
        _keep_colours(under, planes)
        bgr = self._to_bgr.reformat(under, format="bgr24", interpolation=ROUNDED, threads=1)
        pixels = np.asarray(bgr.to_ndarray(), np.uint8)
        replace(plate, left=plate.left - left, top=plate.top - top).draw(pixels)
        painted = av.VideoFrame.from_ndarray(pixels, format="bgr24")
        _keep_colours(painted, planes)
        painted = self._to_planes.reformat(
            painted, format=planes.format.name, interpolation=ROUNDED, threads=1
        )
        for samples, part in zip(_samples(painted), region, strict=True):
            part[:] = samples


def _keep_colours(frame: av.VideoFrame, of: av.VideoFrame) -> None:
    frame.colorspace, frame.color_range = of.colorspace, of.color_range


def _samples(planes: av.VideoFrame) -> list[NDArray[np.uint8]]:
    """Show each plane as an array that shares its memory, shape (height, width)."""
    return [
        # PyAV's stubs do not say that a plane is a buffer.
        np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[  # type: ignore[call-overload]
            :, : plane.width
        ]
        for plane in planes.planes
    ]
