"""``unknown``, an additional label for frames in which the network has little confidence.

Confidence is compared with that in known photos. docs/recipe.md says how the method was chosen.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from activity.network.engine import Engine, Stream, Tag

UNSURE = 0.14
"""Share of known photos that counts as unsure: a frame can only be unknown if the network is less
sure of fewer known photos than that."""

UNSURE_WITH_OUTLIERS = 0.1
"""The same, of a network that has learned enough photos of none of its activities."""

_FEWEST_OUTLIERS = 500
"""With at least this many outliers, the smaller share is used."""

_MOST_KNOWN = 1000


def known_confidence(probabilities: NDArray[np.floating]) -> list[float]:
    """Collect a network's confidence in known photos, for ``save_classifier``.

    Args:
        probabilities: probabilities of photos of the network's activities that it was not trained
            on, shape (photos, labels); at least one photo.

    Returns:
        The highest probability of each photo, ascending; 1,000 quantiles if there are more photos.
    """
    highest = np.sort(probabilities.max(axis=1).astype(np.float64))
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


def with_unknown(classify: Engine, known: Sequence[float], unsure: float = UNSURE) -> Engine:
    """Wrap an engine so that it also gives the probability of ``unknown``, as the last one.

    Args:
        classify: an engine from RGB pixels to probabilities, shape (labels,).
        known: result of ``known_confidence`` for the same model.
        unsure: share of known photos that counts as unsure, 0..1; as everywhere in this module, by
            default that of a network trained without outliers.

    Returns:
        An engine from RGB pixels to probabilities, shape (labels + 1,), with the same sum.
    """
    ascending = np.array(known)

    def run(stream: Stream[Tag]) -> Iterator[tuple[Tag, NDArray[np.float32]]]:
        for tag, probabilities in classify(stream):
            yield tag, add_unknown(probabilities[np.newaxis], ascending, unsure)[0]

    return run


def add_unknown(
    probabilities: NDArray[np.floating], known: NDArray[np.float64], unsure: float = UNSURE
) -> NDArray[np.floating]:
    """Append the probability of ``unknown`` as the last column, and scale the others down.

    It is ``1 - u / unsure``, at least 0, where u is the share of known photos in which the network
    is less confident than in the frame.

    Args:
        probabilities: shape (frames, labels).
        known: confidence in known photos, ascending, shape (photos,).
        unsure: share of known photos that counts as unsure, 0..1.

    Returns:
        Shape (frames, labels + 1).

    Example:
        >>> add_unknown(np.array([[0.5, 0.5], [0.9, 0.1]]), np.array([0.6, 0.7, 0.8, 0.9]))
        array([[0. , 0. , 1. ],
               [0.9, 0.1, 0. ]])
    """
    highest = probabilities.max(axis=1)
    less_sure = np.searchsorted(known, highest, side="left") / len(known)
    return _add_column(probabilities, less_sure, unsure)


def _add_column(
    probabilities: NDArray[np.floating], less_sure: NDArray[np.float64], unsure: float
) -> NDArray[np.floating]:
    unknown = (1 - np.minimum(1, less_sure / unsure)).astype(probabilities.dtype)[:, np.newaxis]
    return np.hstack([probabilities * (1 - unknown), unknown])


def known_called_unknown(
    probabilities: NDArray[np.floating], unsure: float = UNSURE
) -> NDArray[np.bool_]:
    """Find known images that ``--unknown`` would call unknown: its errors on them.

    Each image is judged by all the others.

    Args:
        probabilities: shape (images, labels).
        unsure: share of known images that counts as unsure, 0..1.

    Returns:
        True for such images, shape (images,).
    """
    highest = np.sort(probabilities.max(axis=1))
    less_sure = np.searchsorted(highest, probabilities.max(axis=1), side="left")
    shares = less_sure / max(1, len(highest) - 1)
    labels = _add_column(probabilities, shares, unsure).argmax(axis=1)
    return labels == probabilities.shape[1]


def called_unknown(
    probabilities: NDArray[np.floating], known: NDArray[np.floating], unsure: float = UNSURE
) -> NDArray[np.bool_]:
    """Find images that ``--unknown`` would call unknown, each without smoothing.

    Args:
        probabilities: shape (images, labels).
        known: probabilities of known images, shape (known images, labels); at least one.
        unsure: share of known images that counts as unsure, 0..1.

    Returns:
        True for such images, shape (images,).
    """
    if not len(probabilities):
        return np.zeros(0, bool)
    with_unknown = add_unknown(probabilities, np.sort(known.max(axis=1)), unsure)
    return with_unknown.argmax(axis=1) == probabilities.shape[1]


def format_unknown(
    probabilities: NDArray[np.floating],
    truth: NDArray[np.integer],
    strange: NDArray[np.floating],
    unseen: NDArray[np.floating],
    unsure: float = UNSURE,
) -> str:
    """Summarise how ``--unknown`` does on test images and on images of no activity, for a person.

    Args:
        probabilities: probabilities of test images, shape (images, labels).
        truth: index of the true label of each of them, shape (images,).
        strange: probabilities of frames that are labelled unknown, shape (frames, labels).
        unseen: probabilities of photos of activities that training never saw, shape (photos,
            labels).
        unsure: share of known images that counts as unsure, 0..1.
    """
    unknown = known_called_unknown(probabilities, unsure)
    wrong = probabilities.argmax(axis=1) != truth
    said = f"--unknown would call {unknown.mean():.1%} of the test images unknown, one by one"
    if len(unseen):
        found = called_unknown(unseen, probabilities, unsure)
        said += f", and {found.mean():.1%} of {len(unseen)} photos of activities never seen"
    said += f"; of the {wrong.sum()} that get a wrong label, {(unknown & wrong).sum()}"
    if len(strange):
        found = called_unknown(strange, probabilities, unsure)
        said += f"; of the {len(strange)} frames that are labelled unknown, {found.sum()}"
    return said
