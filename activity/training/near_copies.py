"""Images that show nearly the same picture.

The same photo in another size, cut a little differently, or the next one of a series has almost the
same features. They are compared by the cosine of their standardised features, of which each counts
alike, so that the measure means the same for every backbone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.media.images import Image
from activity.training.feature_sets import Examples, FeatureSets
from activity.training.standardisation import Standardisation, standardisation_of

# Some 20 million of them take a second.
_MOST_PAIRS = 2 * 10**9

# Of standardised features. Chosen by looking at pairs of test and training photos of two data sets:
# docs/recipe.md.
_NEARLY_THE_SAME = 0.9

# For each piece of the ones, all the others are looked up and standardised again.
_ROWS_AT_ONCE = 4096
_OTHERS_AT_ONCE = 512


def near_copies(training: Examples, test: Examples) -> dict[Image, Image] | None:
    """Find for each test image the training image that shows nearly the same picture.

    Args:
        training, test: the images of each set; at least one for training.

    Returns:
        The test images that are nearly the same as a training image, with the most similar one;
        None if there are too many images to compare each with each.
    """
    if len(training) * len(test) > _MOST_PAIRS:
        return None
    standardisation = standardisation_of(training)
    found: dict[Image, Image] = {}
    bar = tqdm(total=len(test), desc="near copies", disable=None, unit="image")
    for tested in _pieces(len(test), _ROWS_AT_ONCE):
        own = _directions(test, tested, standardisation)
        most = np.full(len(own), _NEARLY_THE_SAME, np.float32)
        for trained in _pieces(len(training), _OTHERS_AT_ONCE):
            cosines = own @ _directions(training, trained, standardisation).T
            highest = cosines.max(axis=1)
            for better in np.flatnonzero(highest > most).tolist():
                nearest = trained[cosines[better].argmax()]
                found[test.images[tested[better]]] = training.images[nearest]
            most = np.maximum(most, highest)
        bar.update(len(tested))
    bar.close()
    return found


@dataclass(frozen=True)
class NearCopies:
    """Two images that show nearly the same picture, under two labels.

    Attributes:
        images, labels: those of the two.
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


def near_copies_under_two_labels(sets: FeatureSets) -> list[NearCopies] | None:
    """Find the images, of both sides of the split, that look like one of another label.

    Args:
        sets: features as the frozen backbone gives them.

    Returns:
        For each image that has such near copies among the later ones, the most similar of them;
        the most similar pairs first. None if there are too many images to compare.
    """
    images = [*sets.train.images, *sets.test.images]
    if len(images) ** 2 // 2 > _MOST_PAIRS:
        return None
    every = replace(
        sets.train,
        images=images,
        targets=np.concatenate([sets.train.targets, sets.test.targets]),
        rows=np.concatenate([sets.train.rows[:, :1], sets.test.rows[:, :1]]),
    )
    labels, standardisation = every.labels, standardisation_of(every)
    found = []
    for rows in _pieces(len(every), _ROWS_AT_ONCE):
        own = _directions(every, rows, standardisation)
        most, nearest = np.full(len(rows), _NEARLY_THE_SAME, np.float32), np.full(len(rows), -1)
        for others in _pieces(len(every), _OTHERS_AT_ONCE):
            if others[-1] <= rows[0]:
                continue
            cosines = own @ _directions(every, others, standardisation).T
            cosines[(labels[rows, None] == labels[others]) | (rows[:, None] >= others)] = -1
            best = cosines.argmax(axis=1)
            similar = cosines[np.arange(len(rows)), best]
            nearest[similar > most] = others[best[similar > most]]
            most = np.maximum(most, similar)
        for row, other, similarity in zip(
            rows.tolist(), nearest.tolist(), most.tolist(), strict=True
        ):
            if other >= 0:
                first, second = (sets.classes[label] for label in labels[[row, other]].tolist())
                pair = NearCopies((images[row], images[other]), (first, second), similarity)
                found.append(pair)
    return sorted(found, key=lambda pair: -pair.similarity)


def _directions(
    examples: Examples, places: NDArray[np.intp], standardisation: Standardisation
) -> NDArray[np.float32]:
    some = standardisation.apply(examples.features(places))
    some /= np.maximum(np.linalg.norm(some, axis=1, keepdims=True), 1e-6)
    return some


def _pieces(count: int, size: int) -> Iterator[NDArray[np.intp]]:
    for start in range(0, count, size):
        yield np.arange(start, min(start + size, count))
