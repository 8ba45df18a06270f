"""What the frozen stages of a backbone give, kept on disk while the other stages learn from it."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.common.errors import UserError
from activity.common.writing import temporary_file
from activity.media.images import Image
from activity.network.backbone import fingerprint
from activity.network.engine import EngineOptions, open_engine
from activity.training.features import View, pixels_of

MOST_BYTES = 16 * 2**30
"""Of the file: where there are too many images, fewer of their views are kept, at least one."""


@contextmanager
def feature_maps_on_disk(
    frozen: keras.Model, images: Sequence[Image], views: int, options: EngineOptions
) -> Iterator[tuple[NDArray[np.float16], NDArray[np.bool_]]]:
    """Send each view and its mirror image through the frozen stages, and keep what they give.

    It lies in an unnamed file that is gone when the block ends, or the process, however it ends.

    Args:
        frozen: from pixels to a feature map.
        images: what is learned from.
        views: views of each image.
        options: how they are run; the file lies in the cache's folder, or where there is none, in
            the system's temporary folder.

    Yields:
        (feature maps, whole): the file, mapped into memory, shape (images, 2 * views, height,
        width, channels), each view followed by its mirror image; and which images it holds, shape
        (images,): not those that were changed since they were last read.

    Raises:
        UserError: the disk is full.
    """
    shape = frozen.output_shape[1:]
    bytes_of_a_view = 2 * len(images) * math.prod(shape) * np.dtype(np.float16).itemsize
    kept = min(views, max(1, MOST_BYTES // bytes_of_a_view))
    stored = [View(image, number) for image in images for number in range(kept)]
    with _file_of_feature_maps(options.cache_folder) as file:
        run = open_engine(options, lambda: frozen, key=fingerprint(frozen), inputs=2 * len(stored))
        outputs = run(_with_mirror_images(pixels_of(stored, frozen.input_shape[1])))
        bar = tqdm(outputs, "frozen stages", 2 * len(stored), disable=None, unit="view")
        came = write_feature_maps(bar, len(stored), file)
        # Where the last views did not come, the file would be too short to be mapped.
        file.truncate(bytes_of_a_view * kept)
        maps = np.memmap(file, np.float16, "r", shape=(len(images), 2 * kept, *shape))
        yield maps, np.logical_and.reduce(came.reshape(len(images), kept), axis=1)


def check_feature_maps_can_be_kept(folder: Path | None) -> None:
    """Make sure, before the head is trained, that there is a place for the file.

    Raises:
        UserError: it cannot be made in this folder.
    """
    with _file_of_feature_maps(folder):
        pass


def _file_of_feature_maps(folder: Path | None) -> AbstractContextManager[IO[bytes]]:
    advice = "give --cache a folder that can be written to"
    return temporary_file(folder, "what the frozen stages give", advice)


def write_feature_maps(
    outputs: Iterable[tuple[tuple[int, int], NDArray[np.float32]]], views: int, file: IO[bytes]
) -> NDArray[np.bool_]:
    """Write feature maps to a file as float16, each view's before that of its mirror image.

    They are written rather than put into a mapped file: on a full disk a write fails, but a mapped
    page ends the process.

    Args:
        outputs: ((number of the view, 0 for itself or 1 for its mirror image), feature map), in any
            order.
        views: how many are to come, in both ways.
        file: to write to.

    Returns:
        Which views came in both ways, shape (views,).

    Raises:
        UserError: the disk is full.
    """
    came = np.zeros((views, 2), bool)
    for (view, mirrored), output in outputs:
        place = 2 * view + mirrored
        content = output.astype(np.float16).tobytes()
        try:
            file.seek(place * len(content))
            file.write(content)
            file.flush()
        except OSError as error:
            raise UserError(
                f"cannot keep the {came.size * len(content) / 1e9:.1f} GB that the frozen "
                f"stages give: {error.strerror or error}; give --cache a folder on a disk with "
                "more room, or fewer --views"
            ) from error
        came[view, mirrored] = True
    return np.logical_and.reduce(came, axis=1)


def _with_mirror_images(
    stream: Iterator[tuple[int, NDArray[np.uint8]]],
) -> Iterator[tuple[tuple[int, int], NDArray[np.uint8]]]:
    for view, pixels in stream:
        yield (view, 0), pixels
        yield (view, 1), np.ascontiguousarray(pixels[:, ::-1])
