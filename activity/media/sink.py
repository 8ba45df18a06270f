"""Frames to a clip, and its sound with them."""

import math
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.codec.context import Flags
from av.stream import Stream
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray

from activity.common.cores import fewer_cores
from activity.common.errors import UserError
from activity.common.writing import replace_when_complete
from activity.media.frame import ROUNDED, Frame, PlaneFormat, PlanePainter, Plate, VideoInfo
from activity.media.sound import Sound
from activity.media.timing import as_fraction

_PICTURES = (".jpg", ".jpeg", ".png")
SUFFIXES = (".avi", ".mp4", ".mkv", *_PICTURES)

# Two thirds of the bytes of 95, and no difference to see.
_AS_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 90]

# Of pixels in an .mp4. Where the matrix is not said, players guess it from the frame's size.
_FROM_PIXELS = PlaneFormat("yuv420p", Colorspace.ITU601, ColorRange.UNSPECIFIED, 2, 2)

# Ticks of an .mp4's clock in a second, at least: fine enough for any variable frame rate.
_FINE_CLOCK = 90_000

# An .mp4 has no more ticks from one frame to the next, or to the end. Where frames are reordered,
# five steps can come together, so they are an eighth of that: about an hour.
_MOST_TICKS = 2**31 - 1
_LONGEST_STEP = 2**28
# By its first steps, an .mp4 says how far decoding is ahead of showing: not by hours.
_FIRST_STEPS = 4

# A wrong time in a damaged clip must not be taken for a pause of years.
_LONGEST_PAUSE = 60 * 86400  # seconds

# Containers round the times of frames, many of them to milliseconds.
_ROUNDED = 0.002  # seconds

# The numbers in an .avi have 32 bits; a millionth of a second is fine enough.
_LARGEST = 2**31
_FINEST = 10**6


@contextmanager
def open_sink(
    path: Path, info: VideoInfo, sound_of: Path | None
) -> Iterator["Mp4Sink | AviSink | PictureSink"]:
    """Open a clip for writing; it takes its name when the ``with`` block ends, and is whole.

    ``.mp4`` is H.264, which plays in browsers and messengers, and carries the sound and each
    frame's own time. Its frames have an even width and height, as H.264 players want it: an odd
    one is made even by repeating the last column or row. ``.avi`` is Motion JPEG of the frames'
    exact size at one constant rate, without sound; it lasts as long as the clip. ``.jpg`` and
    ``.png`` hold the one frame of a photo.

    Args:
        path: where to; ends in ``.avi`` or ``.mp4``. (``media.remux`` writes ``.mkv``.)
        info: size and rate of the frames to come.
        sound_of: the clip whose sound is copied; None for no sound.

    Raises:
        UserError: the clip cannot be written, or not all frames are in it afterwards.
    """
    with replace_when_complete(path) as (part,):
        if path.suffix.lower() in _PICTURES:
            yield PictureSink(part, path)
            return
        try:
            if path.suffix.lower() == ".avi":
                sink: AviSink | Mp4Sink = AviSink(part, info)
            else:
                sink = Mp4Sink(part, path, info, sound_of)
            try:
                yield sink
            except BaseException:
                with suppress(av.FFmpegError):
                    sink.close()
                raise
            sink.close()
            with av.open(str(part)) as clip:
                found = clip.streams.video[0].frames
            if found != sink.frame_count:
                raise UserError(
                    f"only {found} of {sink.frame_count} frames reached the disk: is it full?"
                )
        except av.FFmpegError as error:
            raise UserError(f"cannot write {path}: {error.strerror}") from error


def check_suffix(path: Path) -> None:
    """Check that an output's name says which kind of clip it is to be.

    Raises:
        UserError: it does not.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(
            f"cannot write {path}: give --output a name ending in .mp4, .avi or .mkv (of a photo: "
            ".jpg, .png)"
        )


class PictureSink:
    """A picture being written, of a clip of one frame; ``open_sink`` makes one."""

    def __init__(self, part: Path, path: Path) -> None:
        self.frame_count = 0
        self._part, self._path = part, path

    def write(self, frame: Frame, plates: Sequence[Plate] = ()) -> None:
        """Write the frame, with the plates drawn on it.

        Raises:
            UserError: it is not the only one.
        """
        self.frame_count += 1
        if self.frame_count > 1:
            raise UserError(
                f"cannot write {self._path}: a picture holds one frame, and this clip has more; "
                "give --output a name ending in .mp4 or .avi"
            )
        for plate in plates:
            plate.draw(frame.pixels)
        _, encoded = cv2.imencode(self._path.suffix.lower(), frame.pixels, _AS_JPEG)
        self._part.write_bytes(encoded.tobytes())

    def copy_rest_of_sound(self) -> None:
        """Do nothing: a picture has no sound."""

    def remarks(self, clip: str, output: Path) -> list[str]:
        """Say what of the clip is not in the output: nothing."""
        return []


class AviSink:
    """An .avi being written; ``open_sink`` makes one.

    It has one rate, at which it lasts as long as the clip. That is the rate that the clip claims
    where nothing else is known, and where it is right.

    Attributes:
        frame_count: how many frames were written.
    """

    def __init__(self, part: Path, info: VideoInfo) -> None:
        fps = as_fraction(info.fps)
        self.frame_count = 0
        self._part, self._claimed = part, 1 / fps
        self._length = 0.0  # of all frames but the last, in seconds
        self._last = (0.0, 0.0)  # time and duration of the last frame
        self._shortest, self._longest = math.inf, 0.0
        self._container = av.open(str(part), "w")
        self._stream = self._container.add_stream("mjpeg", rate=fps)
        self._stream.pix_fmt = "yuvj420p"
        self._stream.width, self._stream.height = info.width, info.height
        self._stream.codec_context.time_base = self._claimed
        # Here, and not with the first frame: a size that the codec cannot have is refused now.
        self._container.start_encoding()

    def write(self, frame: Frame, plates: Sequence[Plate] = ()) -> None:
        """Append a frame. The arguments and errors are those of ``Mp4Sink.write``."""
        for plate in plates:
            plate.draw(frame.pixels)
        if self.frame_count:
            step = frame.seconds - self._last[0]
            if step > _LONGEST_PAUSE:
                step = float(self._claimed)
            else:
                self._shortest, self._longest = min(self._shortest, step), max(self._longest, step)
            self._length += step
        self._last = (frame.seconds, frame.duration)
        # OpenCV's JPEG encoder takes a third of the time of FFmpeg's. (OpenCV's own writer of
        # clips would cut an odd size.)
        _, encoded = cv2.imencode(".jpg", frame.pixels, _AS_JPEG)
        packet: av.Packet[Stream] = av.Packet(encoded.tobytes())
        packet.stream = self._stream
        packet.pts = packet.dts = self.frame_count
        packet.time_base = self._claimed
        packet.is_keyframe = True
        self._container.mux(packet)
        self.frame_count += 1

    def copy_rest_of_sound(self) -> None:
        """Do nothing: it has no sound."""

    def remarks(self, clip: str, output: Path) -> list[str]:
        """Say that frames are not shown as long as in the clip, where that can be noticed."""
        step, shortest, longest = self._step, self._shortest, max(self._longest, self._last[1])
        if longest - shortest < step / 2:
            return []
        return [
            f"{output} has the length of {clip}, but shows each frame for {float(step):.3g} "
            f"s, where that has {shortest:.3g} to {longest:.3g} s: an .mp4 keeps the times"
        ]

    def close(self) -> None:
        """Write the index, and the rate that is known only now."""
        self._container.close()
        if self._step != self._claimed:
            _set_step(self._part, self._step)

    @property
    def _step(self) -> Fraction:
        """For how many seconds each frame is shown, so that all together take their time."""
        duration = self._last[1]
        if 0 < duration <= _LONGEST_PAUSE:
            mean = (self._length + duration) / self.frame_count
        else:  # nobody knows how long the last frame is shown
            mean = self._length / max(1, self.frame_count - 1)
        if not mean or abs(mean - self._claimed) * self.frame_count < _ROUNDED:
            return self._claimed
        return Fraction(mean).limit_denominator(min(_FINEST, int(_LARGEST / (1 + mean))))


class Mp4Sink:
    """An .mp4 being written; ``open_sink`` makes one.

    Attributes:
        frame_count: how many frames were written.
        sound: what goes with them.
    """

    def __init__(self, part: Path, path: Path, info: VideoInfo, sound_of: Path | None) -> None:
        fps = as_fraction(info.fps)
        self.frame_count = 0
        self._path, self._planes = path, info.planes or _FROM_PIXELS
        self._painter, self._to_planes = PlanePainter(), VideoReformatter()
        self._pts = -1
        self._last: av.VideoFrame | None = None
        self._frame_seconds = 1 / fps
        self._clock = Fraction(1, fps.numerator * math.ceil(_FINE_CLOCK / fps.numerator))
        # With the index in front, a browser can start before it has the whole file.
        self._container = av.open(str(part), "w", options={"movflags": "+faststart"})
        self._stream = self._container.add_stream("libx264", rate=fps)
        self._odd_rows, self._odd_columns = info.height % 2, info.width % 2
        self._stream.width = info.width + self._odd_columns
        self._stream.height = info.height + self._odd_rows
        # Takes 3 ms for a frame of 638x402; "faster" takes 5 ms and no fewer bytes.
        self._stream.options = {"preset": "veryfast", "crf": "20"}
        context, form = self._stream.codec_context, self._planes
        self._stream.pix_fmt = form.name
        context.colorspace, context.color_range = form.matrix, form.range
        context.color_primaries, context.color_trc = form.primaries, form.transfer
        if cores := fewer_cores():  # by itself it goes by those of the machine
            context.thread_count = cores
        # Or nothing would say how long the last frame is shown.
        context.flags |= Flags.frame_duration
        context.time_base = self._clock
        self.sound = Sound(sound_of, self._container)
        # Here, and not with the first frame: a size that the codec cannot have is refused now.
        self._container.start_encoding()

    def write(self, frame: Frame, plates: Sequence[Plate] = ()) -> None:
        """Append a frame, and the sound before it.

        Args:
            frame: of the size that was announced, and later than the one before; what is drawn on
                it stays.
            plates: are drawn on it first.

        Raises:
            OSError: the file system refuses to write; ``open_sink`` makes it a ``UserError``.
        """
        self.sound.copy(until=frame.seconds)
        planes = frame.planes_to_write(self._planes)
        for plate in plates:
            if planes is None:
                plate.draw(frame.pixels)
            else:
                self._painter.draw(plate, planes)
        pts = self._pts_after_pause(frame.seconds)
        self._last = planes or self._picture(frame.pixels)
        self._show(self._last, pts, round(frame.duration / self._clock))

    def copy_rest_of_sound(self) -> None:
        """Copy the sound after the last frame. Without this call it ends with the picture."""
        self.sound.copy()

    def remarks(self, clip: str, output: Path) -> list[str]:
        """Say what of the clip is not in the output as it was; a line each."""
        return self.sound.remarks(clip, output)

    def close(self) -> None:
        """Write what the encoder holds back and the index."""
        try:
            self._container.mux(self._stream.encode(None))
            self.sound.finish()
        finally:
            self._container.close()
            self.sound.close()

    def _picture(self, pixels: NDArray[np.uint8]) -> av.VideoFrame:
        if self._odd_rows or self._odd_columns:
            margins = (0, self._odd_rows, 0, self._odd_columns)
            padded = cv2.copyMakeBorder(pixels, *margins, cv2.BORDER_REPLICATE)
            pixels = np.asarray(padded, np.uint8)
        picture = av.VideoFrame.from_ndarray(pixels, format="bgr24")
        picture.colorspace, picture.color_range = self._planes.matrix, self._planes.range
        return self._to_planes.reformat(
            picture, format=self._planes.name, interpolation=ROUNDED, threads=1
        )

    def _pts_after_pause(self, seconds: float) -> int:
        """Return a frame's time in ticks; repeat the one before while it is shown for hours.

        Raises:
            UserError: it is shown for so long that the time must be wrong.
        """
        shown = self._pts * self._clock
        if seconds - shown > _LONGEST_PAUSE:
            days = (seconds - shown) / 86400
            raise UserError(
                f"cannot write {self._path}: the picture at {float(shown):.2f} s is shown for "
                f"{days:,.0f} days"
            )
        pts = max(round(seconds / self._clock), self._pts + 1)
        while self._last is not None and pts - self._pts > _LONGEST_STEP:
            is_first = self.frame_count < _FIRST_STEPS
            step = round(self._frame_seconds / self._clock) if is_first else _LONGEST_STEP
            self._show(self._last, self._pts + step, _LONGEST_STEP)
        return pts

    def _show(self, picture: av.VideoFrame, pts: int, ticks: int) -> None:
        # The encoder chooses by itself which frames depend on no other.
        picture.pict_type = PictureType.NONE
        picture.pts = self._pts = pts
        picture.time_base = self._clock
        picture.duration = min(ticks, _MOST_TICKS)
        self._container.mux(self._stream.encode(picture))
        self.frame_count += 1


def _set_step(avi: Path, step: Fraction) -> None:
    """Change in a finished .avi of one stream for how many seconds each frame is shown."""
    with avi.open("r+b") as file:
        start = file.read(1024)
        file.seek(start.index(b"avih") + 8)
        file.write(struct.pack("<I", min(round(step * 10**6), 2**32 - 1)))
        file.seek(start.index(b"strh") + 8 + 20)
        file.write(struct.pack("<II", step.numerator, step.denominator))
