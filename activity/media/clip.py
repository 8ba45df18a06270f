"""Frames from a clip."""

import math
from collections import deque
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import av
from av.container import InputContainer

from activity.common.errors import UserError
from activity.media.container import open_container, shown_stream, start_of_clock
from activity.media.crop import cropped, margins_of
from activity.media.decoding import Decoder, Picture
from activity.media.deinterlacing import deinterlaced
from activity.media.frame import DecodedFrame, Frame, Showing
from activity.media.packets import Extent, packets_of
from activity.media.planes import format_to_write
from activity.media.source import VideoInfo, plausible_fps
from activity.media.upright import layout_of

CLIP_SUFFIXES = (
    *(".264", ".265", ".266", ".3g2", ".3gp", ".amv", ".apng", ".asf", ".av1", ".avc", ".avi"),
    *(".cavs", ".dav", ".dif", ".divx", ".drc", ".dv", ".evo", ".f4v", ".flv", ".gxf", ".h261"),
    *(".h263", ".h264", ".h265", ".h266", ".h26l", ".hevc", ".insv", ".ismv", ".ivf", ".lrv"),
    *(".lxf", ".m1v", ".m2p", ".m2t", ".m2ts", ".m2v", ".m4v", ".mj2", ".mjpeg", ".mjpg", ".mk3d"),
    *(".mkv", ".mod", ".mov", ".mp2v", ".mp4", ".mp4v", ".mpe", ".mpeg", ".mpg", ".mpv", ".mqv"),
    *(".mts", ".mxf", ".nsv", ".nut", ".obu", ".ogm", ".ogv", ".psp", ".pva", ".qt", ".rcv", ".rm"),
    *(".rmvb", ".swf", ".tod", ".tp", ".trp", ".ts", ".vc1", ".vc2", ".vob", ".vro", ".vvc"),
    *(".webm", ".wmv", ".wtv", ".y4m"),
)
"""Files in a folder with these endings are taken for clips: what FFmpeg's demuxers of moving
pictures call their own, and what cameras and recorders call the same formats."""

MOVING_PHOTO_SUFFIXES = (".gif",)
"""A file with such an ending is a clip to be labelled, and a photo to learn from."""

_COUNTING_MILLISECONDS = {"flv", "matroska"}


class VideoSource:
    """A clip opened for reading.

    Frames come out upright, with square pixels, deinterlaced, and all of the first one's size,
    whatever the clip's metadata ask a player to do.

    It is read with PyAV, not with ``cv2.VideoCapture``, which gives memory that was never filled
    for an interlaced picture, ends at a damaged packet or after 4,096 packets of other streams,
    has no decoder of AV1, and follows a playlist to other files. On any other clip, both give the
    same pixels bit for bit, in the same time.
    """

    live = False
    dropped = 0

    def __init__(self, path: Path, *, as_pixels: bool = False) -> None:
        """Open the clip and read its first frame.

        Args:
            path: path of the file.
            as_pixels: whether frames will be written as pixels, whatever their planes are.

        Raises:
            UserError: it does not exist, or FFmpeg reads no frame from it.
        """
        self._path = path
        self._container = open_container(path)
        stream = shown_stream(self._container)
        if stream is None:
            self._container.close()
            raise UserError(f"cannot read {path} as a video: there is no video in it")
        self._decoder = Decoder(path, self._container, stream)
        self._margins = margins_of(path, self._container, stream)
        self._pictures = self._decoded()
        first = next(self._pictures, None)
        if first is None:
            self.close()
            raise UserError(f"cannot read {path} as a video: FFmpeg finds no frame in it")
        self._first = first
        self._start = start_of_clock(self._container)
        layout = layout_of(first.planes, stream.sample_aspect_ratio)
        width, height = layout.size(first.planes.width, first.planes.height)
        can_be_planes = layout.as_stored and not as_pixels
        planes = format_to_write(first.planes) if can_be_planes else None
        self._showing = Showing(layout, width, height, planes)
        self.info = VideoInfo(
            width=width,
            height=height,
            fps=plausible_fps(*_claimed_rates(self._container, stream)),
            frame_count=_frame_count(stream),
            planes=planes,
        )
        self._last = (-1.0, -1.0)  # time and end of the last frame, once it was read

    @property
    def damaged(self) -> int:
        """How many packets could not be decoded so far."""
        return self._decoder.damaged

    @property
    def corrupt(self) -> int:
        """How many frames the decoder has called corrupt so far; they are among the frames."""
        return self._decoder.corrupt

    def frames(self) -> Generator[Frame, None, None]:
        """Yield every frame that can be decoded, in order; release the clip at the end.

        The times are the clip's own, so a variable frame rate is kept. Where the clip has none,
        or one that does not grow, a frame comes 1 / fps after the one before it.
        """
        picture: Picture | None = self._first
        seconds = max(0.0, self._time(self._first, before=-math.inf))
        try:
            while picture is not None:
                following = next(self._pictures, None)
                end = self._end(seconds) if following is None else self._time(following, seconds)
                yield DecodedFrame(picture.planes, self._showing, seconds, end - seconds)
                if following is None:
                    self._last = (seconds, end)
                picture, seconds = following, end
        finally:
            self.close()

    def end_of(self, seconds: float) -> float:
        """Tell when the frame of that time ceases to be shown, in seconds.

        Of the last frame it is what the clip says, once all frames were read. Of any other it is
        1 / fps later.
        """
        last, end = self._last
        return end if seconds == last else seconds + 1 / self.info.fps

    def seconds(self) -> float:
        """Tell when the last frame ceases to be shown: how long the clip is.

        All of it is read, but not decoded. What it says of its own length is not asked: that is
        wrong where the frame rate varies, and where the clip was cut off.
        """
        with closing(open_container(self._path)) as container:
            extent, stream = Extent(container), shown_stream(container)
            for packet in packets_of(container, stream) if stream else ():
                extent.add(packet)
        if extent.latest is None:
            (last,) = deque(self.frames(), maxlen=1)
            return last.seconds + last.duration
        return self._end(float(extent.latest - self._start), extent)

    def close(self) -> None:
        """Release the clip."""
        self._pictures.close()
        self._container.close()

    def _decoded(self) -> Generator[Picture, None, None]:
        """Yield the clip's pictures.

        Raises:
            UserError: FFmpeg cannot go on with one of them.
        """
        try:
            yield from cropped(deinterlaced(self._decoder.pictures()), self._margins)
        except av.FFmpegError as error:
            raise UserError(f"cannot read {self._path} as a video: {error.strerror}") from error

    def _time(self, picture: Picture, before: float) -> float:
        """Return a picture's time by the clock of a player, later than the one ``before``."""
        seconds = None if picture.seconds is None else float(picture.seconds - self._start)
        if seconds is not None and seconds > before:
            return seconds
        return before + 1 / self.info.fps if before >= 0 else 0.0

    def _end(self, seconds: float, extent: Extent | None = None) -> float:
        """Return when the last frame, which is shown at ``seconds``, ceases to be shown."""
        said = float((extent or self._decoder.extent).end - self._start)
        return said if said > seconds else seconds + 1 / self.info.fps


def _claimed_rates(container: InputContainer, stream: av.VideoStream) -> list[float]:
    """List the rates that a clip could have as it says, in frames per second, best first."""
    rates = (stream.guessed_rate, stream.average_rate, stream.base_rate)
    # Where such a file says none, as a browser's recording, FFmpeg takes the tick of its clock.
    counts_milliseconds = _COUNTING_MILLISECONDS & set(container.format.name.split(","))
    return [float(rate) for rate in rates if rate and not (counts_milliseconds and rate == 1000)]


def _frame_count(stream: av.VideoStream) -> int:
    """Return how many frames a clip says it has; 0 where it does not say.

    Its length times its rate is not asked: that is a guess, and wrong where the rate varies. What
    an editor has cut off without removing it is not shown.
    """
    if not stream.frames:
        return 0
    return max(0, stream.frames - sum(entry.is_discard for entry in stream.index_entries))
