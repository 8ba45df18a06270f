"""``unknown`` as one more label: for frames that the network is less sure of than of known photos.

How it was chosen, and what else was tried, is in docs/recipe.md.
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
    """Gather how sure a network is of photos of its activities that it was not trained on.

    Args:
        probabilities: probabilities of such photos, shape (photos, labels); at least one photo.

    Returns:
        Their highest probabilities in ascending order; of many photos, 1,000 quantiles.
    """
    highest = np.sort(probabilities.max(axis=1).astype(np.float64))
    if len(highest) > _MOST_KNOWN:
        places = np.linspace(0, len(highest) - 1, _MOST_KNOWN).round().astype(int)
        highest = highest[places]
    return [float(value) for value in highest]


def unsure_share(outliers: int) -> float:
    """Choose the share of known photos that counts as unsure, 0..1.

    Args:
        outliers: photos of none of its activities that the network was trained on.
    """
    return UNSURE_WITH_OUTLIERS if outliers >= _FEWEST_OUTLIERS else UNSURE


def with_unknown(classify: Engine, known: Sequence[float], unsure: float = UNSURE) -> Engine:
    """Give an engine's answers one more probability, the last: that of ``unknown``.

    Args:
        classify: an engine from RGB pixels to probabilities, shape (labels,).
        known: what ``known_confidence`` has gathered with the same model.
        unsure: share of known photos that counts as unsure, 0..1; likewise below.

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
    """Add the probability of ``unknown`` as a last column, and scale the others down to fit.

    With u the share of known photos that the network is less sure of, it is ``1 - u / unsure``,
    and 0 for all u beyond ``unsure``.

    Args:
        probabilities: shape (frames, labels).
        known: ascending, shape (photos,).

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
    """Tell which known images ``--unknown`` would call unknown, each judged by all the others.

    Args:
        probabilities: shape (images, labels).

    Returns:
        Shape (images,).
    """
    highest = np.sort(probabilities.max(axis=1))
    less_sure = np.searchsorted(highest, probabilities.max(axis=1), side="left")
    shares = less_sure / max(1, len(highest) - 1)
    labels = _add_column(probabilities, shares, unsure).argmax(axis=1)
    return labels == probabilities.shape[1]


def called_unknown(
    probabilities: NDArray[np.floating], known: NDArray[np.floating], unsure: float = UNSURE
) -> NDArray[np.bool_]:
    """Tell which images ``--unknown`` would call unknown, one by one.

    Args:
        probabilities: shape (images, labels).
        known: those of known images, shape (known images, labels); at least one.

    Returns:
        Shape (images,).
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
    """Say what ``--unknown`` would do to test images, and to what shows none of the activities.

    Args:
        probabilities: probabilities of test images, shape (images, labels).
        truth: label of each of them, shape (images,).
        strange: probabilities of frames that are labelled unknown, shape (frames, labels).
        unseen: probabilities of photos of activities that training never saw, shape (photos,
            labels).
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
