"""A clip's file, opened so that it opens nothing else, and the video stream that a player shows."""

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition, Stream

from activity.common.errors import UserError

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
_ANY_TEXT: dict[str, Any] = {"metadata_errors": "replace"} if _PYAV < 19 else {}


def open_container(path: Path) -> InputContainer:
    """Open a clip's file; no other file is opened, whatever is written in it.

    Raises:
        UserError: it does not exist, or is not a clip.
    """
    start = _start_of_file(path)
    try:
        # Absolute, because FFmpeg takes what stands before a colon for a protocol.
        return av.open(str(path.absolute()), container_options=_ONLY_THIS_FILE, **_ANY_TEXT)
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
