"""From what lies in a data set to images to learn from and images to test with."""

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


def build_sets(dataset: Path, found: Found, every: float) -> ImageSets:
    """Sample the clips, look at the files' contents, and split it all.

    Args:
        dataset: the folder.
        found: what lies in it.
        every: seconds from one frame of a clip to the next.
    """
    frames = sample_frames(dataset, found.clips, found.all_labels(), every)
    labels = [*found.labels, *frames.labels]
    contents = hash_files(dataset, found.files)
    images = [
        image._replace(folder=dataset, digest=digest_of(image, contents.get(image.path, "")))
        for image in [*map(Image, found.photos), *frames.images]
    ]
    split = split_images(images, labels, contents)
    training, test, unknown = ([images[i] for i in some] for some in split)
    return ImageSets(training, test, unknown, dict(zip(images, labels, strict=True)), frames)
