"""The score on the test images, and how far it can be believed: everything that judges a model."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import classification_report
from tqdm import tqdm

from activity.common.errors import printable, shortened
from activity.media.images import Image
from activity.network.unknown import Answers, format_unknown
from activity.training.features.sets import Examples, FeatureSets
from activity.training.learning.head import Trained, answers, predict, standardisation_of

# Two-sided, 95 %: the quantile of the normal distribution at 0.975.
_QUANTILE = 1.959964

_WIDEST_INTERVAL = 0.3
"""Classes with a wider interval are named. It is narrower from ten test photos on if all are right,
and from forty on if half are."""

# Some 20 million of them take a second.
_MOST_PAIRS = 2 * 10**9

# Of standardised features. Chosen by looking at pairs of test and training photos of two data sets:
# docs/recipe.md.
_NEARLY_THE_SAME = 0.9

# For each piece of the ones, all the others are looked up and standardised again.
_ROWS_AT_ONCE = 4096
_OTHERS_AT_ONCE = 512


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
        known: what the network says of the images.
        unknown: likewise, of frames labelled ``unknown``.
        unseen: likewise, of photos of other labels, of which nothing was learned.
        unsure: share of known photos that counts as unsure for ``--unknown``, 0..1.
    """

    labels: Sequence[str]
    images: Sequence[Image]
    truth: NDArray[np.integer]
    known: Answers
    unknown: Answers
    unseen: Answers
    unsure: float

    @property
    def predicted(self) -> NDArray[np.integer]:
        """Most probable class of each image, shape (images,)."""
        return self.known.probabilities.argmax(axis=1)

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

    def classification_report(self, names: Sequence[str], *, as_dict: bool = False) -> Any:
        """Make scikit-learn's table of precision, recall and F1 score for each label.

        Args:
            names: what the labels are called in it.
            as_dict: whether it is made for programs, rather than as text (default).
        """
        numbers = range(len(self.labels))
        how = {"target_names": names, "output_dict": as_dict, "zero_division": 0}
        return classification_report(self.truth, self.predicted, labels=numbers, **how)

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
        confidence = self.known.probabilities.max(axis=1)[wrong]
        return wrong[np.argsort(-confidence, kind="stable")].tolist()


def evaluate(trained: Trained) -> Evaluation:
    """Classify the test images, and those of none of the classes."""
    features, test = trained.features, trained.features.test
    known, unknown, unseen = (
        answers(trained.likeness, predict(trained.head, examples), examples)
        for examples in (test, features.unknown, features.unseen)
    )
    return Evaluation(
        features.classes, test.images, test.labels, known, unknown, unseen, trained.unsure
    )


def format_score(evaluation: Evaluation) -> str:
    """Format scikit-learn's table of precision, recall and F1 score for each label.

    Below it stands what ``--unknown`` would do to the images.
    """
    e = evaluation
    table = e.classification_report([printable(label) for label in e.labels])
    return f"{table}\n[INFO] {format_unknown(e.known, e.truth, e.unknown, e.unseen, e.unsure)}"


def share(right: NDArray[np.bool_]) -> float:
    """Return the share of values that are true, 0..1; NaN if there are none."""
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


class IdenticalImages(NamedTuple):
    """Images that are the same byte for byte, some in the training set, some in the test."""

    training: list[Image]
    test: list[Image]


class Leakage(NamedTuple):
    """How far the test set overlaps with the training set.

    Attributes:
        identical: groups of identical images in both sets.
        near_copies: test images that show nearly the same picture as a training image, with it;
            None if there are too many images to compare each with each.
    """

    identical: Sequence[IdenticalImages]
    near_copies: Mapping[Image, Image] | None

    def is_new(self, images: Sequence[Image]) -> NDArray[np.bool_]:
        """Tell which test images are not near copies of training images, shape (images,).

        Use it for a score without them. If nothing was compared, all are new.
        """
        return np.array([image not in (self.near_copies or ()) for image in images], bool)


class NearCopies(NamedTuple):
    """Two images that show nearly the same picture, under two labels.

    Attributes:
        images, labels: those of the two.
        similarity: cosine of their standardised features, up to 1.
    """

    images: tuple[Image, Image]
    labels: tuple[str, str]
    similarity: float

    def as_dict(self) -> dict[str, object]:
        """Convert the pair for ``write_json``."""
        return {**self._asdict(), "images": [str(image) for image in self.images]}


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

    def by_name(image: Image) -> tuple[str, float]:
        return image.path, image.seconds or 0.0

    trained = defaultdict(list)
    for image in sorted(training, key=by_name):
        if image.digest:
            trained[image.digest].append(image)
    tested = defaultdict(list)
    for image in sorted(test, key=by_name):
        if image.digest in trained:
            tested[image.digest].append(image)
    return [IdenticalImages(trained[digest], images) for digest, images in tested.items()]


def near_copies(training: Examples, test: Examples) -> dict[Image, Image] | None:
    """Find for each test image the training image that shows nearly the same picture.

    The same photo in another size, cut a little differently, or the next one of a series has almost
    the same features. They are compared by the cosine of their standardised features, of which each
    counts alike, so that the measure means the same for every backbone.

    Args:
        training, test: the images of each set; at least one for training.

    Returns:
        The test images that are nearly the same as a training image, with the most similar one;
        None if there are too many images to compare each with each.
    """
    if len(training) * len(test) > _MOST_PAIRS:
        return None
    pairs = _most_similar(test, training)
    return {test.images[tested]: training.images[trained] for tested, trained, _ in pairs}


def near_copies_under_two_labels(sets: FeatureSets) -> list[NearCopies] | None:
    """Find the images, of both sides of the split, that look like one of another label.

    Args:
        sets: features as the frozen backbone gives them.

    Returns:
        For each image that has such near copies among the later ones, the most similar of them;
        the most similar pairs first. None if there are too many images to compare.
    """
    every = sets.train.joined(sets.test)
    if len(every) ** 2 // 2 > _MOST_PAIRS:
        return None
    labels = [sets.classes[label] for label in every.labels.tolist()]
    found = [
        NearCopies((every.images[one], every.images[other]), (labels[one], labels[other]), cosine)
        for one, other, cosine in _most_similar(every, every)
    ]
    return sorted(found, key=lambda pair: -pair.similarity)


def _most_similar(ones: Examples, others: Examples) -> Iterator[tuple[int, int, float]]:
    """Find the most similar other image of each one, if the two are nearly the same.

    Where both are the same examples, each is compared with the later ones of other labels.

    Yields:
        (place of the one, place of the other, cosine of their features, standardised as those of
        the others).
    """
    standardisation = standardisation_of(others)

    def directions(examples: Examples, places: NDArray[np.intp]) -> NDArray[np.float32]:
        some = standardisation.apply(examples.features(places))
        some /= np.maximum(np.linalg.norm(some, axis=1, keepdims=True), 1e-6)
        return some

    labels = ones.labels
    bar = tqdm(total=len(ones), desc="near copies", disable=None, unit="image")
    for rows in _pieces(len(ones), _ROWS_AT_ONCE):
        own = directions(ones, rows)
        most, nearest = np.full(len(rows), _NEARLY_THE_SAME, np.float32), np.full(len(rows), -1)
        for columns in _pieces(len(others), _OTHERS_AT_ONCE):
            if ones is others and columns[-1] <= rows[0]:
                continue
            cosines = own @ directions(others, columns).T
            if ones is others:
                same = labels[rows, np.newaxis] == labels[columns]
                cosines[same | (rows[:, np.newaxis] >= columns)] = -1
            best = cosines.argmax(axis=1)
            similar = cosines[np.arange(len(rows)), best]
            nearest[similar > most] = columns[best[similar > most]]
            most = np.maximum(most, similar)
        for place in np.flatnonzero(nearest >= 0).tolist():
            yield int(rows[place]), int(nearest[place]), float(most[place])
        bar.update(len(rows))
    bar.close()


def _pieces(count: int, size: int) -> Iterator[NDArray[np.intp]]:
    for start in range(0, count, size):
        yield np.arange(start, min(start + size, count))


def remarks_on_score(evaluation: Evaluation, leakage: Leakage) -> list[str]:
    """Qualify the score: photos and frames apart, small classes, and copies of training images.

    Returns:
        Remarks in plain words, each a line.
    """
    remarks = []
    is_frame, right = evaluation.is_frame, evaluation.right
    if is_frame.any():
        clips = len({image.path for image in evaluation.images if image.seconds is not None})
        of_frames = f"{share(right[is_frame]):.1%} of {is_frame.sum()} frames of {clips} clips"
        of_photos = f"{share(right[~is_frame]):.1%} of {(~is_frame).sum()} photos; "
        remarks.append(f"right: {'' if is_frame.all() else of_photos}{of_frames}")
    vague = [
        f"{printable(recall.label)} {recall.share:.0%} of {recall.files} photos or clips "
        f"(95 % interval: {recall.low:.0%} to {recall.high:.0%})"
        for recall in evaluation.recalls()
        if recall.files and recall.high - recall.low > _WIDEST_INTERVAL
    ]
    if vague:
        remarks.append(f"too few to test with for a score that means much: {shortened(vague)}")
    copies = sum(len(group.test) for group in leakage.identical)
    if copies:
        remarks.append(
            f"{copies} photos of the test set are byte-identical to training photos: "
            f"the score is up to {copies / len(right):.1%} too high"
        )
    if leakage.near_copies is None:
        remarks.append("too many images to look for near copies among them")
    elif leakage.near_copies:
        is_new = leakage.is_new(evaluation.images)
        others = f"{share(right[is_new]):.1%} are right" if is_new.any() else "none are left"
        remarks.append(
            f"{(~is_new).sum()} test images show nearly the same picture as a training image; "
            f"without them, {others}"
        )
    return remarks


def remarks_on_two_labels(pairs: Sequence[NearCopies] | None) -> list[str]:
    """Say how many near copies bear two labels, and name the most similar."""
    if not pairs:
        return []
    first, second = (printable(str(image)) for image in pairs[0].images)
    labels = " and ".join(printable(label) for label in pairs[0].labels)
    return [
        f"{len(pairs)} pairs of images show nearly the same picture under two labels: the report "
        f"names them; the most similar are {first} and {second} ({labels})"
    ]
