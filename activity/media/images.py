"""Images to learn from: photos, and frames of clips, read alike."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.common.errors import UserError
from activity.common.stores import local_copy
from activity.media.clip import VideoSource
from activity.media.photo import check_plain_file, decode_image, read_photo

# Times come from tables and from containers, each rounded in its own way.
_TIME_TOLERANCE = 1e-4  # seconds


class Image(NamedTuple):
    """A photo; or, where ``seconds`` is given, the frame that a clip shows at that time.

    Attributes:
        path: relative to ``folder``, in POSIX form.
        seconds: from the first frame of the clip; None for a photo.
        folder: of the data set.
        digest: what tells its content from every other, as ``digest_of`` says; empty where nobody
            has looked.
    """

    path: str
    seconds: float | None = None
    folder: Path = Path()
    digest: str = ""

    @property
    def file(self) -> Path:
        """Where the photo or the clip lies."""
        return self.folder / self.path

    def __str__(self) -> str:
        return self.path if self.seconds is None else f"{self.path} at {self.seconds:g} s"


def hash_files(dataset: Path, paths: Sequence[str]) -> dict[str, str]:
    """Hash the content of photos and clips.

    Returns:
        SHA-256 in hexadecimal by path; files that cannot be read are missing.
    """
    digests = {}
    for path in tqdm(paths, "reading files", disable=None, unit="file"):
        try:
            digests[path] = _hash_file(dataset / path)
        except OSError:
            continue
    return digests


def digest_of(image: Image, file_digest: str) -> str:
    """Name an image by what it shows: the file's content, and of a clip the time.

    Returns:
        64 hexadecimal digits; of a photo, its file's own. Empty where that of the file is.
    """
    if image.seconds is None or not file_digest:
        return file_digest
    return hashlib.sha256(f"{file_digest} {image.seconds:.6f}".encode()).hexdigest()


def read_images(images: Sequence[Image]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Read images; those that cannot be read, or have changed since they were hashed, are left out.

    Equal images in a row are decoded once, and so is a clip whose frames stand in a row.

    Yields:
        (place among ``images``, image as BGR, uint8, shape (height, width, 3)).
    """
    for (file, is_photo), group in groupby(
        enumerate(images), lambda numbered: (numbered[1].file, numbered[1].seconds is None)
    ):
        in_time = sorted(group, key=lambda numbered: numbered[1].seconds or 0)
        places, wanted = zip(*in_time, strict=True)
        try:
            if is_photo:
                content = read_photo(file)
                digest = hashlib.sha256(content).hexdigest() if wanted[0].digest else ""
            else:
                digest = _hash_file(file) if wanted[0].digest else ""
        except OSError:
            continue
        # Or the cache would keep its features under the name of the earlier content.
        if wanted[0].digest and wanted[0].digest != digest_of(wanted[0], digest):
            continue
        if is_photo:
            photo = decode_image(content)
            if photo is not None:
                yield from ((place, photo) for place in places)
        else:
            times = [image.seconds or 0.0 for image in wanted]
            yield from zip(places, frames_at(file, times), strict=False)


def frames_at(clip: Path, times: Iterable[float]) -> Iterator[NDArray[np.uint8]]:
    """Yield the frame that a clip shows at each of the times, as far as it can be read.

    The clip is decoded from its start, once: that is exact for any codec and any frame rate, and
    holds two frames in memory.

    Args:
        clip: a clip's file.
        times: ascending, in seconds; a time may come more than once.

    Yields:
        BGR, uint8, shape (height, width, 3). It ends early where the clip does.

    Example:
        >>> first, second = frames_at(Path("tennis.mp4"), [0, 2.5])
        >>> first.shape
        (120, 160, 3)
    """
    with ExitStack() as stack:
        try:
            source = VideoSource(stack.enter_context(local_copy(clip)))
        except UserError:
            return
        stack.enter_context(closing(source))
        yield from _shown_at(source, times)


def _shown_at(source: VideoSource, times: Iterable[float]) -> Iterator[NDArray[np.uint8]]:
    waiting = iter(times)
    seconds = next(waiting, None)
    with closing(source.frames()) as frames:
        shown = next(frames)
        for frame in frames:
            if seconds is None:
                return
            while seconds is not None and frame.seconds > seconds + _TIME_TOLERANCE:
                yield shown.pixels
                seconds = next(waiting, None)
            shown = frame
        while seconds is not None and seconds <= source.end_of(shown.seconds):
            yield shown.pixels
            seconds = next(waiting, None)


def _hash_file(path: Path) -> str:
    check_plain_file(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
