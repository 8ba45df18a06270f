"""A long clip, cut at key frames into stretches that can be decoded one without the other.

The frames of the stretches are those of the whole clip, or an error says that they are not. Each
stretch compares the times of its frames with those that the clip's packets have. It also decodes the
first frames of the next one, which have to be the same pictures there: where a picture is made from
one on the other side of the cut, they are not.
"""

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from activity.media.clip import VideoSource
from activity.media.container import open_container, shown_stream, start_of_clock
from activity.media.decoding import Decoder, Picture
from activity.media.packets import Extent, packets_of

SEAM = 16
"""So many frames of the next stretch are decoded, too, to be compared."""

# Containers with an index, in which a key frame is found without reading what is before it.
_INDEXED = {"matroska", "mov"}


class UnsafeCutError(Exception):
    """A stretch does not give the frames that the whole clip gives."""


@dataclass(frozen=True, eq=False)
class Stretch:
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

    stretches: Sequence[Stretch]
    end: float

    @property
    def frames(self) -> int:
        """Number of frames of the whole clip."""
        last = self.stretches[-1]
        return last.first + len(last.seconds)


def cut(path: Path, size: float) -> CutClip | None:
    """Cut a clip where that is safe, as far as it can be told without decoding.

    All of the clip is read, which takes a small part of the time that decoding does.

    Args:
        path: of the clip.
        size: how many frames a stretch has, about: at least twice ``SEAM``. One may have more,
            where there is no key frame, and the last one has half as many at least.

    Returns:
        The stretches; None where there would be one only.

    Raises:
        UserError: the clip cannot be opened.
    """
    decoded, keys = array("q"), []
    with closing(open_container(path)) as container:
        stream = shown_stream(container)
        if stream is None or not _INDEXED & set(container.format.name.split(",")):
            return None
        extent, start, tick = Extent(container), start_of_clock(container), stream.time_base
        for packet in packets_of(container, stream):
            if packet.pts is None or packet.is_discard or packet.is_corrupt:
                return None
            extent.add(packet)
            if packet.is_keyframe:
                keys.append(len(decoded))
            decoded.append(packet.pts)
    if tick is None or keys[:1] != [0]:
        return None
    ticks = np.array(decoded)
    shown = np.sort(ticks)
    seconds = np.array([float(at * tick - start) for at in shown.tolist()])
    if seconds[0] < 0 or (np.diff(seconds) <= 0).any():
        return None
    with closing(open_container(path)) as container:
        places = [(0, decoded[0]), *_places(container, ticks, shown, keys, size)]
    if len(places) == 1:
        return None
    ends = [*(number for number, _ in places[1:]), len(seconds)]
    stretches = [
        Stretch(first, seconds[first:end], seconds[end : end + SEAM], key)
        for (first, key), end in zip(places, ends, strict=True)
    ]
    return CutClip(stretches, float(extent.end - start))


def _places(
    container: InputContainer,
    ticks: NDArray[np.int64],
    shown: NDArray[np.int64],
    keys: Sequence[int],
    size: float,
) -> Iterator[tuple[int, int]]:
    """Choose where to cut: numbers of first frames, and the key frame to begin decoding with.

    Args:
        container: the clip, opened anew: what is in its index only after reading does not count.
        ticks: times of all frames in the order in which they are decoded.
        shown: the same in the order in which they are shown.
        keys: which of ``ticks`` are key frames.
        size: see ``cut``.
    """
    latest_so_far = np.maximum.accumulate(ticks)
    earliest_to_come = np.minimum.accumulate(ticks[::-1])[::-1]
    numbers = np.searchsorted(shown, ticks[keys]).tolist()
    last = 0
    for (before, key), number in zip(pairwise(keys), numbers[1:], strict=True):
        is_open = earliest_to_come[key] < ticks[key]
        begin = int(ticks[before if is_open else key])
        if (
            number - last >= size
            and len(ticks) - number >= size / 2
            and latest_so_far[key - 1] < ticks[key]
            and _is_found(container, begin)
        ):
            yield number, begin
            last = number


def _is_found(container: InputContainer, key: int) -> bool:
    stream = shown_stream(container)
    assert stream is not None
    container.seek(key, stream=stream)
    packet = next(packets_of(container, stream), None)
    return packet is not None and packet.is_keyframe and packet.pts == key


class StretchSource(VideoSource):
    """A stretch of a clip, opened for reading.

    Attributes:
        begin: hash of the first frames, once they were read.
        seam: hash of the first frames of the next stretch, once all frames were read; it is the
            next one's ``begin``. Of nothing for the last stretch.
    """

    def __init__(self, path: Path, stretch: Stretch, stride: int = 1) -> None:
        """Open the clip and read the first frame of the stretch.

        Args:
            path: of the clip.
            stretch: one of what ``cut`` gave.
            stride: frames come out from the first one on whose number in the clip it divides.

        Raises:
            UnsafeCutError: as ``frames`` does.
            UserError: the clip cannot be opened.
        """
        # The clip's first frame says what all of them are made into.
        super().__init__(path)
        super().close()
        self.begin = self.seam = b""
        self._container = open_container(path)
        stream = shown_stream(self._container)
        assert stream is not None
        self._decoder = Decoder(path, self._container, stream)
        self._pictures = self._checked(stretch, -stretch.first % stride)
        try:
            self._first = next(self._pictures)
        except BaseException:
            self.close()
            raise

    def _checked(self, stretch: Stretch, skipped: int) -> Iterator[Picture]:
        """Yield the stretch's pictures but for the first ones.

        Raises:
            UnsafeCutError: they are not exactly those that there should be.
        """
        expected = [*stretch.seconds.tolist(), *stretch.seam.tolist()]
        own = len(stretch.seconds)
        begin, seam = hashlib.sha256(), hashlib.sha256()
        number = damaged = 0
        with closing(self._decoder.from_key_frame(stretch.key)) as pictures:
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
                    begin.update(planes.to_ndarray(format="bgr24"))
                if number >= own:
                    seam.update(planes.to_ndarray(format="bgr24"))
                elif number >= skipped:
                    yield picture
                number += 1
                if number == len(expected) and own < number:
                    break
        if number < len(expected) or self._decoder.damaged > damaged:
            raise UnsafeCutError("pictures are damaged or missing")
        self.begin, self.seam = begin.digest(), seam.digest()
