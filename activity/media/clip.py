"""Frames from a clip's file: its streams, their packets in one clock, pictures, upright frames."""

import errno
import math
import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, suppress
from fractions import Fraction
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import av
from av.codec.context import Flags as CodecFlags
from av.codec.context import ThreadType
from av.container import InputContainer
from av.filter import Graph
from av.format import Flags
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.reformatter import VideoReformatter

from activity.common.cores import usable_cores
from activity.common.errors import UserError
from activity.media.crop import Margins, margins_of
from activity.media.frame import (
    IN_SDR,
    DecodedFrame,
    Frame,
    PlaneCrop,
    Showing,
    VideoInfo,
    Window,
    filter_for,
    format_to_write,
    layout_of,
    plausible_fps,
    shape_of,
)
from activity.media.hdr import in_sdr
from activity.media.photo import START, PhotoSource, may_be_photo

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

# What cameras, phones, recorders and editors write. Formats that name other files or addresses to
# be opened (concat, HLS, DASH, SDP, numbered images) and those that draw a text are not among them.
_FORMATS = (
    *("amv", "apng", "asf", "av1", "avi", "cavsvideo", "dhav", "dirac", "dv", "flv", "gif", "gxf"),
    *("h261", "h263", "h264", "hevc", "ivf", "live_flv", "lxf", "m4v", "matroska", "mjpeg"),
    *("mjpeg_2000", "mov", "mpeg", "mpegts", "mpegvideo", "mpjpeg", "mxf", "nsv", "nut", "obu"),
    *("ogg", "pva", "rm", "smjpeg", "swf", "vc1", "vc1test", "vvc", "wtv", "yuv4mpegpipe"),
)
_ONLY_THIS_FILE = {"format_whitelist": ",".join(_FORMATS), "protocol_whitelist": "file"}

# No container of moving pictures but .y4m starts with this many bytes and no zero among them.
_SNIFFED_BYTES = 4096

_NOT_SHOWN = Disposition.attached_pic | Disposition.timed_thumbnails

# Titles and the like need not be UTF-8. From 19 on, PyAV does not mind; that option is gone.
_PYAV = int(av.__version__.split(".")[0])
ANY_TEXT: dict[str, Any] = {"metadata_errors": "replace"} if _PYAV < 19 else {}


def open_container(path: Path) -> InputContainer:
    """Open a clip's file; no other file is opened, whatever is written in it.

    Raises:
        UserError: it does not exist, or is not a clip.
    """
    start = _start_of_file(path)
    if _is_photo(path, start):
        # FFmpeg would take one of the tiles of a HEIC photo for a clip.
        raise UserError(f"cannot read {path} as a video: it is a photo")
    try:
        # Absolute, because FFmpeg takes what stands before a colon for a protocol.
        return av.open(str(path.absolute()), container_options=_ONLY_THIS_FILE, **ANY_TEXT)
    except (av.FFmpegError, OSError) as error:
        if 0 not in start:
            what = "text" if start else "empty"
            raise UserError(f"cannot read {path} as a video: it is {what}") from error
        raise UserError(f"cannot read {path} as a video: FFmpeg finds no frame in it") from error


def shown_stream(container: InputContainer) -> av.VideoStream | None:
    """Choose the video stream that a player shows, as FFmpeg does; None if there is none.

    That is the largest one, but one that is marked as the default counts for more than a
    larger one. Cover pictures and thumbnails are not shown.
    """
    streams = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & _NOT_SHOWN
    ]

    def rank(stream: av.VideoStream) -> int:
        is_default = bool(stream.disposition & Disposition.default)
        return stream.width * stream.height + 5_000_000 * is_default

    return max(streams, key=rank, default=None)


def streams_beside(container: InputContainer, wanted: Stream) -> list[Stream]:
    """List pictures and sound of the programme that a stream belongs to, that stream among them.

    Where there are no programmes, as in most files, that is all pictures and all sound.
    """
    best = container.streams.best
    return [
        stream
        for stream in container.streams
        if stream is wanted
        or (
            stream.type in ("audio", "video")
            and best("video", related=stream) is best("video", related=wanted)
        )
    ]


def heard_stream(container: InputContainer) -> av.AudioStream | None:
    """Choose the audio stream that a player plays to the picture; None if there is none.

    Of those that belong to the picture it is the one that FFmpeg chooses, or the next one where
    FFmpeg has no decoder for that.
    """
    picture = shown_stream(container)
    if picture is None:
        return None
    beside = streams_beside(container, picture)
    own = [stream for stream in beside if isinstance(stream, av.AudioStream)]
    chosen = container.streams.best("audio", related=picture)

    def rank(stream: av.AudioStream) -> tuple[bool, bool, bool, int]:
        is_default = bool(stream.disposition & Disposition.default)
        can_be_decoded = stream.codec_context is not None
        return can_be_decoded, stream is chosen, is_default, -stream.index

    return max(own, key=rank, default=None)


def start_of_clock(container: InputContainer) -> Fraction:
    """Tell which of a file's times a player calls zero, in seconds: where its first stream starts.

    Sound that starts before zero is only there to set up its decoder, and is not played.
    """
    stream = shown_stream(container)
    start = max(Fraction(0), Fraction(container.start_time or 0, av.time_base))
    if stream is None or stream.start_time is None or stream.time_base is None:
        return start
    shown = stream.start_time * stream.time_base
    beside = streams_beside(container, stream)
    if any(other not in beside for other in (*container.streams.video, *container.streams.audio)):
        # Programmes of one file have a clock each.
        starts = [
            other.start_time * other.time_base
            for other in beside
            if other.start_time is not None and other.time_base is not None
        ]
        return min(starts)
    return min(start, shown)


def _is_photo(path: Path, start: bytes) -> bool:
    # FFmpeg plays GIF and animated PNG. A JPEG may be the first one of a stream.
    if b"acTL" in start or start.startswith(b"GIF8"):
        return False
    is_stream = start.startswith(b"\xff\xd8") and path.suffix.lower() in CLIP_SUFFIXES
    return may_be_photo(start[:START]) and not is_stream


def _start_of_file(path: Path) -> bytes:
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError as error:
        # No table or summary could name it.
        raise UserError(f"cannot read {path}: its name is not UTF-8; rename it") from error
    try:
        if path.is_dir():
            raise UserError(f"cannot read {path} as a video: it is a folder")
        if path.exists() and not path.is_file():
            # Opening a pipe would wait for somebody to write into it.
            raise UserError(f"cannot read {path} as a video: it is not a regular file")
        with path.open("rb") as file:
            return file.read(_SNIFFED_BYTES)
    except FileNotFoundError as error:
        raise UserError(f"no clip at {path}: give --input a video file") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


# FFmpeg's own limits, in seconds: what is further from where it should be, or further back, is
# another clock, as where a broadcast or a recording goes on after a break.
_LONGEST_GAP = 10
_LONGEST_STEP_BACK = Fraction(1, 10)

# Packets that tell how long frames are shown where the clip does not.
_RECENT = 17

# A disk or a network that fails. Where a file is damaged or ends, FFmpeg says something else.
_CANNOT_BE_READ = {
    *(errno.EACCES, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EIO, errno.ENODEV, errno.ENOTCONN),
    *(errno.ENXIO, errno.ESTALE, errno.ETIMEDOUT),
}


class Extent:
    """How far the packets of a clip go.

    Attributes:
        latest: when the last of its frames starts, in seconds; None before the first packet.
    """

    def __init__(self, container: InputContainer) -> None:
        self.latest: Fraction | None = None
        # Elsewhere a packet says how long its frame is shown; here, when the next one is decoded,
        # and the last packet, how long the last frame is shown, whichever that is.
        self._in_order_of_decoding = "mov" in container.format.name
        self._said = Fraction(0)  # how long the last frame is shown
        self._recent: deque[Fraction] = deque(maxlen=_RECENT)

    @property
    def end(self) -> Fraction:
        """When the last of its frames ceases to be shown, in seconds.

        It is not later than ``latest`` where nothing tells.
        """
        latest = self.latest or Fraction(0)
        steps = [later - one for one, later in pairwise(sorted(self._recent)) if later > one]
        # Where a file does not say how long a frame is shown, FFmpeg says what its rate would be,
        # which may be the tick of its clock.
        believed = self._in_order_of_decoding or not steps or 2 * self._said >= min(steps)
        if self._said and believed:
            return latest + self._said
        return latest + sum(steps, Fraction(0)) / max(1, len(steps))

    def add(self, packet: "Packet[Stream]") -> None:
        """Take in a packet; those that are decoded but not shown do not count."""
        if packet.pts is None or packet.is_discard:
            return
        pts = packet.pts * packet.time_base
        self._recent.append(pts)
        if self.latest is None or pts > self.latest:
            self.latest = pts
        elif not self._in_order_of_decoding:
            return
        self._said = (packet.duration or 0) * packet.time_base


def packets_of(container: InputContainer, wanted: Stream) -> Iterator["Packet[Stream]"]:
    """Yield a stream's packets up to where the file ends or is damaged beyond reading.

    The times of formats whose clock may jump (transport and program streams) go on as if it did
    not, by the same amount in all streams, so that sound and picture stay in step: the packets' own
    times are changed.

    Args:
        container: an open file; reading goes on from where it is.
        wanted: one of its streams.

    Raises:
        UserError: the disk or the network that the file lies on fails.
    """
    jumps = Flags.ts_discont in Flags(container.format.flags)
    watched = streams_beside(container, wanted) if jumps else [wanted]
    for packet in packets_of_all(container, watched):
        if packet.stream is wanted:
            yield packet


def packets_of_all(container: InputContainer, wanted: list[Stream]) -> Iterator["Packet[Stream]"]:
    """Yield the packets of several streams as ``packets_of`` does, in the order of the file."""
    packets = _readable(container, wanted)
    jumps = Flags.ts_discont in Flags(container.format.flags)
    yield from _without_jumps(packets) if jumps else packets


def _readable(container: InputContainer, streams: list[Stream]) -> Iterator["Packet[Stream]"]:
    packets = container.demux(*streams)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            if error.errno in _CANNOT_BE_READ:
                raise UserError(f"cannot read {container.name}: {error.strerror}") from error
            return
        if packet is None:
            return
        if packet.size:  # at the end there is an empty one of each stream
            yield packet


def _without_jumps(packets: Iterator["Packet[Stream]"]) -> Iterator["Packet[Stream]"]:
    # By stream, in seconds: when its last packet was, and when the next one should be.
    places: dict[int, tuple[Fraction, Fraction]] = {}
    offset = Fraction(0)
    last: Fraction | None = None
    for packet in packets:
        if packet.dts is not None:
            tick = packet.time_base
            now = packet.dts * tick + offset
            # The first packet of its stream should be near those of the others.
            before, expected = places.get(packet.stream_index, (now, now if last is None else last))
            jump = now - expected
            if abs(jump) <= _LONGEST_GAP and before - now <= _LONGEST_STEP_BACK:
                jump = Fraction(0)
            offset -= jump
            last = now - jump
            places[packet.stream_index] = last, last + (packet.duration or 0) * tick
            ticks = round(offset / tick)
            packet.dts += ticks
            if packet.pts is not None:
                packet.pts += ticks
        yield packet


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
    seconds: Fraction | None = None
    needs: Fraction = Fraction(0)


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
        for picture in self._decode(self._container, self._stream, threads_for(self._stream)):
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
        threads = 1 if one_thread else threads_for(self._stream)
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
        context.flags |= CodecFlags.output_corrupt
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
                ticks = planes.dts if planes.pts is None else planes.pts
                seconds = None if ticks is None else ticks * tick
                last_needed = needs.pop(ticks or 0, seconds or Fraction(0))
                yield Picture(that_can_be_scaled(planes), seconds, last_needed)


def that_can_be_scaled(planes: av.VideoFrame) -> av.VideoFrame:
    """Return a picture as it is, without the name of a colour matrix that no scaler knows."""
    if planes.colorspace not in _SCALED_MATRICES:
        planes.colorspace = _UNSPECIFIED
    return planes


def threads_for(stream: av.VideoStream) -> int:
    """Say in how many threads a stream is decoded, whose pictures take memory in each."""
    size = max(1, stream.width * stream.height * 3 // 2)
    return max(1, min(usable_cores(), _MOST_THREADS, _BYTES_IN_THREADS // size))


# The filter takes no smaller planes; those of colours are often smaller than the picture.
_SMALLEST_SIDE = 4


def deinterlaced(pictures: Iterable[Picture]) -> Generator[Picture, None, None]:
    """Yield pictures as they are, but interlaced ones without their combs, at the same times.

    An interlaced picture holds lines of two moments; it gets all of the first.
    """
    # FFmpeg's bwdif looks at the pictures before and after; one goes in, one comes out.
    graph = shape = None
    waiting: deque[Picture] = deque()
    for picture in pictures:
        planes = picture.planes
        if graph is not None and shape != shape_of(planes):
            graph.push(None)
            yield from _filtered(graph, waiting)
            graph = None
        if graph is None and _is_interlaced(planes):
            # Of a clip that is interlaced in parts, the other parts stay as they are.
            mode = "mode=send_frame:parity=auto:deint=interlaced"
            graph, shape = filter_for(planes, "bwdif", mode), shape_of(planes)
        if graph is None:
            yield picture
            continue
        waiting.append(picture)
        graph.push(planes)
        yield from _filtered(graph, waiting)
    if graph is not None:
        graph.push(None)
        yield from _filtered(graph, waiting)


def _filtered(graph: Graph, waiting: deque[Picture]) -> Iterator[Picture]:
    # It ends where the filter wants the next picture first, or has given all of them.
    with suppress(av.BlockingIOError, av.EOFError):
        while waiting:
            planes = graph.vpull()
            yield waiting.popleft()._replace(planes=planes)


def _is_interlaced(planes: av.VideoFrame) -> bool:
    form = planes.format
    sides = form.chroma_width(planes.width), form.chroma_height(planes.height)
    return planes.interlaced_frame and min(sides) >= _SMALLEST_SIDE


def cropped(pictures: Iterable[Picture], margins: Margins | None) -> Generator[Picture, None, None]:
    """Yield pictures without their margins. One that has nothing else stays as it is."""
    if margins is None:
        yield from pictures
        return
    crop = PlaneCrop()
    for picture in pictures:
        planes = picture.planes
        if margins.leave_something(planes.width, planes.height):
            width = planes.width - margins.left - margins.right
            height = planes.height - margins.top - margins.bottom
            planes = crop(planes, Window(margins.left, margins.top, width, height))
        yield picture._replace(planes=planes)


def open_clip(path: Path, *, as_pixels: bool = False) -> "VideoSource | PhotoSource":
    """Open a clip, or a photo as a clip of one frame; what it is, its content says.

    The arguments and errors are those of ``VideoSource``.
    """
    if _is_photo(path, _start_of_file(path)):
        return PhotoSource(path)
    return VideoSource(path, as_pixels=as_pixels)


class VideoSource:
    """A clip opened for reading.

    Frames come out upright, with square pixels, deinterlaced, and all of the first one's size,
    whatever the clip's metadata ask a player to do.

    It is read with PyAV, not with ``cv2.VideoCapture``, which gives memory that was never filled
    for an interlaced picture, ends at a damaged packet or after 4,096 packets of other streams,
    has no decoder of AV1, follows a playlist to other files, and takes seconds for the first frame
    of HDR. On any other clip, both give the same pixels bit for bit, in the same time.
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
        self._showing, self.info = shown_as(self._container, stream, first, as_pixels=as_pixels)
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


def shown_as(
    container: InputContainer, stream: av.VideoStream, first: Picture, *, as_pixels: bool
) -> tuple[Showing, VideoInfo]:
    """Say from its first picture how the frames of a stream are shown, and what it is.

    Args:
        container: an open file, or what sends the stream.
        stream: one of its streams.
        first: its first picture.
        as_pixels: whether frames will be written as pixels, whatever their planes are.
    """
    layout = layout_of(first.planes, stream.sample_aspect_ratio)
    width, height = layout.size(first.planes.width, first.planes.height)
    shown = in_sdr(first.planes, VideoReformatter())
    planes = format_to_write(shown) if layout.as_stored and not as_pixels else None
    info = VideoInfo(
        width=width,
        height=height,
        fps=plausible_fps(*_claimed_rates(container, stream)),
        frame_count=_frame_count(stream),
        planes=IN_SDR if shown is not first.planes else planes,
    )
    return Showing(layout, width, height, planes), info


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
