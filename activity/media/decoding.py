"""Packets to pictures: all that can be decoded."""

import os
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from itertools import chain
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


class Picture(NamedTuple):
    """A decoded picture.

    Attributes:
        planes: as the codec gives them.
        seconds: when it is shown, by the clip's own clock; None where the clip does not say.
    """

    planes: av.VideoFrame
    seconds: Fraction | None


class Decoder:
    """A clip's pictures, decoded in several threads.

    Attributes:
        damaged: how many packets could not be decoded so far.
        extent: how far the packets go that were read so far.
    """

    def __init__(self, path: Path, container: InputContainer, stream: av.VideoStream) -> None:
        self.damaged = 0
        self._path, self._container, self._stream = path, container, stream
        self.extent = Extent(container)

    def pictures(self) -> Iterator[Picture]:
        """Yield every picture that can be decoded, in the order in which they are shown.

        A thread tells only with a later packet what became of its own. After the last packet,
        one that is damaged ends everything, and what other threads hold is lost: then the clip is
        decoded once more, in one thread, up to the pictures that are missing.
        """
        last = None
        threads = _thread_count(self._stream.width, self._stream.height)
        for picture in self._decode(self._container, self._stream, threads):
            yield picture
            last = picture.seconds
        latest = self.extent.latest
        if last is None or latest is None or last >= latest:
            return
        with closing(open_container(self._path)) as container:
            stream = shown_stream(container)
            self.damaged = 0
            for picture in self._decode(container, stream, 1) if stream else ():
                if picture.seconds is not None and picture.seconds > last:
                    yield picture

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


def _thread_count(width: int, height: int) -> int:
    bytes_of_picture = max(1, width * height * 3 // 2)
    return max(1, min(os.cpu_count() or 1, _MOST_THREADS, _BYTES_IN_THREADS // bytes_of_picture))
