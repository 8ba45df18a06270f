"""The files of a clip on a review page: its data, and a copy where browsers do not play it."""

import base64
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, count
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from activity.common.errors import UserError
from activity.common.regular_file import hash_file
from activity.common.stores import is_stored, public_name
from activity.common.tables import as_text
from activity.media.clip import open_container, shown_stream
from activity.media.frame import Frame, VideoInfo, Window
from activity.media.sink import open_sink
from activity.temporal.judgement import NO_LABEL
from activity.temporal.segments import UNKNOWN

INDEX = "index.html"
"""The page itself, in its folder."""

DATA = ".data"
"""Folder of the data, hidden so that train.py does not learn from the copies of clips in it."""

SUMMARY = "// "
"""Prefix of the summary, the first line of a data file."""

CALL = "takeClip("
"""Prefix of what the page shows of the clip, in the second line."""

# Where frames do not come at one rate, times are told in ticks, as steps of 16 bits. A step that
# these cannot hold is preceded by longest ones, which end no frame.
TICKS = 10_000  # in a second


LONGEST_STEP = 2**16 - 1

_KEYS = {"id", "name", "clip", "label", "doubt", "seconds", "doubtful"}
_KEY_OF_REGIONS = "region"

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


class ShownPart(NamedTuple):
    """What is shown of a clip: what is kept of one on a page is not about others.

    Attributes:
        digest: SHA-256 of the clip's content.
        size: width and height of its frames in pixels.
        window: the part of the frames that is labelled; None for the whole.
    """

    digest: str
    size: tuple[int, int]
    window: Window | None = None

    @property
    def place(self) -> list[float] | None:
        """Left, top, width and height of the part in shares of the frame; None for the whole."""
        if self.window is None:
            return None
        sides = (*self.size, *self.size)
        return [round(edge / side, 6) for edge, side in zip(self.window, sides, strict=True)]


def data_file(folder: Path, name: str) -> Path:
    """Return the path of the data of the clip with that name."""
    return folder / DATA / f"{name}.js"


def copy_file(folder: Path, name: str) -> Path:
    """Return the path of the copy of the clip with that name, if it needs one."""
    return folder / DATA / f"{name}.mp4"


def page_and_name(data: Path) -> tuple[Path, str]:
    """Return the folder of the page and the clip's name: the inverse of ``data_file``."""
    return data.parent.parent, data.name.removesuffix(".js")


def data_of_clip(folder: Path, name: str, clip: Path) -> Path:
    """Choose the data file of a clip, so that no data of another clip are overwritten.

    Args:
        folder: folder of the page.
        name: name of the clip. If another clip has that name on the page, this one becomes
            ``name~2``, ``name~3`` and so on.
        clip: path of the clip, or its address in a store.
    """
    names = chain([name], (f"{name}~{number}" for number in count(2)))
    files = (data_file(folder, candidate) for candidate in names)
    return next(file for file in files if not _is_of_another(file, folder, clip))


def _is_of_another(data: Path, folder: Path, clip: Path) -> bool:
    summary = read_summary(data)
    if summary is None:
        return False
    has_place = is_stored(clip) or reference(clip, folder) is not None
    if has_place and summary["clip"] == name_in_tables(folder, clip):
        return False  # even if it has been edited
    try:
        return is_stored(clip) or summary["id"] != hash_file(clip)
    except OSError:  # reported later
        return False


def name_in_tables(folder: Path, clip: Path) -> str:
    """Name a clip as tables do: its path relative to the page's folder, or its file name alone."""
    if is_stored(clip):
        return as_text(public_name(str(clip)))
    path = reference(clip, folder)
    return as_text(clip.name if path is None else path.as_posix())


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


def read_summary(data: Path) -> dict[str, Any] | None:
    """Read the summary of a clip's data; None if the file is no data file of a page."""
    try:
        with data.open(encoding="ascii") as file:
            summary = json.loads(file.readline().removeprefix(SUMMARY))
        return summary if summary.keys() - {_KEY_OF_REGIONS} == _KEYS else None
    except (OSError, ValueError, AttributeError):
        return None


def read_place(data: Path) -> list[float] | None:
    """Read which part of a clip a data file is about, as ``ShownPart.place`` has it."""
    region = (read_summary(data) or {}).get(_KEY_OF_REGIONS)
    return region.get("place") if isinstance(region, dict) else None


class LabelledFrames(NamedTuple):
    """What a page says of the frames of a clip.

    Attributes:
        times: when each is shown in seconds, ascending, up to a tick late; shape (frames,).
        numbers: of its label among those asked for, shape (frames,); the number of these for
            ``unknown`` if it is not among them, ``NO_LABEL`` for any other label.
        labels: all labels that the clip could have got, as text.
    """

    times: NDArray[np.float64]
    numbers: NDArray[np.intp]
    labels: list[str]


def read_labelled_frames(
    data: Path, shown: ShownPart, labels: Sequence[str]
) -> LabelledFrames | None:
    """Read when each frame of a clip is shown, and which label it has on the page.

    Args:
        data: the clip's data file.
        shown: the clip, or the part of it.
        labels: the labels to number.

    Returns:
        None if the data are missing, damaged, or of something else.
    """
    with suppress(OSError, ValueError, LookupError, TypeError):
        summary = read_summary(data)
        if summary is None or summary["id"] != shown.digest or read_place(data) != shown.place:
            return None
        line = data.read_text(encoding="ascii").split("\n")[1]
        content = json.loads(line.removeprefix(CALL).removesuffix(");"))
        times, numbers = _times_in(content["timing"]), _numbers_in(content, labels)
        if len(times) == len(numbers):
            return LabelledFrames(times, numbers, content["labels"])
    return None


def _numbers_in(content: dict[str, Any], labels: Sequence[str]) -> NDArray[np.intp]:
    number_of = {UNKNOWN: len(labels)} | {as_text(label): n for n, label in enumerate(labels)}
    starts = [start for start, *_ in content["segments"]]
    numbers = [number_of.get(label, NO_LABEL) for _, label, *_ in content["segments"]]
    return np.repeat(numbers, np.diff([*starts, content["timing"]["frames"]]))


def _times_in(timing: dict[str, Any]) -> NDArray[np.float64]:
    if "fps" in timing:
        return np.arange(timing["frames"]) / timing["fps"]
    steps = np.frombuffer(base64.b64decode(timing["steps"]), "<u2")
    ticks = np.cumsum(steps, dtype=np.int64)[steps < LONGEST_STEP]
    # They were rounded down. At the end of its tick no frame is before the segment that it starts.
    return (ticks + 0.98) / TICKS


def needs_copy(clip: Path, folder: Path) -> bool:
    """Return whether a page in ``folder`` needs a copy of a clip to show it."""
    return reference(clip, folder) is None or not plays_in_browsers(clip)


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
