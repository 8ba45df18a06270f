"""What the classifier made of the test images, and how far the test can be believed."""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.media.images import Image

# Pairs of a test and a training image; some 20 million of them take a second.
_MOST_PAIRS = 2 * 10**9

# Of standardised features. Chosen by looking at pairs of test and training photos of two data sets:
# docs/recipe.md.
_NEARLY_THE_SAME = 0.9

_ROWS_AT_ONCE = 1024


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Test images with their labels and predictions.

    Attributes:
        labels: name of each class.
        images: photos, and frames of clips.
        truth: class of each image, integers, shape (images,).
        probabilities: shape (images, labels).
    """

    labels: Sequence[str]
    images: Sequence[Image]
    truth: NDArray[np.integer]
    probabilities: NDArray[np.floating]

    @property
    def predicted(self) -> NDArray[np.integer]:
        """Most probable class of each image, shape (images,)."""
        return self.probabilities.argmax(axis=1)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether the label of each image is predicted, shape (images,)."""
        return self.predicted == self.truth

    @property
    def accuracy(self) -> float:
        """Share of images whose label is predicted, 0..1; NaN where there are none."""
        return share(self.right)

    @property
    def is_frame(self) -> NDArray[np.bool_]:
        """Which images are frames of clips, shape (images,)."""
        return np.array([image.seconds is not None for image in self.images], bool)

    def mistakes(self) -> list[int]:
        """Indices of the images predicted wrongly, the most confident mistake first."""
        (wrong,) = np.nonzero(~self.right)
        confidence = self.probabilities.max(axis=1)[wrong]
        return wrong[np.argsort(-confidence, kind="stable")].tolist()


def share(right: NDArray[np.bool_]) -> float:
    """Return the share of what is true, 0..1; NaN of nothing."""
    return float(right.mean()) if len(right) else math.nan


@dataclass(frozen=True)
class IdenticalImages:
    """Images that are the same byte for byte, some in the training set, some in the test."""

    training: list[Image]
    test: list[Image]


def straddling_groups(
    digests: Mapping[Image, str], training: Collection[Image], test: Collection[Image]
) -> list[IdenticalImages]:
    """Find the groups of identical images that straddle the training and the test set.

    A test image that was also trained on says nothing about images never seen.

    Args:
        digests: what tells each image's content from every other; images without are left out.
        training, test: images of each set.

    Returns:
        The groups in the order of their first test image; images within each sorted.
    """
    trained = defaultdict(list)
    for image in sorted(training, key=_by_name):
        if image in digests:
            trained[digests[image]].append(image)
    tested = defaultdict(list)
    for image in sorted(test, key=_by_name):
        if digests.get(image) in trained:
            tested[digests[image]].append(image)
    return [IdenticalImages(trained[digest], images) for digest, images in tested.items()]


def near_copies(
    features: NDArray[np.float32],
    training: NDArray[np.intp],
    test: NDArray[np.intp],
    images: Sequence[Image],
) -> dict[Image, Image] | None:
    """Find for each test image the training image that shows nearly the same picture.

    The same photo in another size, cut a little differently, or the next one of a series has
    almost the same features. They are compared by the cosine of their standardised features, of
    which each counts alike, so that the measure means the same for every backbone.

    Args:
        features: of all images, shape (rows, feature size).
        training, test: rows of the images as they are; at least one for training.
        images: of each row.

    Returns:
        The test images that are nearly the same as a training image, with the most similar one;
        None where there are too many images to compare each with each.
    """
    if len(training) * len(test) > _MOST_PAIRS:
        return None
    mean, deviation = features[training].mean(axis=0), features[training].std(axis=0)

    def directions(rows: NDArray[np.intp]) -> NDArray[np.float32]:
        some = (features[rows] - mean) / np.maximum(deviation, 1e-6)
        return some / np.maximum(np.linalg.norm(some, axis=1, keepdims=True), 1e-6)

    found: dict[Image, Image] = {}
    for place in tqdm(range(0, len(test), _ROWS_AT_ONCE), "near copies", disable=None):
        tested = test[place : place + _ROWS_AT_ONCE]
        own = directions(tested)
        most = np.full(len(own), _NEARLY_THE_SAME, np.float32)
        for start in range(0, len(training), _ROWS_AT_ONCE):
            trained = training[start : start + _ROWS_AT_ONCE]
            cosines = own @ directions(trained).T
            for better in np.flatnonzero(cosines.max(axis=1) > most).tolist():
                found[images[tested[better]]] = images[trained[cosines[better].argmax()]]
            most = np.maximum(most, cosines.max(axis=1))
    return found


def _by_name(image: Image) -> tuple[str, float]:
    return image.path, image.seconds or 0.0
