"""``unknown`` as one more label: for frames that the network is less sure of than of known photos.

How it was chosen, and what else was tried, is in docs/recipe.md.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from activity.network.engine import Engine, Stream, Tag

UNSURE = 0.14
"""Among known photos, so large a share counts as unsure; only what is as unsure may be unknown."""

_MOST_KNOWN = 1000


def known_confidence(probabilities: NDArray[np.floating]) -> list[float]:
    """Gather how sure a network is of photos of its activities that it was not trained on.

    Args:
        probabilities: of such photos, shape (photos, labels); at least one photo.

    Returns:
        Their highest probabilities in ascending order; of many photos, 1,000 quantiles.
    """
    highest = np.sort(probabilities.max(axis=1).astype(np.float64))
    if len(highest) > _MOST_KNOWN:
        places = np.linspace(0, len(highest) - 1, _MOST_KNOWN).round().astype(int)
        highest = highest[places]
    return [float(value) for value in highest]


def with_unknown(classify: Engine, known: Sequence[float]) -> Engine:
    """Give an engine's answers one more probability, the last: that of ``unknown``.

    Args:
        classify: an engine from RGB pixels to probabilities, shape (labels,).
        known: what ``known_confidence`` has gathered with the same model.

    Returns:
        An engine from RGB pixels to probabilities, shape (labels + 1,), with the same sum.
    """
    ascending = np.array(known)

    def run(stream: Stream[Tag]) -> Iterator[tuple[Tag, NDArray[np.float32]]]:
        for tag, probabilities in classify(stream):
            yield tag, add_unknown(probabilities[np.newaxis], ascending)[0]

    return run


def add_unknown(
    probabilities: NDArray[np.floating], known: NDArray[np.float64]
) -> NDArray[np.floating]:
    """Add the probability of ``unknown`` as a last column, and scale the others down to fit.

    With u the share of known photos that the network is less sure of, it is ``1 - u / UNSURE``,
    and 0 for all u beyond ``UNSURE``.

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
    return _add_column(probabilities, np.searchsorted(known, highest, side="left") / len(known))


def _add_column(
    probabilities: NDArray[np.floating], less_sure: NDArray[np.float64]
) -> NDArray[np.floating]:
    unknown = (1 - np.minimum(1, less_sure / UNSURE)).astype(probabilities.dtype)[:, np.newaxis]
    return np.hstack([probabilities * (1 - unknown), unknown])


def format_unknown(
    probabilities: NDArray[np.floating],
    truth: NDArray[np.integer],
    strange: NDArray[np.floating],
) -> str:
    """Say what ``--unknown`` would do to test images, each judged by all the others.

    Args:
        probabilities: shape (images, labels).
        truth: label of each image, shape (images,).
        strange: probabilities of frames that show none of the activities, shape (frames, labels).
    """
    highest = np.sort(probabilities.max(axis=1))
    less_sure = np.searchsorted(highest, probabilities.max(axis=1), side="left")
    labels = _add_column(probabilities, less_sure / max(1, len(highest) - 1)).argmax(axis=1)
    unknown = labels == probabilities.shape[1]
    wrong = probabilities.argmax(axis=1) != truth
    said = (
        f"--unknown would call {unknown.mean():.1%} of the test images unknown, one by one; "
        f"of the {wrong.sum()} that get a wrong label, {(unknown & wrong).sum()}"
    )
    if len(strange):
        found = add_unknown(strange, highest).argmax(axis=1) == strange.shape[1]
        said += f"; of the {len(strange)} frames that are labelled unknown, {found.sum()}"
    return said
