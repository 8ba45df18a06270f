"""The layers that are trained, and how they are joined to the frozen backbone."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.common.keras_settings import compile_options
from activity.training.feature_sets import Examples
from activity.training.hyperparameters import (
    DROPOUT,
    HIDDEN_UNITS,
    LABEL_SMOOTHING,
    Optimization,
    head_optimization,
)
from activity.training.standardisation import Standardisation, standardisation_of

_ROWS_AT_ONCE = 1024


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
    keras.utils.set_random_seed(seed)
    random = np.random.default_rng(seed)
    known = train.take(train.known)
    how = head_optimization(len(known))
    # Outliers enlarge the batches: the classes are learned in as many steps as without them.
    batch_size = math.ceil(how.batch_size * len(train) / len(known))
    standardisation = standardisation_of(known)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=LABEL_SMOOTHING)
    head = _head(train.feature_size, train.targets.shape[1])
    head.compile(
        optimizer=adamw(how, -(-len(train) // batch_size) * epochs),
        loss=loss,
        metrics=[
            _OfKnown(loss.call, "loss_of_known"),
            _OfKnown(keras.metrics.categorical_accuracy, "accuracy"),
        ],
        **compile_options(),
    )
    history = History([], [], [], [])
    bar = tqdm(range(epochs), "epochs", disable=None if progress else True, unit="epoch")
    for _ in bar:
        learned = _learn(head, train, standardisation, batch_size, random)
        history.loss.append(learned.loss)
        history.accuracy.append(learned.accuracy)
        if len(test):
            watched = _watch(head, test, standardisation)
            history.test_loss.append(watched.loss)
            history.test_accuracy.append(watched.accuracy)
        bar.set_postfix({name: figures[-1] for name, figures in vars(history).items() if figures})
    _fold_standardisation(head, standardisation)
    return head, history


class _Figures(NamedTuple):
    """Means over the images of the classes."""

    loss: float
    accuracy: float


def _learn(
    head: keras.Sequential,
    train: Examples,
    standardisation: Standardisation,
    batch_size: int,
    random: np.random.Generator,
) -> _Figures:
    """Let each image be learned from once, in a view drawn at random."""
    order = random.permutation(len(train))
    view = random.integers(train.views, size=len(train))
    known, weights = train.known, train.weights
    seen = []
    for start in range(0, len(train), batch_size):
        chosen = order[start : start + batch_size]
        features = standardisation.apply(train.features(chosen, view[chosen]))
        figures = head.train_on_batch(
            features, train.targets[chosen], sample_weight=weights[chosen], return_dict=True
        )
        seen.append((int(known[chosen].sum()), figures))
    return _mean(seen)


def _watch(head: keras.Sequential, test: Examples, standardisation: Standardisation) -> _Figures:
    """See how the head does on images that are not learned from."""
    seen = []
    for start in range(0, len(test), _ROWS_AT_ONCE):
        places = np.arange(start, min(start + _ROWS_AT_ONCE, len(test)))
        features = standardisation.apply(test.features(places))
        figures = head.test_on_batch(features, test.targets[places], return_dict=True)
        seen.append((len(places), figures))
    return _mean(seen)


def _mean(batches: Sequence[tuple[int, dict[str, float]]]) -> _Figures:
    """Return the means of batches, each given by its images of the classes and by its own means."""
    images = sum(count for count, _ in batches)
    loss, accuracy = (
        sum(count * float(figures[name]) for count, figures in batches) / images
        for name in ("loss_of_known", "accuracy")
    )
    return _Figures(loss, accuracy)


def adamw(how: Optimization, steps: int) -> keras.optimizers.Optimizer:
    """Make an optimizer whose rate falls to 0 over this many steps."""
    rate = keras.optimizers.schedules.CosineDecay(how.learning_rate, steps)
    return keras.optimizers.AdamW(rate, weight_decay=how.weight_decay)


class _OfKnown(keras.metrics.Mean):
    """The mean of a measure over the images of the classes: outliers have no label to be right."""

    def __init__(self, measure: Callable[..., Any], name: str) -> None:
        super().__init__(name)
        self._measure = measure

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        known = keras.ops.cast(keras.ops.max(y_true, axis=-1) > 0.5, "float32")
        return super().update_state(self._measure(y_true, y_pred), known)


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
    output = backbone.output
    for layer in head.layers:
        output = layer(output)
    return keras.Model(backbone.input, output, name="activity")


def _head(feature_size: int, labels: int) -> keras.Sequential:
    return keras.Sequential(
        [
            keras.Input((feature_size,)),
            keras.layers.Dense(HIDDEN_UNITS, activation="relu", name="head_dense"),
            keras.layers.Dropout(DROPOUT, name="head_dropout"),
            keras.layers.Dense(labels, activation="softmax", name="probabilities"),
        ]
    )


def _fold_standardisation(head: keras.Sequential, standardisation: Standardisation) -> None:
    """Make the first layer do ((x - mean) * scale) @ kernel + bias on raw x."""
    dense = head.layers[0]
    kernel, bias = (weight.astype(np.float64) for weight in dense.get_weights())
    folded = kernel * standardisation.scale[:, np.newaxis].astype(np.float64)
    dense.set_weights([folded, bias - standardisation.mean.astype(np.float64) @ folded])
