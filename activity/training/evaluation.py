"""What the classifier made of the test images."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from activity.media.images import Image
from activity.network.unknown import UNSURE

# Two-sided, 95 %: the quantile of the normal distribution at 0.975.
_QUANTILE = 1.959964


class Recall(NamedTuple):
    """How many test images of a class are right, and how much that says of other images of it.

    Attributes:
        label: name of the class.
        share: share of its images that are right, 0..1; NaN where there are none.
        files: photos and clips that the images are, or are frames of. Frames of one clip are alike:
            however many they are, they say no more than one photo.
        low, high: bounds of the 95 % interval, 0..1; see ``wilson_interval``.
    """

    label: str
    share: float
    files: int
    low: float
    high: float


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

    def recalls(self) -> list[Recall]:
        """Give the recall of each class with its interval, in the order of ``labels``."""
        files = np.array([str(image.file) for image in self.images], object)
        recalls = []
        for number, label in enumerate(self.labels):
            of_label = self.truth == number
            right, count = share(self.right[of_label]), len({*files[of_label]})
            recalls.append(Recall(label, right, count, *wilson_interval(right, count)))
        return recalls

    def mistakes(self) -> list[int]:
        """Indices of the images predicted wrongly, the most confident mistake first."""
        (wrong,) = np.nonzero(~self.right)
        confidence = self.probabilities.max(axis=1)[wrong]
        return wrong[np.argsort(-confidence, kind="stable")].tolist()


def share(right: NDArray[np.bool_]) -> float:
    """Return the share of what is true, 0..1; NaN of nothing."""
    return float(right.mean()) if len(right) else math.nan


def wilson_interval(seen: float, trials: int) -> tuple[float, float]:
    """Give the 95 % interval of a probability from the share seen in independent trials.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
    the American Statistical Association 22 (1927), 209-212. Unlike the share plus or minus two
    standard errors, it also holds for a few trials, and for shares of 0 and 1.

    Args:
        seen: share of the trials that succeeded, 0..1.
        trials: how many there were; of none, nothing is known.

    Returns:
        (low, high), 0..1.

    Example:
        >>> [round(bound, 2) for bound in wilson_interval(1.0, 3)]
        [0.44, 1.0]
    """
    if trials == 0:
        return 0.0, 1.0
    square = _QUANTILE**2
    middle = seen + square / (2 * trials)
    reach = _QUANTILE * math.sqrt((seen * (1 - seen) + square / (4 * trials)) / trials)
    whole = 1 + square / trials
    return max(0.0, (middle - reach) / whole), min(1.0, (middle + reach) / whole)
