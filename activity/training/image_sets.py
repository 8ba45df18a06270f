"""From what lies in a data set to images to learn from and images to test with."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from activity.media.images import Image, digest_of, hash_files
from activity.training.dataset import Found
from activity.training.labelled_clips import SampledFrames, sample_frames
from activity.training.split import split_images


class ImageSets(NamedTuple):
    """Photos and frames, and what they are for.

    Attributes:
        training, test: what to learn from and what to test with.
        unknown: footage of none of the activities: nothing to learn, but something to try
            ``--unknown`` on.
        labels: of each of these.
        frames: those of the images that are frames, and what was wrong with their clips.
    """

    training: list[Image]
    test: list[Image]
    unknown: list[Image]
    labels: dict[Image, str]
    frames: SampledFrames


def build_sets(found: Found, every: float, cache: Path | None) -> ImageSets:
    """Sample the clips, look at the files' contents, and split it all.

    Args:
        found: what lies in the data sets.
        every: seconds from one frame of a clip to the next.
        cache: folder where the files' digests are kept from run to run; None keeps none.
    """
    frames = sample_frames(found.clips, found.all_labels(), every)
    files = [(photo.image.folder, photo.image.path) for photo in found.photos]
    contents = _hash_files([*files, *((clip.folder, clip.path) for clip in found.clips)], cache)
    of_frames = dict(zip(frames.images, frames.labels, strict=True))
    split = split_images(found.photos, found.clips, of_frames, contents)
    labels = {photo.image: photo.label for photo in found.photos} | of_frames
    hashed = {
        image: image._replace(digest=digest_of(image, contents.get(image.file, "")))
        for image in labels
    }
    training, test, unknown = ([hashed[image] for image in images] for images in split)
    return ImageSets(
        training, test, unknown, {hashed[image]: labels[image] for image in labels}, frames
    )


def _hash_files(files: Iterable[tuple[Path, str]], cache: Path | None) -> dict[Path, str]:
    """Hash the contents of files, given as a folder and a path below it; unreadable ones miss."""
    by_folder: dict[Path, list[str]] = {}
    for folder, path in files:
        by_folder.setdefault(folder, []).append(path)
    return {
        folder / path: digest
        for folder, paths in by_folder.items()
        for path, digest in hash_files(folder, paths, cache).items()
    }
