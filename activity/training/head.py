"""The layers that are trained, and how they are joined to the frozen backbone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.training.dense_layers import DenseLayers, losses
from activity.training.feature_sets import Examples
from activity.training.hyperparameters import DROPOUT, HEAD, HIDDEN_UNITS
from activity.training.standardisation import Standardisation, standardisation_of

_ROWS_AT_ONCE = 1024

# Names of layers.
_CLASSES = "labels_and_background"
_LABELS = "probabilities"


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

    Outliers are learned as one class more, the background, whose probability the head returned
    shares evenly among the labels: of an outlier, all are equally probable.

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
    batch_size = math.ceil(HEAD.batch_size * len(train) / len(known))
    standardisation = standardisation_of(known)
    labels = train.targets.shape[1]
    classes = labels + int(len(known) < len(train))
    steps = math.ceil(len(train) / batch_size) * epochs
    history = History([], [], [], [])
    bar = tqdm(range(epochs), "epochs", disable=None if progress else True, unit="epoch")
    with DenseLayers(train.feature_size, classes, HEAD, steps, random) as layers:
        for _ in bar:
            learned = _learn(layers, train, standardisation, batch_size, random)
            history.loss.append(learned.loss)
            history.accuracy.append(learned.accuracy)
            if len(test):
                watched = _watch(layers, test, standardisation)
                history.test_loss.append(watched.loss)
                history.test_accuracy.append(watched.accuracy)
            bar.set_postfix({name: seen[-1] for name, seen in vars(history).items() if seen})
    head = _head(train.feature_size, classes, labels)
    (kernel, bias), of_classes = layers.weights()
    head.get_layer("head_dense").set_weights(_for_raw_features(kernel, bias, standardisation))
    head.get_layer(_CLASSES if classes > labels else _LABELS).set_weights(of_classes)
    return head, history


class _Figures:
    """Means over the images of the labels: outliers have none to be right."""

    def __init__(self, labels: int) -> None:
        self._labels = labels
        self._images = self._loss = self._right = 0.0

    def add(self, answer: NDArray[np.float32], targets: NDArray[np.float32]) -> None:
        """Count some images by the logarithms of their probabilities, shape (images, classes)."""
        known = targets[:, : self._labels].any(axis=1)
        answer, targets = answer[known], targets[known]
        self._images += len(targets)
        self._loss += float(losses(answer, targets).sum())
        labels = answer[:, : self._labels].argmax(axis=1)
        self._right += int((labels == targets.argmax(axis=1)).sum())

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
    counts = train.weights
    figures = _Figures(train.targets.shape[1])
    for start in range(0, len(train), batch_size):
        chosen = order[start : start + batch_size]
        features = standardisation.apply(train.features(chosen, view[chosen]))
        targets = targets_of(train.targets[chosen], layers.classes)
        figures.add(layers.learn(features, targets, counts[chosen]), targets)
    return figures


def _watch(layers: DenseLayers, test: Examples, standardisation: Standardisation) -> _Figures:
    """See how the head does on images that are not learned from."""
    figures = _Figures(test.targets.shape[1])
    for start in range(0, len(test), _ROWS_AT_ONCE):
        some = slice(start, start + _ROWS_AT_ONCE)
        features = standardisation.apply(test.features(some))
        targets = targets_of(test.targets[some], layers.classes)
        figures.add(layers.answer(features), targets)
    return figures


def targets_of(targets: NDArray[np.float32], classes: int) -> NDArray[np.float32]:
    """Give each image its target as one of ``classes``: the labels, or the labels and background.

    Args:
        targets: as ``Examples`` has them, shape (images, labels).

    Returns:
        Shape (images, classes).
    """
    if classes == targets.shape[1]:
        return targets
    known = targets.max(axis=1, keepdims=True) > 0.5
    return np.hstack([targets * known, ~known])


def predict(head: keras.Sequential, examples: Examples) -> NDArray[np.float32]:
    """Predict from features, those of the first view of each image.

    Returns:
        Probabilities, shape (images, labels).
    """
    probabilities = np.empty((len(examples), head.output_shape[-1]), np.float32)
    for start in range(0, len(examples), _ROWS_AT_ONCE):
        some = slice(start, start + _ROWS_AT_ONCE)
        probabilities[some] = head.predict_on_batch(examples.features(some))
    return probabilities


def join(backbone: keras.Model, head: keras.Sequential) -> keras.Model:
    """Join backbone and head to the one model that is saved: RGB pixels to probabilities."""
    return keras.Model(backbone.input, _stacked(backbone.output, head.layers), name="activity")


def join_to_learn(stages: keras.Model, head: keras.Sequential) -> keras.Model:
    """Join the last stages of a backbone and a head that learn together, sharing their layers.

    Returns:
        Model from feature maps to probabilities of classes: the labels, and where the head knows
        it, the background.
    """
    layers = [layer for layer in head.layers if layer.trainable]
    return keras.Model(stages.input, _stacked(stages.output, layers))


def _stacked(output: Any, layers: Sequence[keras.layers.Layer]) -> Any:
    for layer in layers:
        output = layer(output)
    return output


def _head(feature_size: int, classes: int, labels: int) -> keras.Sequential:
    """Make the head's layers; the last one shares a background's probability among the labels."""
    head = keras.Sequential(
        [
            keras.Input((feature_size,)),
            keras.layers.Dense(HIDDEN_UNITS, activation="relu", name="head_dense"),
            keras.layers.Dropout(DROPOUT, name="head_dropout"),
        ]
    )
    if classes == labels:
        head.add(keras.layers.Dense(labels, activation="softmax", name=_LABELS))
        return head
    head.add(keras.layers.Dense(classes, activation="softmax", name=_CLASSES))
    head.add(keras.layers.Dense(labels, use_bias=False, trainable=False, name=_LABELS))
    head.layers[-1].set_weights([np.vstack([np.eye(labels), np.full((1, labels), 1 / labels)])])
    return head


def _for_raw_features(
    kernel: NDArray[np.float32], bias: NDArray[np.float32], standardisation: Standardisation
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return the kernel and bias of ((x - mean) * scale) @ kernel + bias on raw x."""
    raw = kernel * standardisation.scale[:, np.newaxis].astype(np.float64)
    return raw, bias - standardisation.mean.astype(np.float64) @ raw
