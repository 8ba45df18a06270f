"""The thousand names of ImageNet, and the classifiers that give them from a network's features."""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

NAMES = 1000
"""Number of names, in the order of their WordNet numbers, as in every network's classifier."""

_NAMES_FILE = Path(__file__).parent / "weights" / "imagenet_names.txt"
_ROWS_AT_ONCE = 1024


@cache
def imagenet_names() -> tuple[str, ...]:
    """Read the names, such as ``"ballplayer"``."""
    return tuple(_NAMES_FILE.read_text(encoding="ascii").splitlines())


def probabilities_of_names(
    features: NDArray[np.float32], classifier: NDArray[np.float16]
) -> NDArray[np.float32]:
    """Compute the probability of each name.

    Args:
        features: of a frozen ImageNet network, shape (images, feature size).
        classifier: the network's own last layer, shape (feature size + 1, 1000): a row for each
            feature, and the bias.

    Returns:
        Shape (images, 1000); each row's sum is 1.
    """
    kernel, bias = classifier[:-1].astype(np.float32), classifier[-1].astype(np.float32)
    names = np.empty((len(features), NAMES), np.float32)
    for start in range(0, len(features), _ROWS_AT_ONCE):
        some = slice(start, start + _ROWS_AT_ONCE)
        logits = features[some] @ kernel + bias
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        names[some] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return names


def heaviest_names(weights: NDArray[np.floating], most: int) -> list[str]:
    """List the names of the largest weights, shape (1000,), the heaviest first.

    A name with less than a fifth of the heaviest one's weight is not listed.
    """
    order = np.argsort(-weights, kind="stable")[:most]
    chosen = [place for place in order.tolist() if 0 < weights[place] >= weights[order[0]] / 5]
    return [imagenet_names()[place] for place in chosen]
