"""Which photos and clips are learned from, and which are kept apart to test with."""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from imutils import paths

from activity.common.stores import is_stored
from activity.media.clip import CLIP_SUFFIXES
from activity.media.images import Image
from activity.temporal.segments import UNKNOWN
from activity.training.labelled_clips import LabelledClip
from activity.training.labelled_photos import LabelledPhoto
from activity.training.layout import footage_of
from activity.training.parts import Part

# The source tutorial's library lists .jpg, .jpeg, .png, .bmp, .tif and .tiff, and its photos keep
# the split that they have always had. These came later, and are split by themselves.
_LATER = (
    (".webp", ".gif", ".avif"),
    (".jfif", ".jpe", ".jif", ".jfi"),
    (".heic", ".heif", ".hif", ".jxl", ".mpo"),
)
LATER_SUFFIXES = tuple(suffix for suffixes in _LATER for suffix in suffixes)

# Endings of names that tell what kind of file it is, not what it shows.
_SUFFIXES = {*CLIP_SUFFIXES, *paths.image_types, *LATER_SUFFIXES}

FEWEST_PHOTOS = 4
"""A quarter of four photos is one test photo: fewer cannot be split. Likewise clips."""


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
    kind_of = {suffix: kind for kind, suffixes in enumerate(_LATER, 1) for suffix in suffixes}
    kinds = [kind_of.get(Path(photo).suffix.lower(), 0) for photo in photos]
    training: list[int] = []
    test: list[int] = []
    for kind in sorted({*kinds}):
        of_kind = [i for i, other in enumerate(kinds) if other == kind]
        counts = Counter(labels[i] for i in of_kind)
        enough = [i for i in of_kind if counts[labels[i]] >= FEWEST_PHOTOS]
        training += [i for i in of_kind if counts[labels[i]] < FEWEST_PHOTOS]
        if enough:
            some, others = _split_in_proportion(enough, [labels[i] for i in enough])
            training += some
            test += others
    return sorted(training), sorted(test)


class Split(NamedTuple):
    """Which images go where; each in the order of photos, then of frames."""

    training: list[Image]
    test: list[Image]
    marked: list[Image]
    """Frames of none of the activities, of clips that are learned from."""
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
    clip, as ``split_clips`` says. A clip beside a photo of the same name, such as a phone's live
    photo, is on the photo's side, and so is one whose frames lie there as photos; where such photos
    are on both sides, all of them are learned from.

    Args:
        photos: in the order of their data sets and paths.
        clips: that the frames are from.
        frames: labels of frames; one of them may be ``unknown``. A clip that shows nothing else
            is learned from, unless its data set has it in the part to test with.
        contents: for each clip's file that can be read, what tells it from others.
    """
    have_test = {photo.dataset for photo in photos if photo.part == "test"}
    have_test |= {clip.dataset for clip in clips if clip.part == "test"}
    by_dataset: dict[int, list[LabelledPhoto]] = {}
    for photo in photos:
        by_dataset.setdefault(photo.dataset, []).append(photo)
    tested: set[Image] = set()
    for dataset, some in by_dataset.items():
        tested |= _photos_to_test(some, have_test=dataset in have_test)
    sides = {
        clip.file: _is_test(clip.part, have_test=clip.dataset in have_test)
        for clip in clips
        if clip.part is not None
    }
    tied, shots = _tied_to_clips(photos, {image.file for image in frames})
    learned = {shot for photo, shot in tied.items() if photo.image not in tested}
    learned |= {shot for file, names in shots.items() if sides.get(file) is False for shot in names}
    tested -= {p.image for p, shot in tied.items() if p.part is None and shot in learned}
    for file, names in shots.items():
        sides.setdefault(file, learned.isdisjoint(names))
    tested_clips = _clips_to_test(frames, sides, contents)
    known = [image for image, label in frames.items() if label != UNKNOWN]
    strange = [image for image, label in frames.items() if label == UNKNOWN]
    return Split(
        [photo.image for photo in photos if photo.image not in tested]
        + [image for image in known if image.file not in tested_clips],
        [photo.image for photo in photos if photo.image in tested]
        + [image for image in known if image.file in tested_clips],
        [image for image in strange if image.file not in tested_clips],
        [image for image in strange if image.file in tested_clips],
    )


def _photos_to_test(photos: Sequence[LabelledPhoto], *, have_test: bool) -> set[Image]:
    tested = {photo.image for photo in photos if _is_test(photo.part, have_test=have_test)}
    alone = [photo for photo in photos if photo.part is None and photo.group is None]
    _, test = split_photos([p.image.path for p in alone], [p.label for p in alone])
    tested |= {alone[i].image for i in test}
    groups = {p.group: {p.label} for p in photos if p.part is None and p.group is not None}
    tested_groups = split_clips(groups, {group: group for group in groups})
    return tested | {p.image for p in photos if p.part is None and p.group in tested_groups}


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
    labels: dict[str, set[str]] = {}
    files: dict[str, Path] = {}
    for image, label in frames.items():
        has_side = image.file in sides or footage[image.file] in learned | held
        if label != UNKNOWN and not has_side:
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
    """Name each image by its file; a clip, and what belongs to it, by the first of these files."""
    clips = {_shot(file) for file in {image.file for image in images if image.seconds is not None}}
    first: dict[str, str] = {}
    names: dict[Path, str] = {}
    for file in (image.file for image in images) if clips else ():
        if file not in names:
            shot = _shot(file)
            names[file] = first.setdefault(shot, str(file)) if shot in clips else str(file)
    return [names.get(image.file, str(image.file)) for image in images]


def _shot(file: Path) -> str:
    """Name what was taken at once, by the path of one of its files, or of a folder of its frames.

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


def _is_test(part: Part | None, *, have_test: bool) -> bool:
    return part == "test" or (part == "validation" and not have_test)


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
    counts = Counter(label for some in shown.values() for label in some)
    names = {contents[clip]: clip for clip in sorted(labels, reverse=True)}
    in_order = sorted(shown, key=lambda content: hashlib.sha256(names[content].encode()).digest())
    wanted = {
        label: round(count / 4) if count >= FEWEST_PHOTOS else 0 for label, count in counts.items()
    }
    of_label: dict[str, list[str]] = {label: [] for label in counts}
    for content in in_order:
        for label in shown[content]:
            of_label[label].append(content)
    test: set[str] = set()
    for label in sorted(wanted, key=lambda label: (counts[label], label)):
        for content in of_label[label]:
            some = shown[content]
            if content not in test and all(wanted[other] > 0 for other in some):
                test.add(content)
                for other in some:
                    wanted[other] -= 1
    return {clip for clip in labels if contents[clip] in test}


def _split_in_proportion(
    photos: Sequence[int], labels: Sequence[str]
) -> tuple[list[int], list[int]]:
    # Takes more than a second to import, and predict_video.py splits nothing.
    from sklearn.model_selection import train_test_split

    training, test = train_test_split(photos, test_size=0.25, stratify=labels, random_state=42)
    return training, test
