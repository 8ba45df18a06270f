"""The layers that are trained, and how they are joined to the frozen backbone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NoReturn

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from activity.common.keras_settings import compile_options
from activity.training.feature_sets import Examples
from activity.training.hyperparameters import (
    DROPOUT,
    HEAD,
    HIDDEN_UNITS,
    LABEL_SMOOTHING,
    Optimization,
)

_ROWS_AT_ONCE = 1024

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Features and targets, shapes (images, feature size) and (images, labels)."""

_TEST_BATCH_SIZE = 4096


@dataclass(frozen=True)
class History:
    """What training the head saw, epoch by epoch; each list has one figure an epoch.

    Where there was nothing to test with, the last two are empty.
    """

    loss: list[float]
    accuracy: list[float]
    test_loss: list[float]
    test_accuracy: list[float]


def train_head(
    train: Examples, test: Examples, *, epochs: int, seed: int, progress: bool = True
) -> tuple[keras.Sequential, History]:
    """Train the head on frozen features. The test images are watched, never learned from.

    While training, each feature is shifted and scaled to mean 0 and deviation 1 over the
    training images. That is then folded into the first layer: the head returned takes raw
    features. The features are used where they lie, and never copied whole.

    Args:
        train: what is learned from; each epoch sees each image once, in a view drawn at random.
        test: what is watched; there may be none.
        epochs: passes over the training images.
        seed: of the initial weights, the order, the views and the dropout.
        progress: whether a bar shows the epochs on a terminal.

    Returns:
        (head, history): the head maps features to probabilities in the targets' order.
    """
    keras.utils.set_random_seed(seed)
    mean, scale = _standardisation(train)

    def standardised(features: NDArray[np.float32]) -> NDArray[np.float32]:
        return ((features - mean) * scale).astype(np.float32)

    head = _head(train.feature_size, train.targets.shape[1])
    steps = -(-len(train) // HEAD.batch_size)
    head.compile(
        optimizer=adamw(HEAD, steps * epochs),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=LABEL_SMOOTHING),
        metrics=["accuracy"],
        **compile_options(steps),
    )

    def batches() -> Iterator[Batch]:
        random = np.random.default_rng(seed)
        while True:
            order = random.permutation(len(train))
            view = random.integers(train.views, size=(len(train),))
            for start in range(0, len(train), HEAD.batch_size):
                chosen = order[start : start + HEAD.batch_size]
                yield standardised(train.features(chosen, view[chosen])), train.targets[chosen]

    def test_batch(number: int) -> Batch:
        places = np.arange(len(test))[number * _TEST_BATCH_SIZE :][:_TEST_BATCH_SIZE]
        return standardised(test.features(places)), test.targets[places]

    with tqdm(total=epochs, desc="epochs", disable=None if progress else True, unit="epoch") as bar:
        logs = head.fit(
            batches(),
            shuffle=False,
            steps_per_epoch=steps,
            validation_data=_TestBatches(test_batch, len(test)) if len(test) else None,
            epochs=epochs,
            verbose=0,
            callbacks=[_show_epochs(bar)],
        ).history
    watched = [logs.get("val_loss", []), logs.get("val_accuracy", [])]
    history = History(logs["loss"], logs["accuracy"], *watched)
    _fold_standardisation(head, mean, scale)
    return head, history


def adamw(how: Optimization, steps: int) -> keras.optimizers.Optimizer:
    """Make the optimizer for so many steps, over which its rate falls to 0."""
    rate = keras.optimizers.schedules.CosineDecay(how.learning_rate, steps)
    return keras.optimizers.AdamW(rate, weight_decay=how.weight_decay)


def _show_epochs(bar: "tqdm[NoReturn]") -> keras.callbacks.Callback:
    def show(_: int, figures: dict[str, float]) -> None:
        bar.set_postfix(loss=figures["loss"], test_accuracy=figures.get("val_accuracy"))
        bar.update()

    return keras.callbacks.LambdaCallback(on_epoch_end=show)


class _TestBatches(keras.utils.PyDataset):
    """Batches of the test images, made when they are needed: all at once are too many for memory.

    Of a generator, Keras would take as many in an epoch as there are training steps.
    """

    def __init__(self, batch: Callable[[int], Batch], images: int) -> None:
        super().__init__()
        self._batch = batch
        self._images = images

    def __len__(self) -> int:
        return -(-self._images // _TEST_BATCH_SIZE)

    def __getitem__(self, number: int) -> Batch:
        return self._batch(number)


def predict(head: keras.Sequential, examples: Examples) -> NDArray[np.float32]:
    """Predict from features, those of the first view of each image.

    Returns:
        Probabilities, shape (images, labels).
    """
    probabilities = np.empty((len(examples), head.output_shape[-1]), np.float32)
    for start in range(0, len(examples), _TEST_BATCH_SIZE):
        some = slice(start, start + _TEST_BATCH_SIZE)
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


def _standardisation(
    train: Examples,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find what makes each feature mean 0, deviation 1: (feature - mean) * scale."""
    scaler = StandardScaler()
    for start in range(0, len(train), _ROWS_AT_ONCE):
        scaler.partial_fit(train.features(slice(start, start + _ROWS_AT_ONCE)))
    deviation = np.sqrt(scaler.var_)
    # A feature that (but for rounding) never changes says nothing: it is scaled to 0.
    alive = deviation > 1e-6 * deviation.max()
    return scaler.mean_, np.divide(1, deviation, out=np.zeros_like(deviation), where=alive)


def _fold_standardisation(
    head: keras.Sequential, mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> None:
    """Make the first layer do ((x - mean) * scale) @ kernel + bias on raw x."""
    dense = head.layers[0]
    kernel, bias = (weight.astype(np.float64) for weight in dense.get_weights())
    folded = kernel * scale[:, np.newaxis]
    dense.set_weights([folded, bias - mean @ folded])
