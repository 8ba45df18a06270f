"""Images to learn from: photos, and frames of clips, read alike."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import chain, groupby
from pathlib import Path
from typing import NamedTuple, TypeVar

from tqdm import tqdm

from activity.common.errors import UserError
from activity.common.regular_file import hash_file
from activity.common.stores import is_stored, local_copy
from activity.common.threads import in_order
from activity.media.clip import VideoSource
from activity.media.digest_index import DigestIndex, FileState, KnownFile, state_of
from activity.media.frame import INPUT_SIZE, Frame, Part
from activity.media.photo import (
    LARGEST_FILE,
    START,
    decode_image,
    hash_photo,
    may_be_photo,
    read_photo,
)
from activity.media.region import Region

# Times come from tables and from containers, each rounded in its own way.
_TIME_TOLERANCE = 1e-4  # seconds

# Part of the digest of a frame: read in another way it is not the same to a network.
_FRAME_SCALER = "area, from the planes, cropped, HDR as SDR"

Made = TypeVar("Made")


class Image(NamedTuple):
    """A photo; or, where ``seconds`` is given, the frame that a clip shows at that time.

    Attributes:
        path: relative to ``folder``, in POSIX form.
        seconds: by the clock of a player; None for a photo.
        folder: folder of the data set.
        digest: what tells its content from every other, as ``digest_of`` says; empty where nobody
            has looked.
        region: of the frame; None for all of it. It is in pixels where ``seconds`` is given.
    """

    path: str
    seconds: float | None = None
    folder: Path = Path()
    digest: str = ""
    region: Region | None = None

    @property
    def file(self) -> Path:
        """Where the photo or the clip lies."""
        return self.folder / self.path

    @property
    def whole(self) -> "Image":
        """The same without its region: the whole frame, or the clip."""
        return self._replace(region=None)

    @property
    def name(self) -> str:
        """The photo, or the clip, with its region if there is one: ``match.mp4 (left)``."""
        return f"{self.path} ({self.region.name})" if self.region else self.path

    def __str__(self) -> str:
        return self.name if self.seconds is None else f"{self.name} at {self.seconds:g} s"


class ClipFacts(NamedTuple):
    """What is to be known of a clip before its frames are chosen.

    Attributes:
        digest: SHA-256 of its content.
        seconds: how long it is.
        size: width and height of its frames in pixels; None where nobody has asked for it.
    """

    digest: str
    seconds: float
    size: tuple[int, int] | None = None


def look_at_clip(path: Path, index: DigestIndex, *, with_size: bool = False) -> ClipFacts:
    """Look at a clip. Its digest and its length are read once, and then kept.

    A clip in a store is fetched once for all.

    Args:
        path: path of the clip.
        index: where they are kept from run to run.
        with_size: whether the size of its frames is needed: that takes opening it in each run.

    Raises:
        UserError: it is missing or no clip, or cannot be brought from its store.
    """
    begun = time.time_ns()
    known = None if is_stored(path) else index.find(path)
    digest, seconds = known or (None, None)
    if digest is not None and seconds is not None and not with_size:
        return ClipFacts(digest, seconds)
    with local_copy(path) as local, closing(VideoSource(local)) as source:
        try:
            state = state_of(local)
            digest = digest or hash_file(local)
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror or error}") from error
        if seconds is None:
            seconds = source.seconds()
        size = source.info.width, source.info.height
    if not is_stored(path):
        index.keep(path, state, KnownFile(digest, seconds), begun)
    return ClipFacts(digest, seconds, size)


def hash_files(dataset: Path, paths: Sequence[str], cache: Path | None = None) -> dict[str, str]:
    """Hash the content of photos and clips.

    Args:
        dataset: folder of all of them.
        paths: relative to it.
        cache: folder where digests are kept from run to run, so that a file whose size, times and
            inode are as before is not read again; None keeps nothing.

    Returns:
        By path, what ``hash_photo`` gives, or SHA-256 of a clip; files that cannot be read are
        missing.
    """
    digests = {}
    begun = time.time_ns()
    with closing(DigestIndex(None if is_stored(dataset) else cache)) as index:
        for path in paths:
            if known := index.find(dataset / path):
                digests[path] = known.digest
        unknown = [path for path in paths if path not in digests]
        hashed = in_order(lambda path: _hashed(dataset / path), unknown)
        bar = tqdm(hashed, "reading files", len(unknown), disable=None, unit="file")
        for path, file in zip(unknown, bar, strict=True):
            if file is not None:
                state, digests[path] = file
                index.keep(dataset / path, state, KnownFile(digests[path]), begun)
    return digests


def digest_of(image: Image, file_digest: str) -> str:
    """Name an image by what it shows: the file's content, of a clip the time, and the rectangle.

    What a region is called does not matter.

    Returns:
        64 hexadecimal digits; of a photo, its file's own. Empty where that of the file is.
    """
    if image.seconds is None or not file_digest:
        return file_digest
    frame = f"{file_digest} {image.seconds:.6f} {_FRAME_SCALER}"
    if image.region is not None:
        frame += f" {image.region.place}"
    return hashlib.sha256(frame.encode()).hexdigest()


def read_images(images: Sequence[Image]) -> Iterator[tuple[int, Frame]]:
    """Read images; those that cannot be read, or have changed since they were hashed, are left out.

    Equal photos in a row are decoded once, and so is a clip, wherever its frames and their regions
    stand: they come where the first of them stands.

    Yields:
        (place among ``images``, photo or frame).
    """
    return map_images(lambda _, frame: frame, images)


def map_images(
    work: Callable[[int, Frame], Made], images: Sequence[Image], side: int = INPUT_SIZE
) -> Iterator[tuple[int, Made]]:
    """Read images as ``read_images`` does, and do the same to each.

    Photos are read, decoded and worked on in a thread for each core, and come in their order. Of
    clips, frames come one after the other: hours of them would not fit into memory.

    Args:
        work: what to do to an image, given its place among ``images``; of photos, in several
            threads at once.
        images: what to read.
        side: width and height of the network's input in pixels. Large photos are decoded smaller,
            as ``decode_image`` says.

    Yields:
        (place among ``images``, result of the work).
    """

    def made_of_photo(wanted: _Wanted) -> list[tuple[int, Made]]:
        return [(place, work(place, photo)) for place, photo in _read_photo(wanted, side)]

    for is_photo, files in groupby(_by_file(images), lambda wanted: wanted[0][1].seconds is None):
        if is_photo:
            with closing(in_order(made_of_photo, files)) as photos:
                yield from chain.from_iterable(photos)
        else:
            for place, frame in chain.from_iterable(map(_read_clip, files)):
                yield place, work(place, frame)


_Wanted = list[tuple[int, Image]]
"""What is wanted of one photo or clip, at least one image: each with its place among all."""


def _by_file(images: Sequence[Image]) -> Iterator[_Wanted]:
    of_clips: dict[Path, list[int]] = {}
    for place, image in enumerate(images):
        if image.seconds is not None:
            of_clips.setdefault(image.file, []).append(place)
    for (path, is_photo), group in groupby(
        range(len(images)), lambda place: (images[place].file, images[place].seconds is None)
    ):
        places = [*group] if is_photo else of_clips.pop(path, [])
        if places:
            # Regions first: they are cut from a frame's planes while these are all there is of it.
            places.sort(key=lambda p: (images[p].seconds or 0, images[p].region is None))
            yield [(place, images[place]) for place in places]


def _has_changed(image: Image, digest: str) -> bool:
    """Tell whether its file has another digest than when it was hashed, if it was.

    The cache would keep features of it under the name of the earlier content.
    """
    return bool(image.digest) and image.digest != digest_of(image, digest)


def _read_photo(wanted: _Wanted, side: int) -> Iterator[tuple[int, Frame]]:
    _, image = wanted[0]
    try:
        content = read_photo(image.file)
    except OSError:
        return
    if _has_changed(image, hash_photo(content)):
        return
    photo = decode_image(content, side)
    if photo is not None:
        yield from ((place, Frame(photo)) for place, _ in wanted)


def _read_clip(wanted: _Wanted) -> Iterator[tuple[int, Frame]]:
    _, first = wanted[0]
    with ExitStack() as stack:
        try:
            clip = stack.enter_context(local_copy(first.file))
            digest = hash_file(clip) if first.digest else ""
        except (OSError, UserError):
            return
        if _has_changed(first, digest):
            return
        times = [image.seconds or 0.0 for _, image in wanted]
        parts: dict[Region, Part] = {}
        for (place, image), frame in zip(wanted, frames_at(clip, times), strict=False):
            if (region := image.region) is None:
                yield place, frame
                continue
            if region not in parts:
                parts[region] = Part(region.window(frame.size, image.path))
            yield place, frame.part(parts[region])


def frames_at(clip: Path, times: Iterable[float]) -> Iterator[Frame]:
    """Yield the frame that a clip shows at each of the times, as far as it can be read.

    The clip is decoded from its start, once: that is exact for any codec and any frame rate, and
    holds two frames in memory.

    Args:
        clip: a clip's file, on this disk.
        times: ascending, in seconds; a time may come more than once.

    Yields:
        The frames. It ends early where the clip does.

    Example:
        >>> first, second = frames_at(Path("tennis.mp4"), [0, 2.5])
        >>> first.pixels.shape
        (120, 160, 3)
    """
    try:
        source = VideoSource(clip)
    except UserError:
        return
    with closing(source.frames()) as frames:
        shown, following = next(frames), next(frames, None)
        for seconds in times:
            while following is not None and following.seconds <= seconds + _TIME_TOLERANCE:
                shown = following
                following = next(frames, None)
            if following is None and seconds > source.end_of(shown.seconds):
                return
            yield shown


def _hashed(path: Path) -> tuple[FileState, str] | None:
    """Hash a photo as ``hash_photo`` does; a clip by its content alone, however large."""
    try:
        state = state_of(path)
        with path.open("rb") as file:
            start = file.read(START)
        is_photo = state.size <= LARGEST_FILE and may_be_photo(start)
        return state, hash_photo(read_photo(path)) if is_photo else hash_file(path)
    except OSError:
        return None
