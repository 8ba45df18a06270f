"""Packets to pictures: all that can be decoded."""

from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import av
from av.codec.context import Flags, ThreadType
from av.container import InputContainer

from activity.common.cores import usable_cores
from activity.media.container import open_container, shown_stream
from activity.media.packets import Extent, packets_of

# Each thread of a decoder holds a picture or two, so pictures of 8K have fewer threads.
_BYTES_IN_THREADS = 2**28
_MOST_THREADS = 16

# Packets whose pictures have not come out yet; those that never come out must not pile up.
_MOST_IN_DECODER = 100

# Pictures that are decoded before another one and shown after it: no codec allows more.
_MOST_REORDERED = 16

# FFmpeg's numbers of the colour matrices that its scaler knows; it refuses planes of any other.
_UNSPECIFIED = 2
_SCALED_MATRICES = {0, 1, _UNSPECIFIED, 4, 5, 6, 7, 9}


class Picture(NamedTuple):
    """A decoded picture.

    Attributes:
        planes: as the codec gives them.
        seconds: when it is shown, by the clip's own clock; None if the clip does not say.
        needs: when, in seconds, the last of the pictures is shown that it may be made from.
    """

    planes: av.VideoFrame
    seconds: Fraction | None
    needs: Fraction


class Decoder:
    """A clip's pictures, decoded in several threads as long as nothing is damaged.

    Attributes:
        damaged: how many packets could not be decoded so far.
        corrupt: how many pictures the decoder has called corrupt so far. They are shown.
        extent: how far the packets go that were read so far.
    """

    def __init__(self, path: Path, container: InputContainer, stream: av.VideoStream) -> None:
        self.damaged = self.corrupt = 0
        self.extent = Extent(container)
        self._path, self._container, self._stream = path, container, stream
        # When the pictures of the last packets are shown, in ticks. Earlier packets do not count:
        # where the clock has gone back, their times are not reached again.
        self._sent: deque[int] = deque(maxlen=_MOST_REORDERED + 1)

    def pictures(self) -> Iterator[Picture]:
        """Yield every picture that can be decoded, in the order in which they are shown.

        At the first sign of damage the clip is decoded again, in one thread. What several make of
        damage is another picture each time, since each paints over the damage with what the others
        have decoded so far; and pictures that they hold are lost at the end of the clip, or, of
        AV1, wherever a packet is damaged.
        """
        given, last = 0, None
        held: deque[Picture] = deque()
        for picture in self._decode(self._container, self._stream, _threads(self._stream)):
            if self.damaged or picture.planes.is_corrupt:
                break
            held.append(picture)
            last = picture.seconds
            # A picture that is made from a damaged one is not marked as damaged, and may be shown
            # before it.
            while held and (last is None or held[0].needs <= last or len(held) > _MOST_REORDERED):
                yield held.popleft()
                given += 1
        else:
            if not self.damaged and not self._is_missing_after(last):
                yield from held
                return
        with closing(open_container(self._path)) as container:
            stream = shown_stream(container)
            if stream is None:
                return
            self.damaged = self.corrupt = 0
            self.extent = Extent(container)
            self._sent.clear()
            yield from islice(self._decode(container, stream, threads=1), given, None)

    def from_key_frame(self, ticks: int, *, one_thread: bool) -> Generator[Picture, None, None]:
        """Yield the pictures from a key frame on; of damage, ``damaged`` tells, and nothing else.

        Args:
            ticks: when the key frame is shown, by the clip's own clock.
            one_thread: go on after a packet that cannot be decoded. Those that follow the key frame
                and are shown before it may be made from some before it.
        """
        self._container.seek(ticks, stream=self._stream)
        threads = 1 if one_thread else _threads(self._stream)
        return self._decode(self._container, self._stream, threads)

    def _is_missing_after(self, last: Fraction | None) -> bool:
        """Tell whether threads have lost the last pictures: PyAV does not always say so."""
        if last is None or not self._sent:
            return False
        return last < max(self._sent) * (self._stream.time_base or Fraction(1))

    def _decode(
        self, container: InputContainer, stream: av.VideoStream, threads: int
    ) -> Generator[Picture, None, None]:
        context, tick = stream.codec_context, stream.time_base or Fraction(1)
        context.thread_type, context.thread_count = ThreadType.AUTO, threads
        # Or a decoder of H.264 or H.265 keeps back all that is made from a damaged picture, without
        # an error: up to the next key frame, nothing would come.
        context.flags |= Flags.output_corrupt
        if threads > 1:
            # Pictures are marked as damaged while others are still at work on them, and so not
            # always; what is an error is always told.
            context.options = {"err_detect": "explode"}
        # By the time of each picture that is being decoded, the latest of those sent before it.
        needs: dict[int, Fraction] = {}
        for packet in chain(packets_of(container, stream), [None]):
            if packet is not None:
                self.extent.add(packet)
                if packet.pts is not None and not packet.is_discard:
                    self._sent.append(packet.pts)
                if packet.pts is not None and self._sent:
                    needs[packet.pts] = max(self._sent) * tick
                    if len(needs) > _MOST_IN_DECODER:
                        del needs[next(iter(needs))]
            try:
                decoded = context.decode(packet)
            except av.FFmpegError:
                self.damaged += 1
                if threads > 1:
                    return  # it may never get over it, and is not to be used anyway
                continue
            for planes in decoded:
                self.corrupt += planes.is_corrupt
                if planes.colorspace not in _SCALED_MATRICES:
                    planes.colorspace = _UNSPECIFIED
                ticks = planes.dts if planes.pts is None else planes.pts
                seconds = None if ticks is None else ticks * tick
                yield Picture(planes, seconds, needs.pop(ticks or 0, seconds or Fraction(0)))


def _threads(stream: av.VideoStream) -> int:
    return max(1, min(usable_cores(), _MOST_THREADS, _BYTES_IN_THREADS // _bytes(stream)))


def _bytes(stream: av.VideoStream) -> int:
    return max(1, stream.width * stream.height * 3 // 2)
