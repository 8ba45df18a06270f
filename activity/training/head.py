"""The layers that are trained, and how they are joined to the frozen backbone."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from activity.common.cores import usable_cores
from activity.training.dense_layers import SHARES, DenseLayers, losses
from activity.training.feature_sets import Examples
from activity.training.hyperparameters import DROPOUT, HEAD, HIDDEN_UNITS
from activity.training.standardisation import Standardisation, standardisation_of

_ROWS_AT_ONCE = 1024
_LARGEST_BATCH = 1024


@dataclass(frozen=True)
class History:
    """What training the head saw, epoch by epoch; each list has one figure an epoch.

    No outlier is counted. Where there was nothing to test with, the last two are empty.
    """

    loss: list[float]
    accuracy: list[float]
    test_loss: list[float]
    test_accuracy: list[float]


def train_head(
    train: Examples, test: Examples, *, epochs: int, seed: int, progress: bool = True
) -> tuple[keras.Sequential, History]:
    """Train the head on frozen features. The test images are watched, never learned from.

    While training, each feature is shifted and scaled to mean 0 and deviation 1 over the training
    images of the classes. That is then folded into the first layer: the head returned takes raw
    features. The features are used where they lie, and never copied whole.

    Args:
        train: what is learned from, with outliers among it; each epoch sees each image once, in a
            view drawn at random.
        test: what is watched; there may be none.
        epochs: passes over the training images.
        seed: seed of the initial weights, the order, the views and the dropout.
        progress: whether a bar shows the epochs on a terminal.

    Returns:
        (head, history): the head maps features to probabilities in the targets' order.
    """
    random = np.random.default_rng(seed)
    known = train.take(train.known)
    # Outliers enlarge the batches: the classes are learned in as many steps as without them.
    batch_size = min(_LARGEST_BATCH, math.ceil(HEAD.batch_size * len(train) / len(known)))
    standardisation = standardisation_of(known)
    labels = train.targets.shape[1]
    steps = math.ceil(len(train) / batch_size) * epochs
    history = History([], [], [], [])
    bar = tqdm(range(epochs), "epochs", disable=None if progress else True, unit="epoch")
    pool = ThreadPoolExecutor(min(SHARES, usable_cores()))
    with threadpool_limits(1, user_api="blas"), pool as threads:
        layers = DenseLayers(train.feature_size, labels, HEAD, steps, random, threads)
        for _ in bar:
            learned = _learn(layers, train, standardisation, batch_size, random)
            history.loss.append(learned.loss)
            history.accuracy.append(learned.accuracy)
            if len(test):
                watched = _watch(layers, test, standardisation)
                history.test_loss.append(watched.loss)
                history.test_accuracy.append(watched.accuracy)
            bar.set_postfix({name: seen[-1] for name, seen in vars(history).items() if seen})
    (kernel, bias), of_labels = layers.weights()
    head = _head(train.feature_size, labels, seed)
    head.layers[0].set_weights(_for_raw_features(kernel, bias, standardisation))
    head.layers[-1].set_weights(of_labels)
    return head, history


class _Figures:
    """Mean loss and accuracy over the images that have a label; outliers have none."""

    def __init__(self) -> None:
        self._images = self._loss = self._right = 0.0

    def add(
        self,
        log_probabilities: NDArray[np.float32],
        targets: NDArray[np.float32],
        known: NDArray[np.bool_],
    ) -> None:
        """Count those that are known; shapes (images, labels), (images, labels), (images,)."""
        log_probabilities, targets = log_probabilities[known], targets[known]
        self._images += len(targets)
        self._loss += float(losses(log_probabilities, targets).sum())
        self._right += int((log_probabilities.argmax(axis=1) == targets.argmax(axis=1)).sum())

    @property
    def loss(self) -> float:
        return self._loss / self._images

    @property
    def accuracy(self) -> float:
        return self._right / self._images


def _learn(
    layers: DenseLayers,
    train: Examples,
    standardisation: Standardisation,
    batch_size: int,
    random: np.random.Generator,
) -> _Figures:
    """Let each image be learned from once, in a view drawn at random."""
    order = random.permutation(len(train))
    view = random.integers(train.views, size=len(train))
    known, counts = train.known, train.weights
    figures = _Figures()
    for start in range(0, len(train), batch_size):
        chosen = order[start : start + batch_size]
        features = standardisation.apply(train.features(chosen, view[chosen]))
        targets = train.targets[chosen]
        figures.add(layers.learn(features, targets, counts[chosen]), targets, known[chosen])
    return figures


def _watch(layers: DenseLayers, test: Examples, standardisation: Standardisation) -> _Figures:
    """See how the head does on images that are not learned from."""
    known = test.known
    figures = _Figures()
    for start in range(0, len(test), _ROWS_AT_ONCE):
        some = slice(start, start + _ROWS_AT_ONCE)
        features = standardisation.apply(test.features(some))
        figures.add(layers.log_probabilities(features), test.targets[some], known[some])
    return figures


def predict(head: keras.Sequential, examples: Examples) -> NDArray[np.float32]:
    """Predict from features, those of the first view of each image.

    In NumPy, since not every backend that Keras may run on here predicts exactly.

    Returns:
        Probabilities, shape (images, labels).
    """
    kernel, bias, label_kernel, label_bias = head.get_weights()
    probabilities = np.empty((len(examples), len(label_bias)), np.float32)
    for start in range(0, len(examples), _ROWS_AT_ONCE):
        some = slice(start, start + _ROWS_AT_ONCE)
        active = np.maximum(examples.features(some) @ kernel + bias, 0)
        logits = active @ label_kernel + label_bias
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities[some] = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def join(backbone: keras.Model, head: keras.Sequential) -> keras.Model:
    """Join backbone and head to the one model that is saved: RGB pixels to probabilities."""
    output = backbone.output
    for layer in head.layers:
        output = layer(output)
    return keras.Model(backbone.input, output, name="activity")


def _head(feature_size: int, labels: int, seed: int) -> keras.Sequential:
    return keras.Sequential(
        [
            keras.Input((feature_size,)),
            keras.layers.Dense(HIDDEN_UNITS, activation="relu", name="head_dense"),
            keras.layers.Dropout(DROPOUT, seed=seed, name="head_dropout"),
            keras.layers.Dense(labels, activation="softmax", name="probabilities"),
        ]
    )


def _for_raw_features(
    kernel: NDArray[np.float32], bias: NDArray[np.float32], standardisation: Standardisation
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return the kernel and bias of ((x - mean) * scale) @ kernel + bias on raw x."""
    raw = kernel * standardisation.scale[:, np.newaxis].astype(np.float64)
    return raw, bias - standardisation.mean.astype(np.float64) @ raw
