"""Find out which clips browsers play, and write small copies of the others."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath

import cv2
import numpy as np

from activity.common.errors import UserError
from activity.common.stores import is_stored
from activity.media.clip import open_container, shown_stream
from activity.media.frame import Frame, VideoInfo
from activity.media.sink import open_sink

COPY_HEIGHT = 480
"""Copies are at most this many pixels high."""

# What Chromium, Firefox and Safari all play from a file, by suffix. Safari does not play .mkv,
# H.265 depends on the machine, and none of them plays Theora any more.
_PLAYED = {
    ".mp4": {"h264", "vp9", "av1"},
    ".m4v": {"h264"},
    ".mov": {"h264"},
    ".webm": {"vp8", "vp9", "av1"},
}
_PIXEL_FORMATS = {"yuv420p", "yuvj420p"}  # 8 bits, and colour at half the resolution

# Folders of home folders: a path through one of them names a person.
_HOMES = {"home", "users", "documents and settings"}


def plays_in_browsers(clip: Path) -> bool:
    """Return whether current browsers play a clip as it is.

    Args:
        clip: a file; False if it cannot be read.

    Example:
        >>> plays_in_browsers(Path("tennis.avi"))
        False
    """
    codecs = _PLAYED.get(clip.suffix.lower(), set())
    if not codecs:
        return False
    try:
        with open_container(clip) as container:
            video = shown_stream(container)
            if video is None:
                return False
            codec = video.codec_context
            return codec.codec.canonical_name in codecs and codec.pix_fmt in _PIXEL_FORMATS
    except UserError:
        return False


def reference(clip: Path, folder: Path) -> PurePath | None:
    """Return a clip's path relative to the folder of a page, so that both can be moved together.

    Returns:
        The path; None if there is none (another drive on Windows, an address in a store), or if it
        would name a person because it leads into somebody's home folder from outside.
    """
    if is_stored(clip):
        return None
    try:
        # Links are not resolved: a browser goes by the suffix.
        there = clip.parent.resolve() / clip.name
        path = PurePath(os.path.relpath(there, folder.resolve()))
    except ValueError:
        return None
    # People pass pages on, with their clips; names of this machine's users must not go with them.
    own_home = PurePath(os.path.expanduser("~"))  # noqa: PTH111 - a user may have none
    homes = {*_HOMES, own_home.name.casefold()}
    inside = path.parts[path.parts.count("..") : -1]
    climbs = ".." in path.parts
    return None if climbs and any(part.casefold() in homes for part in inside) else path


def needs_copy(clip: Path, folder: Path) -> bool:
    """Return whether a page in ``folder`` needs a copy of a clip to show it."""
    return reference(clip, folder) is None or not plays_in_browsers(clip)


@contextmanager
def open_copy(
    path: Path, info: VideoInfo, sound_of: Path | None
) -> Iterator[Callable[[Frame], None]]:
    """Open a small H.264 copy of a clip, to write while the clip is labelled.

    It appears under its name when the block ends cleanly.

    Args:
        path: path of the copy, an ``.mp4``.
        info: size and rate of the frames to come.
        sound_of: the clip whose sound to keep; None for no sound.

    Yields:
        A function that writes the next frame, given in full size, and does not change it.

    Raises:
        UserError: the copy cannot be written.
    """
    height = min(COPY_HEIGHT, info.height)
    width = max(2, round(info.width * height / info.height / 2) * 2)
    small = VideoInfo(width, height, info.fps, info.frame_count)
    with open_sink(path, small, sound_of) as sink:

        def write(frame: Frame) -> None:
            pixels = frame.pixels
            if pixels.shape[:2] != (height, width):
                resized = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
                pixels = np.asarray(resized, np.uint8)
            sink.write(Frame(pixels, frame.seconds, frame.duration))

        yield write
        sink.copy_rest_of_sound()
