"""How far a test can be believed: test images that are, or nearly are, training images."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from activity.media.images import Image
from activity.training.feature_sets import FeatureSets
from activity.training.near_copies import near_copies


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
            None if there are too many images to compare each with each.
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


def _by_name(image: Image) -> tuple[str, float]:
    return image.path, image.seconds or 0.0
