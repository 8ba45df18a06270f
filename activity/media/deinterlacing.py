"""Interlaced pictures made whole: each holds lines of two moments, and gets all of the first."""

from collections import deque
from collections.abc import Generator, Iterator
from contextlib import suppress

import av

from activity.media.decoding import Picture
from activity.media.planes import filter_for, shape_of

# The filter takes no smaller planes; those of colours are often smaller than the picture.
_SMALLEST_SIDE = 4


def deinterlaced(pictures: Iterator[Picture]) -> Generator[Picture, None, None]:
    """Yield pictures as they are, but interlaced ones without their combs, at the same times."""
    filtered: _Filter | None = None
    for picture in pictures:
        if filtered is not None and filtered.shape != shape_of(picture.planes):
            yield from filtered.rest()
            filtered = None
        if filtered is None and _is_interlaced(picture.planes):
            filtered = _Filter(picture.planes)
        if filtered is None:
            yield picture
        else:
            yield from filtered.push(picture)
    if filtered is not None:
        yield from filtered.rest()


class _Filter:
    """FFmpeg's bwdif, which looks at the pictures before and after; one goes in, one comes out."""

    def __init__(self, planes: av.VideoFrame) -> None:
        self.shape = shape_of(planes)
        self._waiting: deque[Picture] = deque()
        # Of a clip that is interlaced in parts, the other parts stay as they are.
        self._graph = filter_for(planes, "bwdif", "mode=send_frame:parity=auto:deint=interlaced")

    def push(self, picture: Picture) -> Iterator[Picture]:
        self._waiting.append(picture)
        self._graph.push(picture.planes)
        return self._pull()

    def rest(self) -> Iterator[Picture]:
        self._graph.push(None)
        return self._pull()

    def _pull(self) -> Iterator[Picture]:
        # It ends where the filter wants the next picture first, or has given all of them.
        with suppress(av.BlockingIOError, av.EOFError):
            while self._waiting:
                planes = self._graph.vpull()
                yield self._waiting.popleft()._replace(planes=planes)


def _is_interlaced(planes: av.VideoFrame) -> bool:
    form = planes.format
    sides = form.chroma_width(planes.width), form.chroma_height(planes.height)
    return planes.interlaced_frame and min(sides) >= _SMALLEST_SIDE
