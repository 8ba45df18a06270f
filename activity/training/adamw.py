"""AdamW on NumPy arrays (I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization",
ICLR 2019), with a rate that falls along a cosine.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from activity.training.hyperparameters import Optimization

# Keras's values.
_MOMENTUM = 0.9
_MOMENTUM_OF_SQUARES = 0.999
_EPSILON = 1e-7


class AdamW:
    """Updates weights in place, as Keras's AdamW does.

    Args:
        weights: what is trained, float32 arrays of any shape.
        how: the highest rate, and the weight decay.
        steps: number of steps, after which the rate reaches 0.
    """

    def __init__(
        self, weights: Sequence[NDArray[np.float32]], how: Optimization, steps: int
    ) -> None:
        self._weights = weights
        self._how = how
        self._steps = steps
        self._done = 0
        self._means = [np.zeros_like(weight) for weight in weights]
        self._squares = [np.zeros_like(weight) for weight in weights]
        self._scratch = [np.empty_like(weight) for weight in weights]

    def step(self, gradients: Sequence[NDArray[np.float32]]) -> None:
        """Take one step.

        Args:
            gradients: of the loss, one for each of the weights and of its shape.
        """
        rate = self._how.learning_rate * (1 + math.cos(math.pi * self._done / self._steps)) / 2
        self._done += 1
        # The running means start at 0, and are too small at first.
        correction = math.sqrt(1 - _MOMENTUM_OF_SQUARES**self._done) / (1 - _MOMENTUM**self._done)
        for weight, gradient, mean, square, scratch in zip(
            self._weights, gradients, self._means, self._squares, self._scratch, strict=True
        ):
            weight *= 1 - rate * self._how.weight_decay
            mean *= _MOMENTUM
            mean += np.multiply(gradient, 1 - _MOMENTUM, out=scratch)
            square *= _MOMENTUM_OF_SQUARES
            np.multiply(gradient, gradient, out=scratch)
            scratch *= 1 - _MOMENTUM_OF_SQUARES
            square += scratch
            np.sqrt(square, out=scratch)
            scratch += _EPSILON
            np.divide(mean, scratch, out=scratch)
            scratch *= rate * correction
            weight -= scratch
