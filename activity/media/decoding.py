"""Packets to pictures: all that can be decoded."""

import os
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import av
from av.codec.context import ThreadType
from av.container import InputContainer

from activity.media.container import open_container, shown_stream
from activity.media.packets import Extent, packets_of

# Each thread of a decoder holds a picture or two, so pictures of 8K have fewer threads.
_BYTES_IN_THREADS = 2**28
_MOST_THREADS = 16

_BYTES_HELD = 2**26
_MOST_HELD = 8


class Picture(NamedTuple):
    """A decoded picture.

    Attributes:
        planes: as the codec gives them.
        seconds: when it is shown, by the clip's own clock; None where the clip does not say.
    """

    planes: av.VideoFrame
    seconds: Fraction | None


class Decoder:
    """A clip's pictures, decoded in several threads as long as nothing is damaged.

    Attributes:
        damaged: how many packets could not be decoded so far.
        extent: how far the packets go that were read so far.
    """

    def __init__(self, path: Path, container: InputContainer, stream: av.VideoStream) -> None:
        self.damaged = 0
        self.extent = Extent(container)
        self._path, self._container, self._stream = path, container, stream

    def pictures(self) -> Iterator[Picture]:
        """Yield every picture that can be decoded, in the order in which they are shown.

        At the first sign of damage the clip is decoded again, in one thread. What several make of
        damage is another picture each time, since each paints over the damage with what the others
        have decoded so far; and pictures that they hold are lost at the end of the clip, or, of
        AV1, wherever a packet is damaged.
        """
        given = 0
        held: deque[Picture] = deque()
        for picture in self._decode(self._container, self._stream, _threads(self._stream)):
            held.append(picture)
            if self.damaged or picture.planes.is_corrupt:
                break
            # The first is made from itself alone.
            if not given or len(held) > _held_back(self._stream):
                yield held.popleft()
                given += 1
        else:
            if not self.damaged and not (held and self._is_missing_after(held[-1])):
                yield from held
                return
        with closing(open_container(self._path)) as container:
            stream = shown_stream(container)
            if stream is None:
                return
            self.damaged, self.extent = 0, Extent(container)
            yield from islice(self._decode(container, stream, threads=1), given, None)

    def _is_missing_after(self, last: Picture) -> bool:
        """Tell whether threads have lost the last pictures: PyAV does not always say so."""
        latest = self.extent.latest
        return last.seconds is not None and latest is not None and last.seconds < latest

    def _decode(
        self, container: InputContainer, stream: av.VideoStream, threads: int
    ) -> Iterator[Picture]:
        context, tick = stream.codec_context, stream.time_base or Fraction(1)
        context.thread_type, context.thread_count = ThreadType.AUTO, threads
        for packet in chain(packets_of(container, stream), [None]):
            if packet is not None:
                self.extent.add(packet)
            try:
                decoded = context.decode(packet)
            except av.FFmpegError:
                self.damaged += 1
                continue
            for planes in decoded:
                ticks = planes.dts if planes.pts is None else planes.pts
                yield Picture(planes, None if ticks is None else ticks * tick)


def _threads(stream: av.VideoStream) -> int:
    return max(1, min(os.cpu_count() or 1, _MOST_THREADS, _BYTES_IN_THREADS // _bytes(stream)))


def _held_back(stream: av.VideoStream) -> int:
    """Return how many pictures are to be decoded before one is sure to be undamaged.

    One may be made from another that is shown later, which alone is marked as damaged.
    """
    return min(_MOST_HELD, _BYTES_HELD // _bytes(stream)) if stream.has_b_frames else 0


def _bytes(stream: av.VideoStream) -> int:
    return max(1, stream.width * stream.height * 3 // 2)
