"""The part of a clip's pictures that its container asks a player to show.

FFmpeg reads the request, but its decoders do not follow it, and PyAV does not pass it on. So it is
read from the file: ``clap`` of .mp4 and .mov, PixelCrop of .mkv and .webm.
"""

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, NamedTuple

import av
from av.container import InputContainer

# A damaged file may seem to have any number of them.
_MOST_PARTS = 100_000

# Of an .mp4: bytes before the boxes in a list of descriptions, and in one of pictures.
_LIST_HEADER, _PICTURES_HEADER = 8, 78

# Of Matroska: names of elements, and what says that a track is video.
_SEGMENT, _TRACKS, _TYPE, _VIDEO = 0x18538067, 0x1654AE6B, 0x83, 0xE0
_LEFT, _TOP, _RIGHT, _BOTTOM = 0x54CC, 0x54BB, 0x54DD, 0x54AA
_TYPE_VIDEO = 1


class Margins(NamedTuple):
    """Columns and rows of a stored picture that are not shown, in pixels."""

    left: int
    top: int
    right: int
    bottom: int

    def leave_something(self, width: int, height: int) -> bool:
        """Tell whether a picture of this size has more than its margins."""
        return self.left + self.right < width and self.top + self.bottom < height


class _Span(NamedTuple):
    """Where in a file something starts and ends."""

    start: int
    end: int


def margins_of(path: Path, container: InputContainer, stream: av.VideoStream) -> Margins | None:
    """Read which margins of a clip's pictures are not to be shown.

    Args:
        path: path of the clip.
        container: the clip, opened.
        stream: one of its streams.

    Returns:
        The margins; None if the container asks for none, or for some that cannot be true.
    """
    kinds = {*container.format.name.split(",")} & {"mov", "matroska"}
    if not kinds:
        return None
    try:
        with path.open("rb") as file:
            whole = _Span(0, file.seek(0, 2))
            if "mov" in kinds:
                margins = _of_mov(file, whole, stream)
            else:
                margins = _of_matroska(file, whole, container.streams.video.index(stream))
    except (OSError, struct.error, ZeroDivisionError):
        return None
    if margins is None or not any(margins) or min(margins) < 0:
        return None
    return margins if margins.leave_something(stream.width, stream.height) else None


def _of_mov(file: BinaryIO, whole: _Span, stream: av.VideoStream) -> Margins | None:
    """Read the clean aperture of a track: its size, and how far from the centre it lies."""
    places = [whole]
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        places = [inner for place in places for inner in _boxes(file, place, kind)]
        if kind == b"trak":  # of each, FFmpeg makes a stream
            places = places[stream.index : stream.index + 1]
    for descriptions in places:
        inside = _Span(descriptions.start + _LIST_HEADER, descriptions.end)
        for start, end in _boxes(file, inside):
            for aperture in _boxes(file, _Span(start + _PICTURES_HEADER, end), b"clap"):
                file.seek(aperture.start)
                numbers = struct.unpack(">4IiIiI", file.read(32))
                width, height, right, down = map(Fraction, numbers[::2], numbers[1::2])
                left = (stream.width - width) / 2 + right
                top = (stream.height - height) / 2 + down
                sides = (left, top, stream.width - left - width, stream.height - top - height)
                return Margins(*map(int, sides))
    return None


def _boxes(file: BinaryIO, place: _Span, wanted: bytes | None = None) -> Iterator[_Span]:
    """Yield where the contents of an .mp4's boxes lie that are in a place; all, or of one kind."""
    start, end = place
    for _ in range(_MOST_PARTS):
        if start + 8 > end:
            return
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        content = start + 8
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
            content += 8
        following = end if size == 0 else start + size
        if following < content:
            return
        if wanted in (None, kind):
            yield _Span(content, min(following, end))
        start = following


def _of_matroska(file: BinaryIO, whole: _Span, number: int) -> Margins | None:
    """Read the margins of the video track of this number."""
    for name, segment in _elements(file, whole):
        for inner, tracks in _elements(file, segment) if name == _SEGMENT else ():
            if inner == _TRACKS:
                parts = [dict(_elements(file, track)) for _, track in _elements(file, tracks)]
                videos = [
                    part[_VIDEO]
                    for part in parts
                    if _VIDEO in part and _number(file, part.get(_TYPE)) == _TYPE_VIDEO
                ]
                said = dict(_elements(file, videos[number])) if number < len(videos) else {}
                sides = (_LEFT, _TOP, _RIGHT, _BOTTOM)
                return Margins(*(_number(file, said.get(side)) for side in sides))
    return None


def _elements(file: BinaryIO, place: _Span) -> Iterator[tuple[int, _Span]]:
    """Yield the names of Matroska's elements in a place, and where their contents lie."""
    start, end = place
    for _ in range(_MOST_PARTS):
        if start >= end:
            return
        file.seek(start)
        head = file.read(12)
        # The zeros before the first one of the bits say how many bytes there are.
        name_bytes = 9 - head[0].bit_length() if head else 9
        if name_bytes > 4 or len(head) <= name_bytes:
            return
        size_bytes = 9 - head[name_bytes].bit_length()
        if size_bytes > 8:
            return
        name, written = head[:name_bytes], head[name_bytes : name_bytes + size_bytes]
        unknown = (1 << 7 * size_bytes) - 1  # where it was written before the content
        size = int.from_bytes(written, "big") & unknown
        content = start + name_bytes + size_bytes
        following = end if size == unknown else content + size
        yield int.from_bytes(name, "big"), _Span(content, min(following, end))
        start = following


def _number(file: BinaryIO, place: _Span | None) -> int:
    """Read a number of an element; 0 if there is none."""
    if place is None:
        return 0
    file.seek(place.start)
    # What a damaged file says may end before it begins.
    return int.from_bytes(file.read(max(0, min(8, place.end - place.start))), "big")
