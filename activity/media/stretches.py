"""The frames of one stretch of a clip: those that the whole clip gives, or an error.

Their times are compared with those of the clip's packets. The first frames of the next stretch are
decoded, too, and have to be the same pictures there: where pictures are made from others on the far
side of the cut, they are not.
"""

import hashlib
from collections.abc import Generator, Iterable
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import av

from activity.media.clip import VideoSource
from activity.media.container import open_container, shown_stream
from activity.media.crop import cropped
from activity.media.cutting import SEAM, Stretch
from activity.media.decoding import Decoder, Picture


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
        self, path: Path, stretch: Stretch, stride: int = 1, *, one_thread: bool = False
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
        self, stretch: Stretch, skipped: int, one_thread: bool
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
