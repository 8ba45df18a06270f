"""The two dense layers of the head, which learn with NumPy.

They are so small that a framework takes longer around each step than the step itself takes. They
learn the same on every backend of Keras, and on any number of cores.
"""

from collections.abc import Callable
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from activity.training.adamw import AdamW
from activity.training.hyperparameters import DROPOUT, HIDDEN_UNITS, LABEL_SMOOTHING, Optimization

SHARES = 4
"""The hidden units learn in so many shares at once, however many cores there are, so that the
numbers are the same on any number of cores."""


class DenseLayers:
    """From features to hidden units (ReLU, dropout), and to probabilities of labels (softmax).

    Args:
        feature_size: length of a feature vector.
        labels: number of labels.
        how: how weights change at each step.
        steps: number of steps.
        random: draws the initial weights, and what is dropped.
        threads: run the shares of a step, at best ``SHARES`` at once. The products of each must not
            have threads of their own: BLAS threads spin while they wait for one another, and if
            another program uses the cores, a step takes ten times as long.
    """

    def __init__(
        self,
        feature_size: int,
        labels: int,
        how: Optimization,
        steps: int,
        random: np.random.Generator,
        threads: Executor,
    ) -> None:
        kernels = np.split(_uniform(random, feature_size, HIDDEN_UNITS), SHARES, axis=1)
        label_kernels = np.split(_uniform(random, HIDDEN_UNITS, labels), SHARES)
        self._shares = [
            _HiddenUnits(kernel.copy(), label_kernel.copy(), how, steps, of_share)
            for kernel, label_kernel, of_share in zip(
                kernels, label_kernels, random.spawn(SHARES), strict=True
            )
        ]
        self._bias = np.zeros(labels, np.float32)
        self._optimizer = AdamW([self._bias], how, steps)
        self._threads = threads

    def learn(
        self,
        features: NDArray[np.float32],
        targets: NDArray[np.float32],
        counts: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Take one step towards smaller losses.

        Args:
            features: shape (images, feature size).
            targets: shape (images, labels), each with a sum of 1.
            counts: how much each image counts, shape (images,).

        Returns:
            Logarithms of the probabilities before the step, and after dropout; shape (images,
            labels).
        """
        before = self._log_softmax(lambda share: share.logits_after_dropout(features))
        error = np.exp(before) - _smoothed(targets)
        error *= counts[:, np.newaxis] / len(features)
        for _ in self._threads.map(lambda share: share.learn(features, error), self._shares):
            pass
        self._optimizer.step([error.sum(axis=0)])
        return before

    def log_probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute logarithms of probabilities, shape (images, labels).

        Args:
            features: shape (images, feature size).
        """
        return self._log_softmax(lambda share: share.logits(features))

    def weights(self) -> list[list[NDArray[np.float32]]]:
        """Return the kernel and bias of each layer, as Keras's ``Dense`` has them."""
        kernel = np.concatenate([share.kernel for share in self._shares], axis=1)
        bias = np.concatenate([share.bias for share in self._shares])
        label_kernel = np.concatenate([share.label_kernel for share in self._shares])
        return [[kernel, bias], [label_kernel, self._bias]]

    def _log_softmax(
        self, logits: "Callable[[_HiddenUnits], NDArray[np.float32]]"
    ) -> NDArray[np.float32]:
        sums = self._bias + sum(self._threads.map(logits, self._shares))
        sums -= sums.max(axis=1, keepdims=True)
        sums -= np.log(np.exp(sums).sum(axis=1, keepdims=True))
        return sums


class _HiddenUnits:
    """Some of the hidden units: their contribution to the logits, and how they learn."""

    def __init__(
        self,
        kernel: NDArray[np.float32],
        label_kernel: NDArray[np.float32],
        how: Optimization,
        steps: int,
        random: np.random.Generator,
    ) -> None:
        self.kernel = kernel
        self.bias = np.zeros(kernel.shape[1], np.float32)
        self.label_kernel = label_kernel
        weights = [self.kernel, self.bias, self.label_kernel]
        self._optimizer = AdamW(weights, how, steps)
        self._gradients = [np.empty_like(weight) for weight in weights]
        self._random = random
        self._active = np.empty(0, np.float32)

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute their contribution to the logits, shape (images, labels)."""
        return self._activity(features) @ self.label_kernel

    def logits_after_dropout(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the same with some of the units dropped, which are drawn for each image."""
        self._active = self._activity(features)
        self._active *= self._random.random(self._active.shape, np.float32) >= DROPOUT
        self._active /= 1 - DROPOUT
        return self._active @ self.label_kernel

    def learn(self, features: NDArray[np.float32], error: NDArray[np.float32]) -> None:
        """Take one step, after ``logits_after_dropout`` with the same features.

        Args:
            error: gradient of the loss by the logits, shape (images, labels).
        """
        kernel_gradient, bias_gradient, label_kernel_gradient = self._gradients
        np.matmul(self._active.T, error, out=label_kernel_gradient)
        unit_error = error @ self.label_kernel.T
        unit_error *= self._active > 0  # neither dropped nor cut off by the ReLU
        unit_error /= 1 - DROPOUT
        np.matmul(features.T, unit_error, out=kernel_gradient)
        np.sum(unit_error, axis=0, out=bias_gradient)
        self._optimizer.step(self._gradients)

    def _activity(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        activity = features @ self.kernel
        activity += self.bias
        return np.maximum(activity, 0, out=activity)


def losses(
    log_probabilities: NDArray[np.float32], targets: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Compute the cross-entropy with smoothed targets of each image, shape (images,)."""
    return -(_smoothed(targets) * log_probabilities).sum(axis=1)


def _smoothed(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    return targets * (1 - LABEL_SMOOTHING) + LABEL_SMOOTHING / targets.shape[1]


def _uniform(random: np.random.Generator, inputs: int, outputs: int) -> NDArray[np.float32]:
    """Draw the initial weights of a layer as Keras does.

    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010.
    """
    limit = np.sqrt(6 / (inputs + outputs))
    return random.uniform(-limit, limit, (inputs, outputs)).astype(np.float32)
