"""One picture under two labels: one of the labels is wrong, whatever the network makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from activity.media.images import Image

if TYPE_CHECKING:
    from activity.training.feature_sets import Examples, FeatureSets  # import Keras: seconds

_ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class NearCopies:
    """Two images that show nearly the same picture, under two labels.

    Attributes:
        images, labels: of the two.
        similarity: cosine of their standardised features, up to 1.
    """

    images: tuple[Image, Image]
    labels: tuple[str, str]
    similarity: float

    def as_dict(self) -> dict[str, object]:
        """Turn them into what ``write_json`` takes."""
        return {
            "images": [str(image) for image in self.images],
            "labels": [*self.labels],
            "similarity": self.similarity,
        }


def under_two_labels(labels: Mapping[Image, str]) -> list[dict[str, str]]:
    """Find the photos, and the clips, that are there byte for byte under more than one label.

    Args:
        labels: of each image; images without a digest are left out.

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


def near_copies_under_two_labels(sets: "FeatureSets") -> list[NearCopies] | None:
    """Find the images that show nearly the same picture as one of another label.

    They are compared as ``near_copies`` compares those of the test set with those of the training
    set; here, all are compared with all.

    Args:
        sets: features as the frozen backbone gives them.

    Returns:
        For each image that has such near copies among the later ones, the most similar of them;
        the most similar pairs first. None where there are too many images to compare.
    """
    from activity.training.leakage import MOST_PAIRS, NEARLY_THE_SAME

    images = [*sets.train.images, *sets.test.images]
    if len(images) ** 2 // 2 > MOST_PAIRS:
        return None
    every = replace(
        sets.train,
        images=images,
        targets=np.concatenate([sets.train.targets, sets.test.targets]),
        rows=np.concatenate([sets.train.rows[:, :1], sets.test.rows[:, :1]]),
    )
    found = []
    for row, other, similarity in _nearest_of_other_labels(every, NEARLY_THE_SAME):
        first, second = (sets.classes[label] for label in every.labels[[row, other]].tolist())
        found.append(NearCopies((images[row], images[other]), (first, second), similarity))
    return sorted(found, key=lambda pair: -pair.similarity)


def _nearest_of_other_labels(every: "Examples", least: float) -> list[tuple[int, int, float]]:
    """Find for each image the most similar later one of another label, if it is similar enough."""
    sample = every.features()
    mean, deviation = sample.mean(axis=0), np.maximum(sample.std(axis=0), 1e-6)
    del sample

    def directions(places: NDArray[np.intp]) -> NDArray[np.float32]:
        some = (every.features(places) - mean) / deviation
        return some / np.maximum(np.linalg.norm(some, axis=1, keepdims=True), 1e-6)

    labels, numbers = every.labels, np.arange(len(every))
    found = []
    for start in range(0, len(every), _ROWS_AT_ONCE):
        rows = numbers[start : start + _ROWS_AT_ONCE]
        own = directions(rows)
        most, nearest = np.full(len(rows), least, np.float32), np.full(len(rows), -1)
        for later in range(start, len(every), _ROWS_AT_ONCE):
            others = numbers[later : later + _ROWS_AT_ONCE]
            cosines = own @ directions(others).T
            cosines[(labels[rows, None] == labels[others]) | (rows[:, None] >= others)] = -1
            best = cosines.argmax(axis=1)
            similar = cosines[np.arange(len(rows)), best]
            nearest[similar > most] = others[best[similar > most]]
            most = np.maximum(most, similar)
        found += [
            (row, other, similarity)
            for row, other, similarity in zip(
                rows.tolist(), nearest.tolist(), most.tolist(), strict=True
            )
            if other >= 0
        ]
    return found
