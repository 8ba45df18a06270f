"""Frames: of pixels, or of a decoder's planes, which become pixels only where they are needed."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal, NamedTuple, cast

import av
import cv2
import numpy as np
from av.filter import Graph
from av.sidedata.sidedata import SideData
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from activity.media.hdr import in_sdr, samples

INPUT_SIZE = 224
"""Width and height in pixels of what most networks see."""

Framing = Literal["centre", "squashed"]
"""How an image becomes that square: its centre is taken, or its longer side shrunk more."""


@dataclass(frozen=True)
class Layout:
    """What is to be done with a picture as it is stored, in this order.

    Attributes:
        transposed: whether rows become columns.
        mirrored: whether left and right change places then.
        flipped: whether top and bottom change places.
        aspect: width of a stored pixel by its height.
    """

    transposed: bool
    mirrored: bool
    flipped: bool
    aspect: Fraction

    @property
    def as_stored(self) -> bool:
        """Whether pictures are shown just as they are stored."""
        return self == Layout(False, False, False, Fraction(1))

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height in pixels that a picture of this size is shown in."""
        # The side that is too short is enlarged: nothing is lost.
        if self.aspect > 1:
            width = math.ceil(width * self.aspect)
        else:
            height = math.ceil(height / self.aspect)
        return (height, width) if self.transposed else (width, height)

    def stored(self, window: "Window", shown: tuple[int, int], width: int, height: int) -> "Window":
        """Find where a part of what is shown lies in a picture as it is stored: a pixel at least.

        Args:
            window: the part.
            shown: width and height of what is shown, in pixels.
            width: of the stored picture.
            height: likewise.
        """
        across, down = (height, width) if self.transposed else (width, height)
        left = min(round(window.left * across / shown[0]), across - 1)
        top = min(round(window.top * down / shown[1]), down - 1)
        right = max(round(window.right * across / shown[0]), left + 1)
        bottom = max(round(window.bottom * down / shown[1]), top + 1)
        if self.mirrored:
            left, right = across - right, across - left
        if self.flipped:
            top, bottom = down - bottom, down - top
        if self.transposed:
            left, top, right, bottom = top, left, bottom, right
        return Window(left, top, right - left, bottom - top)

    def turned(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn and mirror a picture as the clip asks, and leave the shape of its pixels.

        Args:
            pixels: as stored, uint8, shape (height, width, 3).

        Returns:
            Upright, shape (height, width, 3), or (width, height, 3) if it is ``transposed``.
        """
        shown: cv2.typing.MatLike = pixels
        if self.transposed:
            shown = cv2.transpose(shown)
        if self.mirrored or self.flipped:
            both = self.mirrored and self.flipped
            shown = cv2.flip(shown, -1 if both else int(self.mirrored))
        return np.asarray(shown, np.uint8)


def layout_of(planes: av.VideoFrame, aspect: Fraction | None) -> Layout:
    """Read how a picture is to be shown.

    A turn by anything else than right angles is rounded to one.

    Args:
        planes: the picture, with what the clip says of it.
        aspect: width of a pixel by its height, as the clip says; what cannot be true is ignored.
    """
    if aspect is None or not 0.1 < aspect < 10:
        aspect = Fraction(1)
    matrix = planes.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return Layout(False, False, False, aspect)
    # A point (x, y) is shown at (a x + c y, b x + d y).
    a, b, _, c, d, *_ = np.frombuffer(bytes(cast(SideData, matrix)), np.int32).tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Layout(False, a < 0, d < 0, aspect)
    return Layout(True, c < 0, b < 0, aspect)


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


IN_SDR = PlaneFormat("yuv420p", 1, 1, 1, 1)
"""What HDR is written as: BT.709."""


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
            whole[top // step :, left // step :][: height // step, : width // step]
            for whole, step in zip(samples(planes), (1, 2, 2), strict=True)
        ]
        under = av.VideoFrame(width, height, planes.format.name)
        for copied, part in zip(samples(under), region, strict=True):
            copied[:] = part
        _keep_colours(under, planes)
        bgr = self._to_bgr.reformat(under, format="bgr24", interpolation=ROUNDED, threads=1)
        pixels = np.asarray(bgr.to_ndarray(), np.uint8)
        replace(plate, left=plate.left - left, top=plate.top - top).draw(pixels)
        painted = av.VideoFrame.from_ndarray(pixels, format="bgr24")
        _keep_colours(painted, planes)
        painted = self._to_planes.reformat(
            painted, format=planes.format.name, interpolation=ROUNDED, threads=1
        )
        for part, drawn in zip(region, samples(painted), strict=True):
            part[:] = drawn


def _keep_colours(frame: av.VideoFrame, of: av.VideoFrame) -> None:
    frame.colorspace, frame.color_range = of.colorspace, of.color_range


FPS_WHERE_UNKNOWN = 30.0


@dataclass(frozen=True)
class VideoInfo:
    """What a source says of itself: frame size in pixels, frames per second, number of frames.

    Size and rate are those of the frames that come out of it. The number of frames is 0 where
    the source does not say, and may be wrong where it does. ``planes`` says how the frames are
    stored, where they can be written as they are stored, and, of HDR, as what they are written;
    else it is None.
    """

    width: int
    height: int
    fps: float
    frame_count: int
    planes: PlaneFormat | None = None


def plausible_fps(*claimed: float) -> float:
    """Return the first rate that can be true; 30 where a source claims none or nonsense."""
    return next((fps for fps in claimed if 0 < fps <= 1000), FPS_WHERE_UNKNOWN)


class Window(NamedTuple):
    """A rectangle of an image, in pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column behind it."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """The first row below it."""
        return self.top + self.height

    def of(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Show the rectangle of an image, shape (height, width, ...), without a copy."""
        return pixels[self.top : self.bottom, self.left : self.right]


NO_PIXELS = np.empty((0, 0, 3), np.uint8)
"""Stands for pixels that have not been made yet, or that nobody needs."""

# Area averaging, like OpenCV's INTER_AREA, with chroma of the full width and no rounding down:
# within half a brightness of 255 of the exact mean.
_AVERAGED = Interpolation.AREA | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND

# Planes are scaled as a whole; where a window is a smaller part of them, its pixels are.
_MOST_AROUND_WINDOW = 4


class Frame:
    """A frame of a clip or a camera; or a photo.

    Attributes:
        seconds: when it is shown, by the clock of a player: 0 is where the clip starts, be it with
            a picture or with sound. Of a live source, 0 is its first frame.
        duration: for how many seconds; 0 where nobody knows yet.
    """

    def __init__(
        self, pixels: NDArray[np.uint8], seconds: float = 0.0, duration: float = 0.0
    ) -> None:
        self._pixels = pixels
        self.seconds, self.duration = seconds, duration

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """BGR, uint8, shape (height, width, 3); what is drawn on them is drawn on the frame."""
        return self._pixels

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = self.pixels.shape[:2]
        return width, height

    def planes_to_write(self, form: PlaneFormat | None) -> av.VideoFrame | None:
        """Return the planes, to be drawn on and encoded in place of the pixels.

        Returns:
            None if they are not of this format, or do not show the frame as its pixels do,
            which somebody who has asked for them may have drawn on.
        """
        return None

    def to_wait(self) -> "Frame":
        """Return the frame as it is best kept until it is written.

        What has to become pixels does so now, in the thread that reads; and no frame takes more
        memory than others of its size.
        """
        return self

    def network_input(
        self, framing: Framing = "centre", side: int = INPUT_SIZE
    ) -> NDArray[np.uint8]:
        """Turn the photo or frame into what the network sees.

        A frame is wider than most photos. Squashed, people in it are thinner than in the photos the
        network has learned from; docs/recipe.md says what that costs on real clips.

        Args:
            framing: ``"centre"`` takes the square in the middle; ``"squashed"`` takes all of the
                image and does not keep its aspect ratio, as the source tutorial does.
            side: width and height of the network's input in pixels.

        Returns:
            RGB, uint8, shape (side, side, 3).
        """
        return self.window(framed(*self.size, framing), side)

    def window(self, window: Window, side: int) -> NDArray[np.uint8]:
        """Scale a part of the frame to a square.

        Returns:
            RGB, uint8, shape (side, side, 3).
        """
        shrinking = min(window.width, window.height) >= side
        # INTER_AREA averages the pixels that become one: other methods skip some and alias.
        method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
        resized = cv2.resize(window.of(self.pixels), (side, side), interpolation=method)
        return np.asarray(cv2.cvtColor(resized, cv2.COLOR_BGR2RGB), np.uint8)

    def part(self, part: "Part") -> "Frame":
        """Return a part of the frame as a frame of its own, which shares its pixels."""
        return Frame(part.window.of(self.pixels), self.seconds, self.duration)


class Scalers(threading.local):
    """Those of a clip's frames; each thread has its own."""

    def __init__(self) -> None:
        self.to_pixels, self.to_input = VideoReformatter(), VideoReformatter()
        self.to_sdr = VideoReformatter()


class PlaneCrop(threading.local):
    """Cuts the margins off planes, without copying what is left; each thread has its own."""

    def __init__(self) -> None:
        self._for: object = None
        self._filter: Graph | None = None

    def __call__(self, planes: av.VideoFrame, kept: Window) -> av.VideoFrame:
        """Return a rectangle of a picture as it is stored.

        It begins with a whole sample of colour, a few columns further left if need be, where these
        take several bytes (more than 8 bits; both colours side by side, as in NV12): FFmpeg would
        begin in the middle of one, and show other colours.
        """
        form = planes.format
        if form.components[0].bits > 8 or form.name.startswith("nv"):
            across = 8 // form.chroma_width(8)
            kept = kept._replace(left=kept.left // across * across)
        shape = (kept, *shape_of(planes))
        if self._filter is None or self._for != shape:
            rectangle = f"{kept.width}:{kept.height}:{kept.left}:{kept.top}:exact=1"
            self._filter, self._for = filter_for(planes, "crop", rectangle), shape
        self._filter.push(planes)
        return self._filter.vpull()


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


@dataclass(frozen=True)
class Part:
    """A rectangle of all frames of a clip, as they are shown, and what cuts and scales it."""

    window: Window
    crop: PlaneCrop = field(default_factory=PlaneCrop)
    scalers: Scalers = field(default_factory=Scalers)


@dataclass(frozen=True)
class Showing:
    """How a clip's frames are shown.

    Attributes:
        layout: what is to be done with the decoded pictures.
        width: width of every frame, in pixels.
        height: likewise.
        planes: how frames are written as planes; None if they are written as pixels.
        scalers: scalers of the clip.
    """

    layout: Layout
    width: int
    height: int
    planes: PlaneFormat | None = None
    scalers: Scalers = field(default_factory=Scalers)


class DecodedFrame(Frame):
    """A frame of a clip, held as the decoder's planes until its pixels are asked for."""

    def __init__(
        self, planes: av.VideoFrame, showing: Showing, seconds: float, duration: float
    ) -> None:
        super().__init__(NO_PIXELS, seconds, duration)
        self._decoded, self._showing = planes, showing

    @property
    def _planes(self) -> av.VideoFrame:
        """The decoder's; those of HDR as an ordinary screen shows them, from when they are used."""
        self._decoded = in_sdr(self._decoded, self._showing.scalers.to_sdr)
        return self._decoded

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """As of any frame; they are made when they are first asked for, and kept."""
        if self._pixels is NO_PIXELS:
            self._pixels = self._converted()
        return self._pixels

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._showing.width, self._showing.height

    def planes_to_write(self, form: PlaneFormat | None) -> av.VideoFrame | None:
        """Return the planes, as ``Frame.planes_to_write`` says."""
        planes = self._planes
        fits = self._showing.layout.as_stored and (planes.width, planes.height) == self.size
        if self._pixels is not NO_PIXELS or form is None or not fits:
            return None
        return planes if format_to_write(planes) == form else None

    def to_wait(self) -> Frame:
        """Return the frame, as ``Frame.to_wait`` says."""
        # The size of the pictures may have grown midway.
        has_grown = self._decoded.width * self._decoded.height > self.size[0] * self.size[1]
        if self._showing.planes is None or has_grown:
            return Frame(self.pixels, self.seconds, self.duration)
        return self

    def window(self, window: Window, side: int) -> NDArray[np.uint8]:
        """Scale a part of the frame to a square, from its planes where the part is large.

        Returns:
            RGB, uint8, shape (side, side, 3).
        """
        # The whole frame is scaled, so that the part gets this size.
        width = round(self._showing.width * side / window.width)
        height = round(self._showing.height * side / window.height)
        enlarged = window.width < side or window.height < side
        if enlarged or max(width, height) > _MOST_AROUND_WINDOW * side:
            return super().window(window, side)
        layout = self._showing.layout
        stored = (height, width) if layout.transposed else (width, height)
        small = self._showing.scalers.to_input.reformat(
            self._planes, *stored, format="rgb24", interpolation=_AVERAGED, threads=1
        )
        pixels = layout.turned(np.asarray(small.to_ndarray(), np.uint8))
        left = min(round(window.left * width / self._showing.width), width - side)
        top = min(round(window.top * height / self._showing.height), height - side)
        return np.ascontiguousarray(pixels[top : top + side, left : left + side])

    def part(self, part: Part) -> Frame:
        """Return a part of the frame as a frame of its own, cut out of the planes."""
        if self._pixels is not NO_PIXELS:
            return super().part(part)
        layout = self._showing.layout
        kept = layout.stored(part.window, self.size, self._planes.width, self._planes.height)
        width, height = part.window[2:]
        showing = Showing(layout, width, height, scalers=part.scalers)
        return DecodedFrame(part.crop(self._planes, kept), showing, self.seconds, self.duration)

    def _converted(self) -> NDArray[np.uint8]:
        # A picture that is stored as BGR would not be converted but shared with the decoder, which
        # may need it for the next one, while others draw on it.
        stored_as_bgr = self._planes.format.name == "bgr24"
        form = "rgb24" if stored_as_bgr else "bgr24"
        converted = self._showing.scalers.to_pixels.reformat(
            self._planes, format=form, interpolation=Interpolation.BICUBIC, threads=1
        )
        pixels = np.asarray(converted.to_ndarray(), np.uint8)
        if stored_as_bgr:
            pixels = np.ascontiguousarray(pixels[:, :, ::-1])
        layout = self._showing.layout
        size = layout.size(*pixels.shape[1::-1])
        shown: cv2.typing.MatLike = layout.turned(pixels)
        if shown.shape[1::-1] != size:  # stored pixels are not square
            shown = cv2.resize(shown, size, interpolation=cv2.INTER_LINEAR)
        if size != self.size:  # the first picture had another
            shown = cv2.resize(shown, self.size, interpolation=cv2.INTER_AREA)
        return np.asarray(shown, np.uint8)


def framed(width: int, height: int, framing: Framing) -> Window:
    """Return what the network sees of an image of this size."""
    if framing == "squashed":
        return Window(0, 0, width, height)
    side = min(width, height)
    return Window((width - side) // 2, (height - side) // 2, side, side)
