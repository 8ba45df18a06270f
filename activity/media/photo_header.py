"""What the headers of photos say that OpenCV does not heed: size, depth of samples, orientation.

Headers may be damaged, or lie: whatever does not fit is taken as not said.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_BITS, _TIFF_LARGEST = 256, 257, 258, 281
_TIFF = (b"II*\0", b"MM\0*")
_AVIF_BRANDS = (b"avif", b"avis", b"mif1")

START = 12
"""Bytes by which ``says_more`` knows a file."""


class Depth(NamedTuple):
    """Bits of a sample in a file of 16 bits a sample.

    Attributes:
        bits: that carry the picture: 12 of many scanners and cameras.
        shifted: whether the decoder has put them in front already; None if nothing says so.
    """

    bits: int
    shifted: bool | None


def says_more(start: bytes) -> bool:
    """Tell from the first ``START`` bytes whether ``depth_of`` or ``turns_of`` may find more."""
    is_avif = start[4:8] == b"ftyp" and start[8:12] in _AVIF_BRANDS
    return is_avif or start.startswith((_PNG, *_TIFF))


def size_of(content: bytes) -> tuple[int, int] | None:
    """Return (width, height) in pixels, as files of most kinds say it; else None."""
    try:
        if content.startswith(_PNG):
            return struct.unpack_from(">II", content, 16)
        if content.startswith(b"\xff\xd8"):
            return _jpeg_size(content)
        if content.startswith(b"BM"):
            width, height = struct.unpack_from("<ii", content, 18)
            return abs(width), abs(height)
        if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
            return _webp_size(content)
        if tags := _tiff_tags(content):
            return tags[_TIFF_WIDTH][0], tags[_TIFF_HEIGHT][0]
        sizes = [
            struct.unpack_from(">II", content, start + 4)
            for kind, start, _ in _avif_properties(content)
            if kind == b"ispe"
        ]
        return max(sizes, default=None)
    except (struct.error, KeyError, IndexError):
        return None


def depth_of(content: bytes) -> Depth | None:
    """Return how many bits of each sample a PNG or TIFF file uses, where it says fewer than 16."""
    try:
        if content.startswith(_PNG):
            return _png_depth(content)
        tags = _tiff_tags(content)
        bits = max(tags.get(_TIFF_BITS, (0,)))
        largest = max(tags.get(_TIFF_LARGEST, (0,)))
    except (struct.error, ValueError):
        return None
    if bits in (10, 12, 14):
        return Depth(bits, shifted=True)
    # The largest value that is used says how many bits there are if it is the largest that fits.
    used = largest.bit_length()
    if bits == 16 and 8 < used < 16 and largest == 2**used - 1:
        return Depth(used, shifted=False)
    return None


def turns_of(content: bytes) -> list[tuple[str, int]]:
    """List how an AVIF picture is to be turned, in order.

    Returns:
        ``("rotate", quarters)``, anticlockwise, and ``("mirror", axis)``: 0 exchanges top and
        bottom, 1 left and right.
    """
    try:
        return [
            ("rotate", content[start] & 3) if kind == b"irot" else ("mirror", content[start] & 1)
            for kind, start, end in _avif_properties(content)
            if kind in (b"irot", b"imir") and end > start
        ]
    except (struct.error, IndexError):
        return []


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    place = 2
    while place + 9 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if marker == 0xFF:  # padding
            place += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, place + 5)
            return width, height
        else:
            place += 2 + struct.unpack_from(">H", content, place + 2)[0]
    return None


def _webp_size(content: bytes) -> tuple[int, int] | None:
    kind = content[12:16]
    if kind == b"VP8X":
        low, high = content[24:27], content[27:30]
        return int.from_bytes(low, "little") + 1, int.from_bytes(high, "little") + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", content, 26)
    return width & 0x3FFF, height & 0x3FFF


def _png_depth(content: bytes) -> Depth | None:
    if len(content) < 26 or content[24] != 16:
        return None
    place = 8
    while place + 12 <= len(content) and content[place + 4 : place + 8] != b"IDAT":
        length = int.from_bytes(content[place : place + 4], "big")
        if content[place + 4 : place + 8] == b"sBIT":
            colours = 3 if content[25] & 2 else 1
            bits = max(content[place + 8 : place + 8 + min(length, colours)], default=0)
            # A writer should have put them in front; not all do.
            return Depth(bits, shifted=None) if 8 < bits < 16 else None
        place += 12 + length
    return None


def _tiff_tags(content: bytes) -> dict[int, Sequence[int]]:
    """Read the numbers (SHORT or LONG) in the first directory of a TIFF file."""
    order = dict(zip(_TIFF, "<>", strict=True)).get(content[:4])
    if order is None:
        return {}
    (directory,) = struct.unpack_from(f"{order}I", content, 4)
    (count,) = struct.unpack_from(f"{order}H", content, directory)
    tags: dict[int, Sequence[int]] = {}
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        tag, kind, values = struct.unpack_from(f"{order}HHI", content, entry)
        if kind not in (3, 4) or not 1 <= values <= 16:
            continue
        letter, size = ("H", 2) if kind == 3 else ("I", 4)
        place = entry + 8
        if values * size > 4:
            (place,) = struct.unpack_from(f"{order}I", content, place)
        tags[tag] = struct.unpack_from(f"{order}{values}{letter}", content, place)
    return tags


def _avif_properties(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of the properties of an AVIF file's primary item, in order."""
    if content[4:8] != b"ftyp" or content[8:12] not in _AVIF_BRANDS:
        return
    top = {kind: place for kind, *place in _boxes(content, 0, len(content))}
    if b"meta" not in top:
        return
    start, end = top[b"meta"]
    meta = {kind: place for kind, *place in _boxes(content, start + 4, end)}
    if not {b"pitm", b"iprp"} <= meta.keys():
        return
    start = meta[b"pitm"][0]
    primary = struct.unpack_from(">I" if content[start] else ">H", content, start + 4)[0]
    inside = {kind: place for kind, *place in _boxes(content, *meta[b"iprp"])}
    if not {b"ipco", b"ipma"} <= inside.keys():
        return
    properties = list(_boxes(content, *inside[b"ipco"]))
    for index in _associated(content, inside[b"ipma"][0], primary):
        if 1 <= index <= len(properties):
            yield properties[index - 1]


def _associated(content: bytes, start: int, item: int) -> list[int]:
    """Read which properties (counted from 1) an item has, from an ``ipma`` box."""
    version, wide = content[start], content[start + 3] & 1
    (items,) = struct.unpack_from(">I", content, start + 4)
    place = start + 8
    for _ in range(min(items, 2**16)):
        (number,) = struct.unpack_from(">I" if version else ">H", content, place)
        place += 4 if version else 2
        count = content[place]
        indices = struct.unpack_from(f">{count}{'H' if wide else 'B'}", content, place + 1)
        if number == item:
            # The first bit says that a reader must know the property.
            return [index & (0x7FFF if wide else 0x7F) for index in indices]
        place += 1 + count * (2 if wide else 1)
    return []


def _boxes(content: bytes, place: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of the boxes of ISO base media between two places."""
    while place + 8 <= end:
        size, kind = struct.unpack_from(">I4s", content, place)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", content, place + 8)
            head = 16
        elif size == 0:
            size = end - place
        if size < head or place + size > end:
            return
        yield kind, place + head, place + size
        place += size
