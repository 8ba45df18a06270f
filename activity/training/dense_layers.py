"""The two dense layers of the head, which learn with NumPy.

They are so small that a framework takes longer around each step than the step itself takes. They
learn the same on every backend of Keras, and on any number of cores.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from activity.training.adamw import AdamW
from activity.training.hyperparameters import DROPOUT, HIDDEN_UNITS, LABEL_SMOOTHING, Optimization

_SHARES = 4
"""The hidden units learn in so many shares at once, however many cores there are, so that the
numbers are the same on all machines."""


class DenseLayers:
    """From features to hidden units (ReLU, dropout), and to probabilities of classes (softmax).

    A context manager: threads wait in it for the next step.

    Args:
        feature_size: length of a feature vector.
        classes: how many answers there are: the labels, and where there are outliers to learn
            from, the background.
        how: how weights change at each step.
        steps: how many steps there will be.
        random: draws the initial weights, and what is dropped.
    """

    def __init__(
        self,
        feature_size: int,
        classes: int,
        how: Optimization,
        steps: int,
        random: np.random.Generator,
    ) -> None:
        self.classes = classes
        kernels = np.split(_uniform(random, feature_size, HIDDEN_UNITS), _SHARES, axis=1)
        class_kernels = np.split(_uniform(random, HIDDEN_UNITS, classes), _SHARES)
        self._shares = [
            _HiddenUnits(kernel.copy(), class_kernel.copy(), how, steps, of_share)
            for kernel, class_kernel, of_share in zip(
                kernels, class_kernels, random.spawn(_SHARES), strict=True
            )
        ]
        self._bias = np.zeros(classes, np.float32)
        self._optimizer = AdamW([self._bias], how, steps)
        # The matrix products' own threads wait for one another at each of them by spinning: beside
        # any other program, that makes a step ten times as slow.
        self._limits = threadpool_limits(1, user_api="blas")
        self._pool = ThreadPoolExecutor(min(_SHARES, os.cpu_count() or 1))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.shutdown()
        self._limits.restore_original_limits()

    def learn(
        self,
        features: NDArray[np.float32],
        targets: NDArray[np.float32],
        counts: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Take one step towards smaller losses.

        Args:
            features: shape (images, feature size).
            targets: shape (images, classes), each with a sum of 1.
            counts: how much each image counts, shape (images,).

        Returns:
            Logarithms of the probabilities before the step, and after dropout; shape (images,
            classes).
        """
        answer = self._answer(lambda share: share.logits_after_dropout(features))
        error = np.exp(answer) - _smoothed(targets)
        error *= counts[:, np.newaxis] / len(features)
        for _ in self._pool.map(lambda share: share.learn(features, error), self._shares):
            pass
        self._optimizer.step([error.sum(axis=0)])
        return answer

    def answer(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute logarithms of probabilities, shape (images, classes).

        Args:
            features: shape (images, feature size).
        """
        return self._answer(lambda share: share.logits(features))

    def weights(self) -> list[list[NDArray[np.float32]]]:
        """Return the kernel and bias of each layer, as Keras's ``Dense`` has them."""
        shares = [share.weights for share in self._shares]
        kernels, biases, class_kernels = zip(*shares, strict=True)
        return [
            [np.concatenate(kernels, axis=1), np.concatenate(biases)],
            [np.concatenate(class_kernels), self._bias],
        ]

    def _answer(
        self, logits: "Callable[[_HiddenUnits], NDArray[np.float32]]"
    ) -> NDArray[np.float32]:
        sums = self._bias + sum(self._pool.map(logits, self._shares))
        sums -= sums.max(axis=1, keepdims=True)
        sums -= np.log(np.exp(sums).sum(axis=1, keepdims=True))
        return sums


class _HiddenUnits:
    """Some of the hidden units: what they add to the logits, and how they learn."""

    def __init__(
        self,
        kernel: NDArray[np.float32],
        class_kernel: NDArray[np.float32],
        how: Optimization,
        steps: int,
        random: np.random.Generator,
    ) -> None:
        self.weights = (kernel, np.zeros(kernel.shape[1], np.float32), class_kernel)
        self._optimizer = AdamW(self.weights, how, steps)
        self._gradients = [np.empty_like(weight) for weight in self.weights]
        self._random = random
        self._active = np.empty(0, np.float32)

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute what these units add to the logits."""
        return self._activity(features) @ self.weights[2]

    def logits_after_dropout(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same while learning, when some of the units, drawn for each image, are silent."""
        self._active = self._activity(features)
        self._active *= self._random.random(self._active.shape, np.float32) >= DROPOUT
        self._active /= 1 - DROPOUT
        return self._active @ self.weights[2]

    def learn(self, features: NDArray[np.float32], error: NDArray[np.float32]) -> None:
        """Take one step, after ``logits_after_dropout`` with the same features.

        Args:
            error: gradient of the loss by the logits, shape (images, classes).
        """
        kernel_gradient, bias_gradient, class_kernel_gradient = self._gradients
        np.matmul(self._active.T, error, out=class_kernel_gradient)
        unit_error = error @ self.weights[2].T
        unit_error *= self._active > 0  # neither dropped nor cut off by the ReLU
        unit_error /= 1 - DROPOUT
        np.matmul(features.T, unit_error, out=kernel_gradient)
        np.sum(unit_error, axis=0, out=bias_gradient)
        self._optimizer.step(self._gradients)

    def _activity(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        activity = features @ self.weights[0]
        activity += self.weights[1]
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
