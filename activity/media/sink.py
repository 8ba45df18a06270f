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

_PICTURES = (".jpg", ".jpeg", ".png")
SUFFIXES = (".avi", ".mp4", ".mkv", *_PICTURES)

# Of Motion JPEG, 0..100: two thirds of the bytes of 95, and no difference to see.
_JPEG_QUALITY = 90

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


class _PauseError(Exception):
    """A pause between two frames that no clip holds."""


@contextmanager
def open_sink(
    path: Path, info: VideoInfo, sound_of: Path | None
) -> Iterator["VideoSink | PictureSink"]:
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
            sink = VideoSink(part, info, sound_of)
            try:
                yield sink
            except BaseException:
                with suppress(av.FFmpegError):
                    sink.close()
                raise
            sink.close()
            _check_frame_count(part, sink.frame_count)
        except av.FFmpegError as error:
            raise UserError(f"cannot write {path}: {error.strerror}") from error
        except _PauseError as error:
            raise UserError(f"cannot write {path}: {error}") from error


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
        quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        _, encoded = cv2.imencode(self._path.suffix.lower(), frame.pixels, quality)
        self._part.write_bytes(encoded.tobytes())

    def copy_rest_of_sound(self) -> None:
        """Do nothing: a picture has no sound."""

    def remarks(self, clip: str, output: Path) -> list[str]:
        """Say what of the clip is not in the output: nothing."""
        return []


class VideoSink:
    """A clip being written; ``open_sink`` makes one.

    Attributes:
        frame_count: how many frames were written.
        sound: what goes with them; None if nothing does.
    """

    def __init__(self, part: Path, info: VideoInfo, sound_of: Path | None) -> None:
        self.frame_count = 0
        self._pts = -1
        self._last: av.VideoFrame | None = None
        self.sound: Sound | None = None
        self._planes, self._painter = info.planes or _FROM_PIXELS, PlanePainter()
        self._to_planes = VideoReformatter()
        self._width, self._height = info.width, info.height
        fps = max(Fraction(info.fps).limit_denominator(1001), Fraction(1, 1001))
        self._frame_seconds = 1 / fps
        self._part, self._evened = part, _EvenedTimes(1 / fps)
        self._constant_rate = part.suffix.lower() == ".avi"
        if self._constant_rate:
            self._clock = 1 / fps
            self._container = av.open(str(part), "w")
            self._stream = self._container.add_stream("mjpeg", rate=fps)
            self._stream.pix_fmt = "yuvj420p"
        else:
            self._clock = Fraction(1, fps.numerator * math.ceil(_FINE_CLOCK / fps.numerator))
            # With the index in front, a browser can start before it has the whole file.
            self._container = av.open(str(part), "w", options={"movflags": "+faststart"})
            self._stream = self._container.add_stream("libx264", rate=fps)
            self._say_colours()
            # Takes 3 ms for a frame of 638x402; "faster" takes 5 ms and no fewer bytes.
            self._stream.options = {"preset": "veryfast", "crf": "20"}
            if cores := fewer_cores():  # by itself it goes by those of the machine
                self._stream.codec_context.thread_count = cores
            # Or nothing would say how long the last frame is shown.
            self._stream.codec_context.flags |= Flags.frame_duration
            self._width += info.width % 2
            self._height += info.height % 2
            if sound_of is not None:
                self.sound = Sound(sound_of, self._container)
        self._stream.width, self._stream.height = self._width, self._height
        self._stream.codec_context.time_base = self._clock
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
        if self.sound is not None:
            self.sound.copy(until=frame.seconds)
        planes = None if self._constant_rate else frame.planes_to_write(self._planes)
        for plate in plates:
            if planes is None:
                plate.draw(frame.pixels)
            else:
                self._painter.draw(plate, planes)
        if self._constant_rate:
            self._evened.add(frame)
            self._container.mux(self._jpeg(frame.pixels))
            self.frame_count += 1
        else:
            pts = self._pts_after_pause(frame.seconds)
            self._last = planes or self._picture(frame.pixels)
            self._show(self._last, pts, round(frame.duration / self._clock))

    def copy_rest_of_sound(self) -> None:
        """Copy the sound after the last frame. Without this call it ends with the picture."""
        if self.sound is not None:
            self.sound.copy()

    def remarks(self, clip: str, output: Path) -> list[str]:
        """Say what of the clip is not in the output as it was; a line each."""
        evened = self._evened.remark(clip, output) if self._constant_rate else None
        sound = self.sound.remarks(clip, output) if self.sound else []
        return [evened, *sound] if evened else sound

    def close(self) -> None:
        """Write what the encoder holds back and the index."""
        try:
            if not self._constant_rate:
                self._encode(None)
            if self.sound is not None:
                self.sound.finish()
        finally:
            self._container.close()
            if self.sound is not None:
                self.sound.close()
        if self._constant_rate and self._evened.step != self._frame_seconds:
            _set_step(self._part, self._evened.step)

    def _jpeg(self, pixels: NDArray[np.uint8]) -> "av.Packet[Stream]":
        # OpenCV's JPEG encoder takes a third of the time of FFmpeg's. (OpenCV's own writer of
        # clips would cut an odd size.)
        _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        packet = av.Packet(encoded.tobytes())
        packet.stream = self._stream
        packet.pts = packet.dts = self.frame_count
        packet.time_base = self._clock
        packet.is_keyframe = True
        return packet

    def _say_colours(self) -> None:
        context, form = self._stream.codec_context, self._planes
        self._stream.pix_fmt = form.name
        context.colorspace, context.color_range = form.matrix, form.range
        context.color_primaries, context.color_trc = form.primaries, form.transfer

    def _picture(self, pixels: NDArray[np.uint8]) -> av.VideoFrame:
        picture = av.VideoFrame.from_ndarray(self._padded(pixels), format="bgr24")
        picture.colorspace, picture.color_range = self._planes.matrix, self._planes.range
        return self._to_planes.reformat(
            picture, format=self._planes.name, interpolation=ROUNDED, threads=1
        )

    def _pts_after_pause(self, seconds: float) -> int:
        """Return a frame's time in ticks; repeat the one before while it is shown for hours.

        Raises:
            _PauseError: it is shown for so long that the time must be wrong.
        """
        shown = self._pts * self._clock
        if seconds - shown > _LONGEST_PAUSE:
            days = (seconds - shown) / 86400
            raise _PauseError(f"the picture at {float(shown):.2f} s is shown for {days:,.0f} days")
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
        self._encode(picture)
        self.frame_count += 1

    def _encode(self, picture: av.VideoFrame | None) -> None:
        for packet in self._stream.encode(picture):
            self._container.mux(packet)

    def _padded(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        below, right = self._height - pixels.shape[0], self._width - pixels.shape[1]
        if not below and not right:
            return pixels
        padded = cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_REPLICATE)
        return np.asarray(padded, np.uint8)


def _check_frame_count(part: Path, written: int) -> None:
    with av.open(str(part)) as clip:
        found = clip.streams.video[0].frames
    if found != written:
        raise UserError(f"only {found} of {written} frames reached the disk: is it full?")


class _EvenedTimes:
    """How long frames are shown, and the one rate at which an .avi lasts as long as the clip.

    Args:
        claimed: the latter, in seconds, as the clip says. It is taken where nothing else is known,
            and where it is right.
    """

    def __init__(self, claimed: Fraction) -> None:
        self._claimed = claimed
        self._count = 0
        self._length = 0.0  # of all frames but the last, in seconds
        self._last = (0.0, 0.0)  # time and duration of the last frame
        self._shortest, self._longest = math.inf, 0.0

    def add(self, frame: Frame) -> None:
        """Take in the next frame."""
        if self._count:
            self._length += self._checked(frame.seconds - self._last[0])
        self._last = (frame.seconds, frame.duration)
        self._count += 1

    @property
    def step(self) -> Fraction:
        """For how many seconds each frame is shown, so that all together take their time."""
        duration = self._last[1]
        if 0 < duration <= _LONGEST_PAUSE:
            mean = (self._length + duration) / self._count
        else:  # nobody knows how long the last frame is shown
            mean = self._length / max(1, self._count - 1)
        if not mean or abs(mean - self._claimed) * self._count < _ROUNDED:
            return self._claimed
        return Fraction(mean).limit_denominator(min(_FINEST, int(_LARGEST / (1 + mean))))

    def remark(self, clip: str, output: Path) -> str | None:
        """Say that frames are not shown as long as in the clip, where that can be noticed."""
        shortest, longest = self._shortest, max(self._longest, self._last[1])
        if longest - shortest < self.step / 2:
            return None
        return (
            f"{output} has the length of {clip}, but shows each frame for {float(self.step):.3g} "
            f"s, where that has {shortest:.3g} to {longest:.3g} s: an .mp4 keeps the times"
        )

    def _checked(self, step: float) -> float:
        if step > _LONGEST_PAUSE:
            return float(self._claimed)
        self._shortest, self._longest = min(self._shortest, step), max(self._longest, step)
        return step


def _set_step(avi: Path, step: Fraction) -> None:
    """Change in a finished .avi of one stream for how many seconds each frame is shown."""
    with avi.open("r+b") as file:
        start = file.read(1024)
        file.seek(start.index(b"avih") + 8)
        file.write(struct.pack("<I", min(round(step * 10**6), 2**32 - 1)))
        file.seek(start.index(b"strh") + 8 + 20)
        file.write(struct.pack("<II", step.numerator, step.denominator))
