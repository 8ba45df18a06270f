"""Labels of a whole clip at the least cost: probable, and with few changes.

The cost is that of a Potts model on a line, and dynamic programming finds its exact minimum, as
Viterbi's algorithm does for a hidden Markov model (R. B. Potts, "Some generalized order-disorder
transformations", 1952; A. J. Viterbi, "Error bounds for convolutional codes", 1967).
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def least_cost_labels(
    predictions: Iterable[NDArray[np.floating]], penalty: float
) -> NDArray[np.unsignedinteger]:
    """Find the labels with the least ``sum(1 - p[label]) + penalty * switches``.

    Every switch costs the same, so that a frame's cheapest way to a label either keeps that label
    or comes from the cheapest label of the frame before: frames times labels steps, not times
    labels again. Of each frame and label one bit is kept. Ties go to the way that keeps its label.

    Taken as they are, not as logarithms, probabilities stand up to a network that is wrong with
    confidence: no frame outweighs more than one frame.

    Args:
        predictions: of the clip's frames in order, cut into arrays of shape (frames, labels) at
            will.
        penalty: what a switch costs. With half of N, a stretch of fewer than N frames between two
            of one other label never changes the label.

    Returns:
        Label of each frame, shape (frames,), in the smallest unsigned type that holds them.

    Example:
        >>> sure = np.eye(2)[[0, 0, 0, 0, 1, 0, 0, 1, 1, 1, 1]]
        >>> least_cost_labels([sure], penalty=1.5)
        array([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1], dtype=uint8)
    """
    cost: NDArray[np.float64] | None = None
    came: list[tuple[NDArray[np.uint8], NDArray[np.unsignedinteger]]] = []
    for some in predictions:
        if cost is None:
            cost = np.zeros(some.shape[1])
            number = np.min_scalar_type(len(cost) - 1)
        # Which labels are reached by a switch, and from which label.
        switched = np.empty(some.shape, bool)
        cheapest = np.empty(len(some), number)
        for frame, own in enumerate(1 - some.astype(np.float64)):
            best = cost.argmin()
            limit = cost[best] + penalty
            np.greater(cost, limit, out=switched[frame])
            np.minimum(cost, limit, out=cost)
            cost += own
            cheapest[frame] = best
        # Only differences count: the costs stay small, and exact, however long the clip.
        cost -= cost.min()
        came.append((np.packbits(switched, axis=1), cheapest))
    if cost is None:
        return np.empty(0, np.uint8)
    return _trace_back(came, int(cost.argmin()), len(cost))


def _trace_back(
    came: list[tuple[NDArray[np.uint8], NDArray[np.unsignedinteger]]], label: int, labels: int
) -> NDArray[np.unsignedinteger]:
    """Follow the cheapest way from the last frame's label to the first."""
    found = []
    for bits, cheapest in reversed(came):
        switched = np.unpackbits(bits, axis=1, count=labels).tobytes()
        before = cheapest.tolist()
        way = np.empty_like(cheapest)
        for frame in range(len(way) - 1, -1, -1):
            way[frame] = label
            if switched[frame * labels + label]:
                label = before[frame]
        found.append(way)
    return np.concatenate(found[::-1])
