"""How a clip asks a player to show its pictures: turned, mirrored, with pixels not square."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import cv2
import numpy as np
from av.sidedata.sidedata import SideData
from numpy.typing import NDArray


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

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Show a picture as the clip asks.

        Args:
            pixels: as stored, uint8, shape (height, width, 3).

        Returns:
            Upright, with square pixels, of the size that ``size`` says.
        """
        shown, size = self.turned(pixels), self.size(*pixels.shape[1::-1])
        if shown.shape[1::-1] != size:
            shown = np.asarray(cv2.resize(shown, size, interpolation=cv2.INTER_LINEAR), np.uint8)
        return shown

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
