"""Outliers: images of none of the activities, which teach the network what it does not know.

They are learned with equal targets for all labels (D. Hendrycks, M. Mazeika, T. Dietterich, "Deep
Anomaly Detection with Outlier Exposure", ICLR 2019). docs/recipe.md says what they gain, and how
their number and weight were chosen.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from activity.media.images import Image
from activity.temporal.segments import UNKNOWN
from activity.training.labelled_photos import LabelledPhoto

DEFAULT_OUTLIERS = 1500

_FOLDERS_PER_HELD_OUT = 5
_MOST_UNSEEN = 300
"""A share of this many photos has a standard error of at most 0.03."""


@dataclass(frozen=True)
class Outliers:
    """Images of none of the activities.

    Attributes:
        photos: to learn from, of labels that were not asked for, and of ``unknown``.
        marked: to learn from, too: frames that a table calls ``unknown``.
        unseen: photos of labels that nothing is learned of, to judge ``--unknown`` by.
        labels: labels of ``photos``, sorted.
        unseen_labels: labels of ``unseen``, sorted.
        known: how many photos were left out because an activity has them, too.
    """

    photos: list[Image] = field(default_factory=list)
    marked: list[Image] = field(default_factory=list)
    unseen: list[Image] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    unseen_labels: list[str] = field(default_factory=list)
    known: int = 0

    @property
    def learned(self) -> list[Image]:
        """All that is learned from: photos, then frames."""
        return [*self.photos, *self.marked]


def choose_outliers(
    others: Sequence[LabelledPhoto], marked: Sequence[Image], most: int, seed: int
) -> Outliers:
    """Choose what to learn from and what to judge by, evenly over labels and clips.

    One label in five is kept apart to judge by, at least one where there are two; never
    ``unknown``, which is there to be learned. Photos of the part to test with in a data set that
    is split already are not learned from.

    Args:
        others: photos of labels that were not asked for, and of ``unknown``.
        marked: frames that tables call ``unknown``.
        most: photos to learn from, and likewise frames; 0 chooses nothing at all.
        seed: seed of the choice.
    """
    if not most:
        return Outliers()
    random = np.random.default_rng(seed)
    labels = sorted({photo.label for photo in others} - {UNKNOWN})
    held_out = max(round(len(labels) / _FOLDERS_PER_HELD_OUT), int(len(labels) > 1))
    unseen_labels = {labels[place] for place in random.permutation(len(labels))[:held_out]}
    photos: dict[str, list[Image]] = {}
    unseen: dict[str, list[Image]] = {}
    for photo in others:
        if photo.label in unseen_labels:
            unseen.setdefault(photo.label, []).append(photo.image)
        elif photo.part in (None, "train"):
            photos.setdefault(photo.label, []).append(photo.image)
    clips: dict[str, list[Image]] = {}
    for image in marked:
        clips.setdefault(str(image.file), []).append(image)
    return Outliers(
        _draw_evenly(photos, most, random),
        _draw_evenly(clips, most, random),
        _draw_evenly(unseen, _MOST_UNSEEN, random),
        sorted(photos),
        sorted(unseen),
    )


def _draw_evenly(
    images: Mapping[str, Sequence[Image]], most: int, random: np.random.Generator
) -> list[Image]:
    """Draw as many of each, or all of those that have fewer, and keep their order."""
    drawn: list[Image] = []
    for done, label in enumerate(sorted(images, key=lambda label: (len(images[label]), label))):
        share = (most - len(drawn)) // (len(images) - done)
        places = np.sort(random.permutation(len(images[label]))[:share])
        drawn += [images[label][place] for place in places.tolist()]
    return drawn


def with_digests(
    outliers: Outliers, digests: Mapping[Image, str], known: Collection[str]
) -> Outliers:
    """Give the images their digests, and leave out what is there more than once.

    A photo that an activity has, too, would be learned both as that and as none of them; one that
    is learned says nothing about what was never seen.

    Args:
        outliers: as chosen.
        digests: digests of these; empty for files that cannot be read.
        known: digests of the images of the activities.
    """
    used = {*known} - {""}
    left_out = 0

    def keep(images: Sequence[Image]) -> list[Image]:
        nonlocal left_out
        kept = []
        for image in images:
            digest = digests[image]
            left_out += bool(digest) and digest in known
            if digest not in used:
                kept.append(image._replace(digest=digest))
                used.update({digest} - {""})
        return kept

    photos, marked, unseen = map(keep, (outliers.photos, outliers.marked, outliers.unseen))
    return replace(outliers, photos=photos, marked=marked, unseen=unseen, known=left_out)
