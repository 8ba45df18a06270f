"""Split what was found into images to learn from, images to test with, and outliers.

Outliers are images of none of the activities, which teach the network what it does not know. They
are learned with equal targets for all labels (D. Hendrycks, M. Mazeika, T. Dietterich, "Deep
Anomaly Detection with Outlier Exposure", ICLR 2019). docs/recipe.md says what they gain, and how
their number and weight were chosen.
"""

import hashlib
import os
import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from imutils import paths

from activity.common.stores import is_stored
from activity.media.clip import CLIP_SUFFIXES
from activity.media.frame import Window
from activity.media.images import Image, hash_files
from activity.temporal.learned import LearnedSpan
from activity.temporal.segments import UNKNOWN
from activity.training.data.clips import sample_frames
from activity.training.data.dataset import Found
from activity.training.data.labelled import (
    FEWEST_PHOTOS,
    LATER_SUFFIXES,
    ImageSets,
    LabelledClip,
    LabelledPhoto,
    Outliers,
)
from activity.training.data.layout import footage_of

_KIND_OF = {suffix: kind for kind, group in enumerate(LATER_SUFFIXES, 1) for suffix in group}

# Endings of names that tell what kind of file it is, not what it shows.
_SUFFIXES = {*CLIP_SUFFIXES, *paths.image_types, *_KIND_OF}

_LABELS_PER_UNSEEN = 5
_MOST_UNSEEN = 300
"""A share of this many photos has a standard error of at most 0.03."""


def build_sets(
    found: Found, every: float, cache: Path | None, *, outliers: int, seed: int
) -> ImageSets:
    """Sample the clips, look at the files' contents, split it all, and choose outliers.

    Args:
        found: what lies in the data sets.
        every: seconds from one frame of a clip to the next.
        cache: folder where the files' digests are kept from run to run; None keeps none.
        outliers: the most photos, and likewise frames, of none of the activities to learn from; 0
            learns nothing of them.
        seed: seed of the choice of outliers.
    """
    frames = sample_frames(found.clips, found.all_labels(), every, cache)
    images = _with_digests([photo.image for photo in found.photos], cache)
    photos = [p._replace(image=image) for p, image in zip(found.photos, images, strict=True)]
    split = split_images(photos, found.clips, frames.labels, frames.contents)
    chosen = choose_outliers(found.outliers, split.outliers, outliers, seed)
    chosen = _without_copies(chosen, [*split.training, *split.test], cache)
    return ImageSets(
        split.training,
        split.test,
        split.unknown if outliers else [*split.outliers, *split.unknown],
        {photo.image: photo.label for photo in photos} | frames.labels,
        frames,
        chosen,
        _learned_spans(found.clips, [*split.training, *chosen.frames], frames.contents),
    )


def _with_digests(photos: Sequence[Image], cache: Path | None) -> list[Image]:
    """Give photos the digests of their contents; those that cannot be read get none."""
    by_folder: defaultdict[Path, list[str]] = defaultdict(list)
    for photo in photos:
        by_folder[photo.folder].append(photo.path)
    digests = {folder: hash_files(folder, some, cache) for folder, some in by_folder.items()}
    return [p._replace(digest=digests[p.folder].get(p.path, "")) for p in photos]


def _learned_spans(
    clips: Sequence[LabelledClip], images: Iterable[Image], contents: Mapping[Path, str]
) -> list[LearnedSpan]:
    """List the segments of clips that hold an image to learn from."""
    times: defaultdict[tuple[Path, str], list[float]] = defaultdict(list)
    windows: dict[tuple[Path, str], Window | None] = {}
    for image in sorted(images, key=lambda image: image.seconds or 0):
        if image.seconds is not None:
            part = image.file, image.name
            times[part].append(image.seconds)
            windows[part] = image.region and Window(*map(int, image.region[1:]))
    return [
        LearnedSpan(contents[clip.image.file], start, end, windows[part])
        for clip in clips
        if (seconds := times.get(part := (clip.image.file, clip.image.name))) is not None
        for start, end, _ in clip.segments
        if bisect_left(seconds, start) < bisect_right(seconds, end)
    ]


class Split(NamedTuple):
    """Which images go where; each in the order of photos, then of frames."""

    training: list[Image]
    test: list[Image]
    outliers: list[Image]
    """Frames labelled ``unknown``, of clips that are learned from."""
    unknown: list[Image]
    """Likewise, of clips to test with."""


def split_images(
    photos: Sequence[LabelledPhoto],
    clips: Sequence[LabelledClip],
    frames: Mapping[Image, str],
    contents: Mapping[Path, str],
) -> Split:
    """Split photos and frames, each data set by itself.

    What a data set has split already keeps its side: its photos to test with are tested with, or
    those to validate with where it has none. Of the others, photos are split by ``split_photos``;
    those that belong together (frames of one video) are kept together, and so are the frames of a
    clip, whole or of its regions, as ``split_clips`` says. A clip beside a photo of the same name,
    such as a phone's live photo, is on the photo's side, and so is one whose frames lie there as
    photos; where such photos are on both sides, all of them are learned from.

    Args:
        photos: in the order of their data sets and paths.
        clips: that the frames are from.
        frames: label of each frame; ``unknown`` may be among them. A clip that shows nothing else
            is learned from, unless its data set has it in the part to test with.
        contents: for each clip's file that can be read, what tells it from others.
    """
    have_test = {photo.dataset for photo in photos if photo.part == "test"}
    have_test |= {clip.dataset for clip in clips if clip.part == "test"}

    def is_test(some: LabelledPhoto | LabelledClip) -> bool:
        is_validation = some.part == "validation" and some.dataset not in have_test
        return some.part == "test" or is_validation

    tested = {photo.image for photo in photos if is_test(photo)}
    unsplit: dict[int, list[LabelledPhoto]] = {}
    for photo in photos:
        if photo.part is None:
            unsplit.setdefault(photo.dataset, []).append(photo)
    for some in unsplit.values():
        tested |= _photos_to_test(some)
    sides = {clip.image.file: is_test(clip) for clip in clips if clip.part is not None}
    tied, shots = _tied_to_clips(photos, {image.file for image in frames})
    learned = {shot for photo, shot in tied.items() if photo.image not in tested}
    learned |= {shot for file, names in shots.items() if sides.get(file) is False for shot in names}
    tested -= {p.image for p, shot in tied.items() if p.part is None and shot in learned}
    for file, names in shots.items():
        sides.setdefault(file, learned.isdisjoint(names))
    tested_clips = _clips_to_test(frames, sides, contents)
    split = Split([], [], [], [])
    for photo in photos:
        (split.test if photo.image in tested else split.training).append(photo.image)
    for image, label in frames.items():
        sides_of_label = split[2:] if label == UNKNOWN else split[:2]
        sides_of_label[image.file in tested_clips].append(image)
    return split


def split_photos(photos: Sequence[str], labels: Sequence[str]) -> tuple[list[int], list[int]]:
    """Split photos 75/25 into training and test, each label in proportion.

    The split depends on the sorted list of photos alone, never on ``--seed``: scores of
    different runs are scores on the same test photos. It is the source tutorial's split, of the
    kinds of files that its library lists; files of later kinds are split by themselves, so that
    they change nothing about the others. Where a label has fewer than four photos of a kind, these
    are all for training.

    Args:
        photos: their paths, sorted.
        labels: of each of them.

    Returns:
        (training, test): ascending indices into ``photos``.
    """
    # Takes more than a second to import; --help should not wait for it.
    from sklearn.model_selection import train_test_split

    by_kind: defaultdict[int, list[int]] = defaultdict(list)
    for number, photo in enumerate(photos):
        by_kind[_KIND_OF.get(Path(photo).suffix.lower(), 0)].append(number)
    test: set[int] = set()
    for _, of_kind in sorted(by_kind.items()):
        counts = Counter(labels[i] for i in of_kind)
        enough = [i for i in of_kind if counts[labels[i]] >= FEWEST_PHOTOS]
        if enough:
            each = [labels[i] for i in enough]
            split = train_test_split(enough, test_size=0.25, stratify=each, random_state=42)
            test.update(split[1])
    return [i for i in range(len(photos)) if i not in test], sorted(test)


def split_clips(labels: Mapping[str, Collection[str]], contents: Mapping[str, str]) -> set[str]:
    """Choose about a quarter of the clips to test with, whole clips only.

    Labels are met in proportion as far as whole clips allow, the rarest first. (That is the idea
    of K. Sechidis et al., "On the stratification of multi-label data", ECML PKDD 2011.) A label
    that fewer than four clips show has them all in training. Which of a label's clips are taken
    goes by a hash of their names: it is the same in every run, and another clip in the folder
    changes little. Copies of one clip are on one side.

    Args:
        labels: that each clip shows.
        contents: what tells clips apart; equal contents are one clip under two names.

    Returns:
        The clips to test with.

    Example:
        >>> clips = {f"{number}.mp4": {"tennis"} for number in range(8)}
        >>> len(split_clips(clips, {clip: clip for clip in clips}))
        2
    """
    shown: dict[str, set[str]] = {}
    for clip, some in labels.items():
        shown.setdefault(contents[clip], set()).update(some)
    names = {contents[clip]: clip for clip in sorted(labels, reverse=True)}
    of_label: dict[str, list[str]] = {}
    for content in sorted(shown, key=lambda each: hashlib.sha256(names[each].encode()).digest()):
        for label in shown[content]:
            of_label.setdefault(label, []).append(content)
    wanted = {
        label: round(len(some) / 4) if len(some) >= FEWEST_PHOTOS else 0
        for label, some in of_label.items()
    }
    test: set[str] = set()
    for label in sorted(wanted, key=lambda label: (len(of_label[label]), label)):
        for content in of_label[label]:
            some = shown[content]
            if content not in test and all(wanted[other] > 0 for other in some):
                test.add(content)
                for other in some:
                    wanted[other] -= 1
    return {clip for clip in labels if contents[clip] in test}


def _photos_to_test(photos: Sequence[LabelledPhoto]) -> set[Image]:
    alone = [photo for photo in photos if photo.group is None]
    _, test = split_photos([p.image.path for p in alone], [p.label for p in alone])
    groups = {p.group: {p.label} for p in photos if p.group is not None}
    tested_groups = split_clips(groups, {group: group for group in groups})
    return {alone[i].image for i in test} | {p.image for p in photos if p.group in tested_groups}


def _tied_to_clips(
    photos: Sequence[LabelledPhoto], clips: Collection[Path]
) -> tuple[dict[LabelledPhoto, str], dict[Path, set[str]]]:
    """Find the photos that were taken together with a clip, and these clips.

    A photo and a clip of one name in one folder were. Photos of one group are the frames of a clip
    that has the name of their folder, or lies in it.

    Returns:
        (what each of the photos is called together with its clip, and each of the clips with its
        photos).
    """
    shots = [
        (photo, _shot(photo.image.file if photo.group is None else photo.image.file.parent))
        for photo in (photos if clips else ())
    ]
    folders = {shot for photo, shot in shots if photo.group is not None}
    of_clips = {clip: {_shot(clip), *({_shot(clip.parent)} & folders)} for clip in clips}
    taken = {shot for some in of_clips.values() for shot in some}
    tied = {photo: shot for photo, shot in shots if shot in taken}
    of_photos = {*tied.values()}
    return tied, {clip: some & of_photos for clip, some in of_clips.items() if some & of_photos}


def _clips_to_test(
    frames: Mapping[Image, str], sides: Mapping[Path, bool], contents: Mapping[Path, str]
) -> set[Path]:
    """Choose the clips to test with: those that have this side already, and some without a side.

    Args:
        frames: labels of the clips' frames.
        sides: of the clips that have one, whether it is that to test with.
        contents: what tells clips apart.
    """
    footage = _footage({image.file for image in frames}, contents)
    learned = {footage[file] for file, is_test in sides.items() if not is_test and file in footage}
    tested = {file for file, is_test in sides.items() if is_test}
    # Copies of what is learned from are no test, and those of what is tested with are not learned.
    held = {footage[file] for file in tested if file in footage} - learned
    tested |= {file for file, shown in footage.items() if file not in sides and shown in held}
    decided = learned | held
    labels: dict[str, set[str]] = {}
    files: dict[str, Path] = {}
    for image, label in frames.items():
        if label != UNKNOWN and footage[image.file] not in decided:
            labels.setdefault(image.path, set()).add(label)
            files[image.path] = image.file
    chosen = split_clips(labels, {path: footage[files[path]] for path in labels})
    return tested | {files[path] for path in chosen}


def _footage(clips: Collection[Path], contents: Mapping[Path, str]) -> dict[Path, str]:
    """Find out which clips belong together: copies of one, those cut from one or called alike.

    Returns:
        For each clip, a name that those have in common that belong together.
    """
    same: dict[str, str] = {}

    def first_of(name: str) -> str:
        while same.get(name, name) != name:
            name = same[name]
        return name

    names = {clip: (contents.get(clip, str(clip)), _shot(clip)) for clip in clips}
    for content, shot in names.values():
        first, other = sorted((first_of(content), first_of(shot)))
        same[other] = first
    return {clip: first_of(content) for clip, (content, _) in names.items()}


def files_taken_at_once(images: Sequence[Image]) -> list[str]:
    """Name the file of each image; files of one shot, such as a live photo, by the first of them.

    Use it to keep such files on one side when images are held out.
    """
    if all(image.seconds is None for image in images):
        return [str(image.file) for image in images]
    shots = {file: _shot(file) for file in {image.file for image in images}}
    of_clips = {shots[image.file] for image in images if image.seconds is not None}
    first: dict[str, str] = {}
    for image in images:
        first.setdefault(shots[image.file], str(image.file))
    return [first[shots[i.file]] if shots[i.file] in of_clips else str(i.file) for i in images]


def _shot(file: Path) -> str:
    """Name a shot, given the path of one of its files, or of a folder of its frames.

    A phone writes a live photo as a photo and a clip of one name, and what is edited of it with an
    E in front of its number. Where photos are HEIC, clips are called after that, or photos that
    were converted.

    Example:
        >>> _shot(Path("/a/IMG_E0012.HEIC.jpg")) == _shot(Path("/a/img_0012_HEVC.MOV"))
        True
    """
    name, suffix = os.path.splitext(file.name.lower())  # noqa: PTH122
    while suffix in _SUFFIXES:
        name, suffix = os.path.splitext(name)  # noqa: PTH122
    name += suffix
    name = re.sub(r"^img_e(?=\d)", "img_", name.removesuffix("_hevc"))
    folder = file.parent if is_stored(file) else os.path.abspath(file.parent)  # noqa: PTH100
    return f"{folder}/{footage_of(name)}"


def choose_outliers(
    photos: Sequence[LabelledPhoto], unknown: Sequence[Image], most: int, seed: int
) -> Outliers:
    """Choose outliers to learn from and to evaluate by, evenly over labels and clips.

    One label in five is kept apart to evaluate by, at least one where there are two; never
    ``unknown``, which is there to be learned. Photos of the part to test with in a data set that
    is split already are not learned from.

    Args:
        photos: those of labels that were not asked for, and of ``unknown``.
        unknown: frames that tables call ``unknown``, of clips that are learned from.
        most: photos to learn from, and likewise frames; 0 chooses nothing at all.
        seed: seed of the choice.
    """
    if not most:
        return Outliers()
    random = np.random.default_rng(seed)
    labels = sorted({photo.label for photo in photos} - {UNKNOWN})
    held_out = max(round(len(labels) / _LABELS_PER_UNSEEN), int(len(labels) > 1))
    unseen_labels = {labels[place] for place in random.permutation(len(labels))[:held_out]}
    unseen = [(photo.label, photo.image) for photo in photos if photo.label in unseen_labels]
    learned = [
        (photo.label, photo.image)
        for photo in photos
        if photo.label not in unseen_labels and photo.part in (None, "train")
    ]
    frames = [(str(image.file), image) for image in unknown]
    return Outliers(
        _draw_evenly(learned, most, random),
        _draw_evenly(frames, most, random),
        _draw_evenly(unseen, _MOST_UNSEEN, random),
        sorted({label for label, _ in learned}),
        sorted({label for label, _ in unseen}),
    )


def _draw_evenly(
    labelled: Iterable[tuple[str, Image]], most: int, random: np.random.Generator
) -> list[Image]:
    """Draw as many of each label, or all of those that have fewer, and keep their order."""
    images: defaultdict[str, list[Image]] = defaultdict(list)
    for label, image in labelled:
        images[label].append(image)
    drawn: list[Image] = []
    for done, label in enumerate(sorted(images, key=lambda label: (len(images[label]), label))):
        share = (most - len(drawn)) // (len(images) - done)
        places = np.sort(random.permutation(len(images[label]))[:share])
        drawn += [images[label][place] for place in places.tolist()]
    return drawn


def _without_copies(outliers: Outliers, known: Sequence[Image], cache: Path | None) -> Outliers:
    """Give the photos among the outliers their digests, and leave out duplicates.

    A photo that an activity has, too, would be learned both as that and as none of them; one that
    is learned says nothing about what was never seen.

    Args:
        outliers: as chosen.
        known: the images of the activities.
        cache: as in ``build_sets``.
    """
    photos = _with_digests([*outliers.photos, *outliers.unseen], cache)
    learned, unseen = photos[: len(outliers.photos)], photos[len(outliers.photos) :]
    used = {image.digest for image in known} - {""}
    of_activities = sum(image.digest in used for image in [*photos, *outliers.frames])

    def first_ones(images: Sequence[Image]) -> list[Image]:
        kept = []
        for image in images:
            if image.digest not in used:
                kept.append(image)
                used.update({image.digest} - {""})
        return kept

    learned, frames, unseen = map(first_ones, (learned, outliers.frames, unseen))
    return replace(outliers, photos=learned, frames=frames, unseen=unseen, known=of_activities)
