"""Regions: named parts of a clip's frames, each labelled as if it was a clip of its own."""

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from activity.common.errors import UserError
from activity.media.frame import Window

SMALLEST_SIDE = 16
"""Of a region, in pixels: what is smaller shows a network nothing."""

_LONGEST_NAME = 50  # characters: it becomes a part of file names

# What no file system has in names, and what separates a region's name from others.
_NOT_IN_NAMES = re.compile(r'[\\/:*?"<>|=,\x00-\x1f\x7f]')

# Whole, a decimal, or a fraction such as 1/3.
_NUMBER = re.compile(r"-?([0-9]{1,6}(\.[0-9]{0,9}|/[1-9][0-9]{0,5})?|\.[0-9]{1,9})")


class Region(NamedTuple):
    """A named rectangle of the frames of clips, in pixels or in shares of a frame.

    Attributes:
        name: what results call it.
        left: where it begins, from the left of the frame as it is shown.
        top: likewise, from the top.
        width: at most 1 where the rectangle is given in shares, from 0 to 1, of the frame.
        height: likewise.
    """

    name: str
    left: Fraction
    top: Fraction
    width: Fraction
    height: Fraction

    def __str__(self) -> str:
        places = (f"{float(number):.6f}".rstrip("0").rstrip(".") for number in self[1:])
        return f"{self.name}={','.join(places)}"

    @property
    def place(self) -> str:
        """Its numbers, exactly: what tells its rectangle from others."""
        return ",".join(str(number) for number in self[1:])

    def in_pixels(self, size: tuple[int, int], clip: str) -> "Region":
        """Return it with the numbers of ``window``, which takes and raises the same."""
        return Region(self.name, *map(Fraction, self.window(size, clip)))

    def window(self, size: tuple[int, int], clip: str) -> Window:
        """Return its place in frames of a size, in whole pixels.

        Shares are rounded to even pixels, of which most clips have one colour for two, so that
        regions that touch still do.

        Args:
            size: width and height of the frames in pixels.
            clip: name of the clip, for messages.

        Raises:
            UserError: it is not inside such a frame, or too small there.
        """
        left, right = self._edges(self.left, self.width, size[0])
        top, bottom = self._edges(self.top, self.height, size[1])
        shown = f"{size[0]}x{size[1]}"
        if right > size[0] or bottom > size[1]:
            raise UserError(
                f"the region {self} is not inside the frames of {clip}, which are {shown}: give "
                "its LEFT,TOP,WIDTH,HEIGHT in these pixels, or in shares of the frame from 0 to 1"
            )
        if min(right - left, bottom - top) < SMALLEST_SIDE:
            raise UserError(
                f"the region {self} has {right - left}x{bottom - top} of the {shown} pixels of "
                f"{clip}: it should have at least {SMALLEST_SIDE}x{SMALLEST_SIDE}"
            )
        return Window(left, top, right - left, bottom - top)

    @property
    def in_shares(self) -> bool:
        """Whether it is given in shares of the frame."""
        return self.width <= 1 and self.height <= 1

    def _edges(self, first: Fraction, length: Fraction, side: int) -> tuple[int, int]:
        if not self.in_shares:
            return int(first), int(first + length)
        return _nearest_even(first * side, side), _nearest_even((first + length) * side, side)


def _nearest_even(place: Fraction, end: int) -> int:
    return end if place == end else 2 * round(place / 2)


def parse_region(text: str) -> Region:
    """Read ``NAME=LEFT,TOP,WIDTH,HEIGHT``: whole pixels, or shares of the frame from 0 to 1.

    Raises:
        UserError: it is none.

    Example:
        The right half of a frame, and a rectangle of pixels:

        >>> parse_region("right=0.5,0,0.5,1").window((1280, 720), "match.mp4")
        Window(left=640, top=0, width=640, height=720)
        >>> str(parse_region("lane 2=320,0,320,720"))
        'lane 2=320,0,320,720'
    """
    name, equals, numbers = text.rpartition("=")
    if not equals:
        raise UserError(
            f"{text[:60]!r} is no region: give NAME=LEFT,TOP,WIDTH,HEIGHT, such as left=0,0,0.5,1"
        )
    return region_of(name, numbers.split(","))


def region_of(name: str, numbers: Sequence[str]) -> Region:
    """Make a region of its name and its numbers: left, top, width, height.

    Raises:
        UserError: one of them cannot be true.
    """
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or _NOT_IN_NAMES.search(name) or name[0] == ".":
        raise UserError(
            f"a region cannot be called {name[:60]!r}, since files are named after it: give it "
            "a short name of letters, digits, spaces, - and _"
        )
    numbers = [number.strip() for number in numbers]
    if len(numbers) != 4 or not all(map(_NUMBER.fullmatch, numbers)):
        raise UserError(
            f"the region {name} has {','.join(numbers)[:60]!r} for its place: give four numbers, "
            "LEFT,TOP,WIDTH,HEIGHT"
        )
    left, top, width, height = map(Fraction, numbers)
    region = Region(name, left, top, width, height)
    if min(left, top) < 0 or min(width, height) <= 0:
        raise UserError(f"the region {region} lies outside the frame, or is empty")
    if region.in_shares:
        if max(left + width, top + height) > 1:
            raise UserError(f"the region {region} reaches beyond the frame, which ends at 1")
    elif any(number.denominator > 1 for number in region[1:]):
        raise UserError(
            f"the region {region} mixes pixels and shares: give four whole numbers, or four from "
            "0 to 1"
        )
    return region


def check_names(regions: Iterable[Region]) -> None:
    """Make sure that no two regions have one name; small letters and capitals are the same.

    Raises:
        UserError: two have.
    """
    names: set[str] = set()
    for region in regions:
        if region.name.casefold() in names:
            raise UserError(f"two regions are called {region.name}: give each its own name")
        names.add(region.name.casefold())


def check_sizes(placed: Iterable[tuple[Region, tuple[int, int], str]]) -> None:
    """Make sure that no region in pixels is one of clips of different sizes: it is another part.

    Args:
        placed: regions, each with the width and height of a clip's frames and the clip's name.

    Raises:
        UserError: one is.
    """
    first: dict[Region, tuple[tuple[int, int], str]] = {}
    for region, size, clip in placed:
        other, name = first.setdefault(region, (size, clip))
        if size != other and not region.in_shares:
            raise UserError(
                f"the region {region} is in pixels, and frames of {name} are "
                f"{other[0]}x{other[1]}, those of {clip} {size[0]}x{size[1]}: give it in shares of "
                "the frame from 0 to 1, or for each clip in the table of --regions"
            )
