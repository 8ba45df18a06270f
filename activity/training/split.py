"""Which photos and clips are learned from, and which are kept apart to test with."""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from activity.media.images import Image
from activity.temporal.segments import UNKNOWN

# The source tutorial's library lists .jpg, .jpeg, .png, .bmp, .tif and .tiff, and its photos keep
# the split that they have always had. These came later, and are split by themselves.
LATER_SUFFIXES = (".webp", ".gif", ".avif")

FEWEST_PHOTOS = 4
"""A quarter of four photos is one test photo: fewer cannot be split. Likewise clips."""


def split_photos(photos: Sequence[str], labels: Sequence[str]) -> tuple[list[int], list[int]]:
    """Split photos 75/25 into training and test, each label in proportion.

    The split depends on the sorted list of photos alone, never on ``--seed``: scores of
    different runs are scores on the same test photos. It is the source tutorial's split, of the
    kinds of files that its library lists; files of later kinds are split by themselves, so that
    they change nothing about the others. Where a label has fewer than four photos of a kind, these
    are all for training.

    Returns:
        (training, test): ascending indices into ``photos``.
    """
    later = [Path(photo).suffix.lower() in LATER_SUFFIXES for photo in photos]
    training: list[int] = []
    test: list[int] = []
    for kind in (False, True):
        counts = Counter(label for label, late in zip(labels, later, strict=True) if late is kind)
        of_kind = [i for i, late in enumerate(later) if late is kind]
        enough = [i for i in of_kind if counts[labels[i]] >= FEWEST_PHOTOS]
        training += [i for i in of_kind if counts[labels[i]] < FEWEST_PHOTOS]
        if enough:
            some, others = _split_in_proportion(enough, [labels[i] for i in enough])
            training += some
            test += others
    return sorted(training), sorted(test)


class Split(NamedTuple):
    """Which images go where, as ascending indices."""

    training: list[int]
    test: list[int]
    unknown: list[int]
    """Footage of none of the activities: nothing to learn, but something to try --unknown on."""


def split_images(
    images: Sequence[Image], labels: Sequence[str], contents: Mapping[str, str]
) -> Split:
    """Split photos by ``split_photos``, and frames by whole clips as ``split_clips`` says.

    Args:
        images: photos in the order of their names, then frames.
        labels: of each image; frames labelled ``unknown`` are for neither set.
        contents: of each clip that can be read, what tells it from others.
    """
    photos = [image.path for image in images if image.seconds is None]
    training, test = split_photos(photos, labels[: len(photos)]) if photos else ([], [])
    shown: dict[str, set[str]] = {}
    frames = range(len(photos), len(images))
    for i in frames:
        if labels[i] != UNKNOWN:
            shown.setdefault(images[i].path, set()).add(labels[i])
    tested = split_clips(shown, {clip: contents.get(clip, clip) for clip in shown})
    unknown = [i for i in frames if labels[i] == UNKNOWN]
    known = [i for i in frames if labels[i] != UNKNOWN]
    return Split(
        training + [i for i in known if images[i].path not in tested],
        test + [i for i in known if images[i].path in tested],
        unknown,
    )


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
    test: set[str] = set()
    for label in sorted(wanted, key=lambda label: (counts[label], label)):
        for content in in_order:
            some = shown[content]
            if label in some and content not in test and all(wanted[other] > 0 for other in some):
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
