"""What the classifier made of the test images."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from activity.media.images import Image
from activity.network.unknown import UNSURE


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Test images with their labels and predictions.

    Attributes:
        labels: name of each class.
        images: photos, and frames of clips.
        truth: class of each image, integers, shape (images,).
        probabilities: shape (images, labels).
        unknown: probabilities of frames that show none of the activities, shape (frames, labels).
        unseen: probabilities of photos of other labels, of which nothing was learned, shape
            (photos, labels).
        unsure: share of known photos that counts as unsure for ``--unknown``, 0..1.
    """

    labels: Sequence[str]
    images: Sequence[Image]
    truth: NDArray[np.integer]
    probabilities: NDArray[np.floating]
    unknown: NDArray[np.floating]
    unseen: NDArray[np.floating] = field(default_factory=lambda: np.empty((0, 1)))
    unsure: float = UNSURE

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
