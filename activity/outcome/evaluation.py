"""What the classifier made of the test photos, and how far the test can be believed."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Test photos with their labels and predictions.

    Attributes:
        labels: name of each class.
        photos: paths relative to the data set.
        truth: class of each photo, integers, shape (photos,).
        probabilities: shape (photos, labels).
    """

    labels: Sequence[str]
    photos: Sequence[str]
    truth: NDArray[np.integer]
    probabilities: NDArray[np.floating]

    @property
    def predicted(self) -> NDArray[np.integer]:
        """Most probable class of each photo, shape (photos,)."""
        return self.probabilities.argmax(axis=1)

    @property
    def accuracy(self) -> float:
        """Share of photos whose label is predicted, 0..1."""
        return float((self.predicted == self.truth).mean())

    def mistakes(self) -> list[int]:
        """Indices of the photos predicted wrongly, the most confident mistake first."""
        (wrong,) = np.nonzero(self.predicted != self.truth)
        confidence = self.probabilities.max(axis=1)[wrong]
        return wrong[np.argsort(-confidence, kind="stable")].tolist()


@dataclass(frozen=True)
class IdenticalPhotos:
    """Photos that are the same file byte for byte, some in the training set, some in the test."""

    training: list[str]
    test: list[str]


def straddling_groups(
    digests: Mapping[str, str], training: Collection[str], test: Collection[str]
) -> list[IdenticalPhotos]:
    """Find the groups of identical photos that straddle the training and the test set.

    A test photo that was also trained on says nothing about photos never seen.

    Args:
        digests: SHA-256 of each photo's content; photos without one are left out.
        training, test: photos of each set.

    Returns:
        The groups in the order of their first test photo; photos within each sorted.
    """
    trained = defaultdict(list)
    for photo in sorted(training):
        if photo in digests:
            trained[digests[photo]].append(photo)
    tested = defaultdict(list)
    for photo in sorted(test):
        if digests.get(photo) in trained:
            tested[digests[photo]].append(photo)
    return [IdenticalPhotos(trained[digest], photos) for digest, photos in tested.items()]
