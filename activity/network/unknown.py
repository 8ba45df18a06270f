"""``unknown``, an additional label for frames in which the network has little confidence.

Confidence is compared with that in known photos. It is the highest probability, or where the
network's ImageNet classifier is at hand, what ``profiles.Likeness.confidence`` makes of it.
docs/recipe.md says how the method was chosen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from activity.network.engine import Engine, Stream, Tag
from activity.network.profiles import Likeness, names_kept

UNSURE = 0.14
"""Share of known photos that counts as unsure: a frame can only be unknown if the network is less
sure of fewer known photos than that."""

UNSURE_WITH_OUTLIERS = 0.1
"""The same, of a network that has learned enough photos of none of its activities."""

_FEWEST_OUTLIERS = 500
"""With at least this many outliers, the smaller share is used."""

_MOST_KNOWN = 1000


def known_confidence(confidence: NDArray[np.floating]) -> list[float]:
    """Collect a network's confidence in known photos, for ``save_classifier``.

    Args:
        confidence: in photos of the network's activities that it was not trained on, 0..1, shape
            (photos,); at least one photo.

    Returns:
        The same, ascending; 1,000 quantiles if there are more photos.
    """
    highest = np.sort(confidence.astype(np.float64))
    if len(highest) > _MOST_KNOWN:
        places = np.linspace(0, len(highest) - 1, _MOST_KNOWN).round().astype(int)
        highest = highest[places]
    return [float(value) for value in highest]


def unsure_share(outliers: int) -> float:
    """Return the share of known photos that counts as unsure, 0..1.

    Args:
        outliers: number of photos of no activity that the network was trained on.
    """
    return UNSURE_WITH_OUTLIERS if outliers >= _FEWEST_OUTLIERS else UNSURE


def with_unknown(
    classify: Engine,
    known: Sequence[float],
    unsure: float = UNSURE,
    likeness: Likeness | None = None,
) -> Engine:
    """Wrap an engine so that it also gives the probability of ``unknown``, as the last one.

    Args:
        classify: an engine from RGB pixels to probabilities, shape (labels,); with ``likeness``,
            those of ImageNet's names stand behind them.
        known: result of ``known_confidence`` for the same model; ``likeness`` has its own.
        unsure: share of known photos that counts as unsure, 0..1; as everywhere in this module, by
            default that of a network trained without outliers.
        likeness: what the frames are compared with; None (default) for the labels' probabilities
            alone.

    Returns:
        An engine from RGB pixels to probabilities, shape (labels + 1,), with the same sum. With
        ``likeness``, what ``names_kept`` keeps of the frame stands behind them.
    """
    ascending = np.array(known if likeness is None else likeness.known)

    def run(stream: Stream[Tag]) -> Iterator[tuple[Tag, NDArray[np.float32]]]:
        for tag, row in classify(stream):
            if likeness is None:
                yield tag, add_unknown(row[np.newaxis], ascending, unsure)[0]
                continue
            labels = len(likeness.profiles)
            probabilities, names = row[np.newaxis, :labels], row[np.newaxis, labels:]
            confidence = likeness.confidence(probabilities, names)
            answer = add_unknown(probabilities, ascending, unsure, confidence)[0]
            yield tag, np.concatenate([answer, names_kept(names[0])])

    return run


def add_unknown(
    probabilities: NDArray[np.floating],
    known: NDArray[np.float64],
    unsure: float = UNSURE,
    confidence: NDArray[np.floating] | None = None,
) -> NDArray[np.floating]:
    """Append the probability of ``unknown`` as the last column, and scale the others down.

    It is ``1 - u / unsure``, at least 0, where u is the share of known photos in which the network
    is less confident than in the frame.

    Args:
        probabilities: shape (frames, labels).
        known: confidence in known photos, ascending, shape (photos,).
        unsure: share of known photos that counts as unsure, 0..1.
        confidence: in the frames, shape (frames,); None (default) for the highest probability.

    Returns:
        Shape (frames, labels + 1).

    Example:
        >>> add_unknown(np.array([[0.5, 0.5], [0.9, 0.1]]), np.array([0.6, 0.7, 0.8, 0.9]))
        array([[0. , 0. , 1. ],
               [0.9, 0.1, 0. ]])
    """
    if confidence is None:
        confidence = probabilities.max(axis=1)
    less_sure = np.searchsorted(known, confidence, side="left") / len(known)
    return _add_column(probabilities, less_sure, unsure)


def _add_column(
    probabilities: NDArray[np.floating], less_sure: NDArray[np.float64], unsure: float
) -> NDArray[np.floating]:
    unknown = (1 - np.minimum(1, less_sure / unsure)).astype(probabilities.dtype)[:, np.newaxis]
    return np.hstack([probabilities * (1 - unknown), unknown])


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network says of images.

    Attributes:
        probabilities: of the labels, shape (images, labels).
        confidence: in each image, as it counts for ``unknown``, 0..1, shape (images,).
    """

    probabilities: NDArray[np.floating]
    confidence: NDArray[np.floating]

    @classmethod
    def of(cls, probabilities: NDArray[np.floating]) -> "Answers":
        """Answers with the highest probability as confidence."""
        return cls(probabilities, probabilities.max(axis=1, initial=0))


def known_called_unknown(known: Answers, unsure: float = UNSURE) -> NDArray[np.bool_]:
    """Find known images that ``--unknown`` would call unknown: its errors on them.

    Each image is judged by all the others.

    Args:
        known: answers for known images.
        unsure: share of known images that counts as unsure, 0..1.

    Returns:
        True for such images, shape (images,).
    """
    less_sure = np.searchsorted(np.sort(known.confidence), known.confidence, side="left")
    shares = less_sure / max(1, len(known.confidence) - 1)
    labels = _add_column(known.probabilities, shares, unsure).argmax(axis=1)
    return labels == known.probabilities.shape[1]


def called_unknown(images: Answers, known: Answers, unsure: float = UNSURE) -> NDArray[np.bool_]:
    """Find images that ``--unknown`` would call unknown, each without smoothing.

    Args:
        images: answers for the images.
        known: answers for known images, at least one.
        unsure: share of known images that counts as unsure, 0..1.

    Returns:
        True for such images, shape (images,).
    """
    if not len(images.confidence):
        return np.zeros(0, bool)
    ascending = np.sort(known.confidence)
    answers = add_unknown(images.probabilities, ascending, unsure, images.confidence)
    return answers.argmax(axis=1) == images.probabilities.shape[1]


def format_unknown(
    known: Answers,
    truth: NDArray[np.integer],
    unknown: Answers,
    unseen: Answers,
    unsure: float = UNSURE,
) -> str:
    """Summarise how ``--unknown`` does on test images and on images of no activity, for a person.

    Args:
        known: answers for test images.
        truth: index of the true label of each of them, shape (images,).
        unknown: answers for frames that are labelled unknown.
        unseen: answers for photos of activities that training never saw.
        unsure: share of known images that counts as unsure, 0..1.
    """
    unsure_of = known_called_unknown(known, unsure)
    wrong = known.probabilities.argmax(axis=1) != truth
    said = f"--unknown would call {unsure_of.mean():.1%} of the test images unknown, one by one"
    if len(unseen.confidence):
        found = called_unknown(unseen, known, unsure)
        said += f", and {found.mean():.1%} of {len(found)} photos of activities never seen"
    said += f"; of the {wrong.sum()} that get a wrong label, {(unsure_of & wrong).sum()}"
    if len(unknown.confidence):
        found = called_unknown(unknown, known, unsure)
        said += f"; of the {len(found)} frames that are labelled unknown, {found.sum()}"
    return said
