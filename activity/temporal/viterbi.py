"""The labels of a whole clip with the least cost: probable, and with few switches.

The cost is that of a Potts model on a line. Dynamic programming finds its exact minimum, as the
Viterbi algorithm does for a hidden Markov model (R. B. Potts, "Some generalized order-disorder
transformations", 1952; A. J. Viterbi, "Error bounds for convolutional codes", 1967).
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def least_cost_labels(
    predictions: Iterable[NDArray[np.floating]], penalty: float
) -> NDArray[np.unsignedinteger]:
    """Find the labels with the least ``sum(1 - p[label]) + penalty * switches``.

    Every switch costs the same, so the cheapest path to a label either keeps that label or comes
    from the cheapest label of the frame before. That takes frames x labels steps instead of
    frames x labels x labels. One bit is stored for each frame and label. In a tie, the path that
    keeps its label wins.

    Probabilities are used as they are, not as logarithms: then a network that is confidently wrong
    about one frame can never outweigh more than one other frame.

    Args:
        predictions: probabilities of the clip's frames in order, in arrays of shape
            (frames, labels) with any number of frames each.
        penalty: cost of a switch. With N / 2, fewer than N frames between two segments of the same
            other label never change the label.

    Returns:
        Label of each frame, shape (frames,), in the smallest unsigned type that fits.

    Example:
        >>> sure = np.eye(2)[[0, 0, 0, 0, 1, 0, 0, 1, 1, 1, 1]]
        >>> least_cost_labels([sure], penalty=1.5)
        array([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1], dtype=uint8)
    """
    cost: NDArray[np.float64] | None = None
    steps: list[tuple[NDArray[np.uint8], NDArray[np.unsignedinteger]]] = []
    for some in predictions:
        if cost is None:
            cost = np.zeros(some.shape[1])
            number = np.min_scalar_type(len(cost) - 1)
        # Which labels are reached by a switch, and the cheapest label before each frame.
        switched = np.empty(some.shape, bool)
        cheapest = np.empty(len(some), number)
        for frame, own in enumerate(1 - some.astype(np.float64)):
            best = cost.argmin()
            limit = cost[best] + penalty
            np.greater(cost, limit, out=switched[frame])
            np.minimum(cost, limit, out=cost)
            cost += own
            cheapest[frame] = best
        # Only differences matter. This keeps costs small, and so exact, in clips of any length.
        cost -= cost.min()
        steps.append((np.packbits(switched, axis=1), cheapest))
    if cost is None:
        return np.empty(0, np.uint8)
    return _trace_back(steps, int(cost.argmin()), len(cost))


def _trace_back(
    steps: list[tuple[NDArray[np.uint8], NDArray[np.unsignedinteger]]], label: int, labels: int
) -> NDArray[np.unsignedinteger]:
    """Follow the cheapest path from the last frame's label back to the first."""
    found = []
    for bits, cheapest in reversed(steps):
        switched = np.unpackbits(bits, axis=1, count=labels).tobytes()
        before = cheapest.tolist()
        path = np.empty_like(cheapest)
        for frame in range(len(path) - 1, -1, -1):
            path[frame] = label
            if switched[frame * labels + label]:
                label = before[frame]
        found.append(path)
    return np.concatenate(found[::-1])
