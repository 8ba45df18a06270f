"""What the photos of each label look like, by the names that an ImageNet network gives them."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from activity.network.imagenet_names import probabilities_of_names
from activity.network.profiles import Likeness, profiles_of
from activity.network.unknown import Answers, known_confidence
from activity.training.features.sets import Examples

_PHOTOS_OF_PROFILE = 1000
_ROWS_AT_ONCE = 1024


def learn_likeness(train: Examples, classifier: NDArray[np.float16]) -> Likeness:
    """Find the profiles of the labels; it does not know yet how known photos compare.

    Args:
        train: images of the labels, no outliers.
        classifier: of ImageNet's names, as ``backbone.build_with_classifier`` gives it.
    """
    names = []
    for label in range(train.targets.shape[1]):
        places = np.flatnonzero(train.labels == label)
        some = np.linspace(0, len(places) - 1, min(len(places), _PHOTOS_OF_PROFILE)).astype(int)
        names.append(probabilities_of_names(train.features(places[some]), classifier))
    return Likeness(classifier, profiles_of(names))


def answers(
    likeness: Likeness | None, probabilities: NDArray[np.float32], examples: Examples
) -> Answers:
    """Put together what the network says of images, and how sure it is.

    Args:
        likeness: what the images are compared with; None for their highest probabilities alone.
        probabilities: of the images, shape (images, labels).
        examples: the images.
    """
    if likeness is None:
        return Answers.of(probabilities)
    confidence = np.empty(len(examples), np.float32)
    for some, names in names_of_examples(examples, likeness):
        confidence[some] = likeness.confidence(probabilities[some], names)
    return Answers(probabilities, confidence)


def with_known(likeness: Likeness | None, known: Answers) -> Likeness | None:
    """Note the confidence in known photos; there may be none."""
    if likeness is None or not len(known.confidence):
        return likeness
    return replace(likeness, known=tuple(known_confidence(known.confidence)))


def names_of_examples(
    examples: Examples, likeness: Likeness
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yield places of some images, and the probabilities of their names, (images, 1000)."""
    for start in range(0, len(examples), _ROWS_AT_ONCE):
        some = slice(start, min(start + _ROWS_AT_ONCE, len(examples)))
        yield some, probabilities_of_names(examples.features(some), likeness.classifier)
