"""How far a test can be believed: test images that are, or nearly are, training images."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.media.images import Image
from activity.training.feature_sets import Examples, FeatureSets
from activity.training.standardisation import standardisation_of

# Pairs of a test and a training image; some 20 million of them take a second.
MOST_PAIRS = 2 * 10**9

# Of standardised features. Chosen by looking at pairs of test and training photos of two data sets:
# docs/recipe.md.
NEARLY_THE_SAME = 0.9

# For each piece of the test images, all training images are looked up and standardised again.
_TESTED_AT_ONCE = 4096
_TRAINED_AT_ONCE = 512


@dataclass(frozen=True)
class IdenticalImages:
    """Images that are the same byte for byte, some in the training set, some in the test."""

    training: list[Image]
    test: list[Image]


@dataclass(frozen=True)
class Leakage:
    """What of the training set is in the test set, too.

    Attributes:
        identical: groups of identical images in both sets.
        near_copies: test images that show nearly the same picture as a training image, with it;
            None where there are too many images to compare each with each.
    """

    identical: Sequence[IdenticalImages]
    near_copies: Mapping[Image, Image] | None


def find_leakage(training: Collection[Image], features: FeatureSets) -> Leakage:
    """Look for test images that are, or nearly are, training images.

    Args:
        training: all images of the training set, readable or not.
        features: as the frozen backbone gives them.
    """
    identical = straddling_groups(training, features.test.images)
    return Leakage(identical, near_copies(features.train, features.test))


def straddling_groups(
    training: Collection[Image], test: Collection[Image]
) -> list[IdenticalImages]:
    """Find the groups of identical images that straddle the training and the test set.

    A test image that was also trained on says nothing about images never seen.

    Args:
        training, test: images of each set; those without a digest are left out.

    Returns:
        The groups in the order of their first test image; images within each sorted.
    """
    trained = defaultdict(list)
    for image in sorted(training, key=_by_name):
        if image.digest:
            trained[image.digest].append(image)
    tested = defaultdict(list)
    for image in sorted(test, key=_by_name):
        if image.digest in trained:
            tested[image.digest].append(image)
    return [IdenticalImages(trained[digest], images) for digest, images in tested.items()]


def near_copies(training: Examples, test: Examples) -> dict[Image, Image] | None:
    """Find for each test image the training image that shows nearly the same picture.

    The same photo in another size, cut a little differently, or the next one of a series has
    almost the same features. They are compared by the cosine of their standardised features, of
    which each counts alike, so that the measure means the same for every backbone.

    Args:
        training, test: the images of each set; at least one for training.

    Returns:
        The test images that are nearly the same as a training image, with the most similar one;
        None where there are too many images to compare each with each.
    """
    if len(training) * len(test) > MOST_PAIRS:
        return None
    standardisation = standardisation_of(training)

    def directions(examples: Examples, places: NDArray[np.intp]) -> NDArray[np.float32]:
        some = standardisation.apply(examples.features(places))
        some /= np.maximum(np.linalg.norm(some, axis=1, keepdims=True), 1e-6)
        return some

    found: dict[Image, Image] = {}
    bar = tqdm(total=len(test), desc="near copies", disable=None, unit="image")
    for tested in _pieces(len(test), _TESTED_AT_ONCE):
        own = directions(test, tested)
        most = np.full(len(own), NEARLY_THE_SAME, np.float32)
        for trained in _pieces(len(training), _TRAINED_AT_ONCE):
            cosines = own @ directions(training, trained).T
            highest = cosines.max(axis=1)
            for better in np.flatnonzero(highest > most).tolist():
                nearest = trained[cosines[better].argmax()]
                found[test.images[tested[better]]] = training.images[nearest]
            most = np.maximum(most, highest)
        bar.update(len(tested))
    bar.close()
    return found


def _pieces(count: int, size: int) -> Iterator[NDArray[np.intp]]:
    for start in range(0, count, size):
        yield np.arange(start, min(start + size, count))


def _by_name(image: Image) -> tuple[str, float]:
    return image.path, image.seconds or 0.0
