"""From what lies in a data set to images to learn from and images to test with."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from activity.media.images import Image, digest_of, hash_files
from activity.temporal.learned import Stretch
from activity.training.dataset import Found
from activity.training.labelled_clips import LabelledClip, SampledFrames, sample_frames
from activity.training.outliers import Outliers, choose_outliers, with_digests
from activity.training.split import split_images


class ImageSets(NamedTuple):
    """Photos and frames, and what they are for.

    Attributes:
        training, test: what to learn from and what to test with.
        unknown: footage of none of the activities that nothing is learned from: something to try
            ``--unknown`` on.
        labels: labels of each of these.
        frames: those of the images that are frames, and what was wrong with their clips.
        outliers: images of none of the activities to learn from, and to judge ``--unknown`` by.
        learned: the stretches of clips that images to learn from are in.
    """

    training: list[Image]
    test: list[Image]
    unknown: list[Image]
    labels: dict[Image, str]
    frames: SampledFrames
    outliers: Outliers = Outliers()
    learned: Sequence[Stretch] = ()


def build_sets(
    found: Found, every: float, cache: Path | None, *, outliers: int, seed: int
) -> ImageSets:
    """Sample the clips, look at the files' contents, and split it all.

    Args:
        found: what lies in the data sets.
        every: seconds from one frame of a clip to the next.
        cache: folder where the files' digests are kept from run to run; None keeps none.
        outliers: photos of other labels to learn from at most; 0 learns nothing of what is none of
            the activities.
        seed: seed of the choice of these photos.
    """
    frames = sample_frames(found.clips, found.all_labels(), every, cache)
    photos = [photo.image for photo in found.photos]
    contents = {**frames.contents, **_hash_files(photos, cache)}
    of_frames = dict(zip(frames.images, frames.labels, strict=True))
    split = split_images(found.photos, found.clips, of_frames, contents)
    chosen = choose_outliers(found.others, split.marked, outliers, seed)
    strange = [*chosen.photos, *chosen.unseen]
    contents |= _hash_files((image for image in strange if image.seconds is None), cache)
    digests = {
        image: digest_of(image, contents.get(image.file, ""))
        for image in [*photos, *of_frames, *strange]
    }
    chosen = with_digests(
        chosen, digests, {digests[image] for image in [*split.training, *split.test]}
    )

    def hashed(images: Iterable[Image]) -> list[Image]:
        return [image._replace(digest=digests[image]) for image in images]

    labels = {photo.image: photo.label for photo in found.photos} | of_frames
    return ImageSets(
        hashed(split.training),
        hashed(split.test),
        hashed(split.unknown if outliers else [*split.marked, *split.unknown]),
        dict(zip(hashed(labels), labels.values(), strict=True)),
        frames,
        chosen,
        _learned_stretches(found.clips, [*split.training, *chosen.learned], contents),
    )


def under_two_labels(labels: Mapping[Image, str]) -> list[dict[str, str]]:
    """Find the photos, and the clips, that are there byte for byte under more than one label.

    Args:
        labels: labels of each image; images without a digest are left out.

    Returns:
        For each such content, its files' paths with their labels, in the order of paths.
    """
    groups: dict[str, dict[str, str]] = {}
    for image in sorted(labels, key=lambda image: (image.path, image.seconds or 0)):
        if image.digest:
            groups.setdefault(image.digest, {})[image.path] = labels[image]
    # The frames of a clip tell the same, each: it is named once.
    conflicts = {tuple(files): files for files in groups.values() if len({*files.values()}) > 1}
    return list(conflicts.values())


def _learned_stretches(
    clips: Sequence[LabelledClip], images: Iterable[Image], contents: Mapping[Path, str]
) -> list[Stretch]:
    """List the segments of clips that hold an image to learn from."""
    times: dict[Path, list[float]] = {}
    for image in images:
        if image.seconds is not None:
            times.setdefault(image.file, []).append(image.seconds)
    stretches = []
    for clip in clips:
        seconds = sorted(times.get(clip.file, []))
        for start, end, _ in clip.segments if clip.file in contents else []:
            if bisect_left(seconds, start) < bisect_right(seconds, end):
                stretches.append(Stretch(contents[clip.file], start, end))
    return stretches


def _hash_files(photos: Iterable[Image], cache: Path | None) -> dict[Path, str]:
    """Hash the contents of photos; those that cannot be read are missing."""
    by_folder: dict[Path, list[str]] = {}
    for photo in photos:
        by_folder.setdefault(photo.folder, []).append(photo.path)
    return {
        folder / path: digest
        for folder, paths in by_folder.items()
        for path, digest in hash_files(folder, paths, cache).items()
    }
