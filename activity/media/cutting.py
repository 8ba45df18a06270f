"""A long clip, cut at key frames into stretches that can be decoded one without the other.

A stretch gives the frames that the whole clip gives, or an error. Their times are compared with
those of the clip's packets. The first frames of the next stretch are decoded, too, and have to be
the same pictures there: where pictures are made from others on the far side of the cut, they are
not.
"""

import hashlib
from array import array
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from activity.common.interruption import LeftUnfinishedError
from activity.media.clip import (
    Decoder,
    Extent,
    Picture,
    VideoSource,
    cropped,
    open_container,
    packets_of,
    shown_stream,
    start_of_clock,
)

SEAM = 16
"""This many frames of the next stretch are decoded as well, to be compared."""

# Frames in a stretch. More would be much to lose, and much to send.
_LONGEST = 2**15

# Containers with an index, in which a key frame is found without reading what is before it.
_INDEXED = {"matroska", "mov"}


@dataclass(frozen=True, eq=False)
class CutStretch:
    """Neighbouring frames of a clip.

    Attributes:
        first: number of its first frame, in the order in which frames are shown.
        seconds: when each of its frames is shown, shape (frames,), as ``VideoSource`` says.
        seam: the same of the first frames of the next stretch; of the last stretch, shape (0,).
        key: time of the key frame that is decoded first, in ticks of the clip's clock. Where frames
            that are decoded after a key frame are shown before it, that is the key frame before.
    """

    first: int
    seconds: NDArray[np.float64]
    seam: NDArray[np.float64]
    key: int


@dataclass(frozen=True, eq=False)
class CutClip:
    """A clip's stretches, at least two, in order.

    Attributes:
        stretches: they hold each of its frames once.
        end: when the last frame ceases to be shown, in seconds. It is not later than when that is
            shown where the clip does not say.
    """

    stretches: Sequence[CutStretch]
    end: float

    @property
    def frames(self) -> int:
        """Number of frames of the whole clip."""
        last = self.stretches[-1]
        return last.first + len(last.seconds)


def cut(
    path: Path, parts: float, least: int, interrupted: Callable[[], bool] = lambda: False
) -> CutClip | None:
    """Cut a clip where that is safe, as far as it can be told without decoding.

    All of the clip is read, which takes a small part of the time that decoding does.

    Args:
        path: path of the clip.
        parts: into how many stretches, about. There are fewer where there are few key frames, and
            more where stretches would be very long.
        least: how many frames a stretch has at least, or half as many where key frames lie so; not
            less than twice ``SEAM``.
        interrupted: tells whether to end early.

    Returns:
        The stretches; None if there would be one only.

    Raises:
        LeftUnfinishedError: ``interrupted`` said so.
        UserError: the clip cannot be opened.
    """
    decoded, keys = array("q"), []
    with closing(open_container(path)) as container:
        stream = shown_stream(container)
        if stream is None or not _INDEXED & set(container.format.name.split(",")):
            return None
        extent, start, tick = Extent(container), start_of_clock(container), stream.time_base
        for packet in packets_of(container, stream):
            if interrupted():
                raise LeftUnfinishedError
            if packet.pts is None or packet.is_discard or packet.is_corrupt:
                return None
            extent.add(packet)
            if packet.is_keyframe:
                keys.append(len(decoded))
            decoded.append(packet.pts)
    if tick is None or keys[:1] != [0]:
        return None
    ticks = np.array(decoded, np.int64)
    shown = np.sort(ticks)
    times = (float(int(at) * tick - start) for at in shown)
    seconds = np.fromiter(times, np.float64, len(shown))
    if seconds[0] < 0 or (np.diff(seconds) <= 0).any():
        return None
    size = max(least, min(_LONGEST, round(len(ticks) / parts)))
    with closing(open_container(path)) as container:
        found = (
            (number, begin)
            for number, begin in _places(ticks, shown, keys, size, least // 2)
            if _is_found(container, begin)
        )
        places = [(0, decoded[0]), *found]
    if len(places) == 1:
        return None
    ends = [*(number for number, _ in places[1:]), len(seconds)]
    stretches = [
        CutStretch(first, seconds[first:end], seconds[end : end + SEAM], key)
        for (first, key), end in zip(places, ends, strict=True)
    ]
    return CutClip(stretches, float(extent.end - start))


def _places(
    ticks: NDArray[np.int64],
    shown: NDArray[np.int64],
    keys: Sequence[int],
    size: int,
    least: int,
) -> Iterator[tuple[int, int]]:
    """Choose where to cut: numbers of first frames, and the key frame to begin decoding with.

    Args:
        ticks: times of all frames in the order in which they are decoded.
        shown: the same in the order in which they are shown.
        keys: which of ``ticks`` are key frames.
        size: how many frames stretches have on average, if there are enough key frames.
        least: how many they have at least.
    """
    latest_so_far = np.maximum.accumulate(ticks)
    earliest_to_come = np.minimum.accumulate(ticks[::-1])[::-1]
    numbers = np.searchsorted(shown, ticks[keys]).tolist()
    last, wanted = 0, size
    for (before, key), number in zip(pairwise(keys), numbers[1:], strict=True):
        long_enough = min(number - last, len(ticks) - number) >= least
        if number >= wanted and long_enough and latest_so_far[key - 1] < ticks[key]:
            is_open = earliest_to_come[key] < ticks[key]
            yield number, int(ticks[before if is_open else key])
            last, wanted = number, (number // size + 1) * size


def _is_found(container: InputContainer, key: int) -> bool:
    """Tell whether the index leads to a key frame.

    Args:
        container: opened anew: what is in its index only because it was read does not count.
        key: when it is shown, in ticks.
    """
    stream = shown_stream(container)
    assert stream is not None
    try:
        container.seek(key, stream=stream)
    except av.FFmpegError:
        return False
    packet = next(packets_of(container, stream), None)
    return packet is not None and packet.is_keyframe and packet.pts == key


class UnsafeCutError(Exception):
    """A stretch does not give the frames that the whole clip gives."""


class Seams(NamedTuple):
    """Hashes of the first pictures of a stretch, and of the next one; of none for the last one."""

    begin: bytes
    end: bytes


def fit_together(stretches: Iterable[Seams]) -> bool:
    """Tell whether pictures on both sides of each cut are as if the clip had not been cut.

    Args:
        stretches: seams of all stretches of a clip, in order.
    """
    return all(one.end == other.begin for one, other in pairwise(stretches))


class StretchSource(VideoSource):
    """A stretch of a clip, opened for reading.

    Attributes:
        seams: hashes of pictures at both ends, once all frames were read.
    """

    def __init__(
        self, path: Path, stretch: CutStretch, stride: int = 1, *, one_thread: bool = False
    ) -> None:
        """Open the clip and read the first frame of the stretch.

        Args:
            path: path of the clip.
            stretch: one of what ``cut`` gave.
            stride: frames come out from the first one on whose number in the clip it divides.
            one_thread: decode in one thread. It is slower, and has another go at what several
                find unsafe.

        Raises:
            UnsafeCutError: as ``frames`` does.
            UserError: the clip cannot be opened.
        """
        # The clip's first frame says what all of them are made into.
        super().__init__(path)
        super().close()
        self.seams = Seams(b"", b"")
        self._container = open_container(path)
        stream = shown_stream(self._container)
        assert stream is not None
        self._decoder = Decoder(path, self._container, stream)
        checked = self._checked(stretch, -stretch.first % stride, one_thread)
        self._pictures = cropped(checked, self._margins)
        try:
            self._first = next(self._pictures)
        except BaseException:
            self.close()
            raise

    def _checked(
        self, stretch: CutStretch, skipped: int, one_thread: bool
    ) -> Generator[Picture, None, None]:
        """Yield the stretch's pictures but for the first ones.

        Raises:
            UnsafeCutError: they are not exactly those that there should be.
        """
        expected = [*stretch.seconds.tolist(), *stretch.seam.tolist()]
        own = len(stretch.seconds)
        begin, end = hashlib.sha256(), hashlib.sha256()
        number = damaged = 0
        try:
            decoded = self._decoder.from_key_frame(stretch.key, one_thread=one_thread)
        except av.FFmpegError as error:
            raise UnsafeCutError("its key frame is not found") from error
        with closing(decoded) as pictures:
            for picture in pictures:
                seconds = -1.0 if picture.seconds is None else float(picture.seconds - self._start)
                if number == 0 and seconds < expected[0]:
                    # Of an open group, whose pictures may be made from some that are not decoded.
                    damaged = self._decoder.damaged
                    continue
                planes = picture.planes
                if number == len(expected) or seconds != expected[number]:
                    raise UnsafeCutError(f"a picture at {seconds} s is not among those of packets")
                if planes.is_corrupt or planes.interlaced_frame:
                    raise UnsafeCutError(f"the picture at {seconds} s is damaged or interlaced")
                if number < SEAM:
                    begin.update(_pixels(planes))
                if number >= own:
                    end.update(_pixels(planes))
                elif number >= skipped:
                    yield picture
                number += 1
                if number == len(expected) and own < number:
                    break
        if number < len(expected) or self._decoder.damaged > damaged:
            raise UnsafeCutError("pictures are damaged or missing")
        self.seams = Seams(begin.digest(), end.digest())


def _pixels(planes: av.VideoFrame) -> bytes:
    return planes.to_ndarray(format="bgr24").tobytes()
