"""Features brought to mean 0 and deviation 1, so that each of them counts alike."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from activity.training.feature_sets import Examples

_ROWS_AT_ONCE = 1024


@dataclass(frozen=True, eq=False)
class Standardisation:
    """What makes features mean 0 and deviation 1: (features - mean) * scale.

    Attributes:
        mean, scale: float32, shape (feature size,).
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    def apply(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Standardise features in place, shape (images, feature size), and return them."""
        features -= self.mean
        features *= self.scale
        return features


def standardisation_of(examples: Examples) -> Standardisation:
    """Find what makes each feature mean 0 and deviation 1 over the first view of the examples."""
    scaler = StandardScaler()
    for start in range(0, len(examples), _ROWS_AT_ONCE):
        scaler.partial_fit(examples.features(slice(start, start + _ROWS_AT_ONCE)))
    deviation = np.sqrt(scaler.var_)
    # A feature that (but for rounding) never changes says nothing: it is scaled to 0.
    alive = deviation > 1e-6 * deviation.max()
    scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=alive)
    return Standardisation(scaler.mean_.astype(np.float32), scale.astype(np.float32))
