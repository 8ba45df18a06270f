"""The layers that are trained, and how they are joined to the frozen backbone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from activity.training.feature_rows import let_go

# Chosen on photos carved out of the training photos: docs/recipe.md has the comparison.
_LEARNING_RATE = 1e-3
_WEIGHT_DECAY = 1.0
_BATCH_SIZE = 64
# For the sake of --unknown: a head that is not driven to be certain is less sure of what it has
# never seen (docs/recipe.md).
LABEL_SMOOTHING = 0.1

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
    features: NDArray[np.float32],
    targets: NDArray[np.float32],
    training: NDArray[np.intp],
    test: NDArray[np.intp],
    *,
    epochs: int,
    seed: int,
    on_epoch: Callable[[dict[str, float]], None] = lambda logs: None,
) -> tuple[keras.Sequential, History]:
    """Train the head on frozen features. The test photos are watched, never learned from.

    While training, each feature is shifted and scaled to mean 0 and deviation 1 over the
    training photos. That is then folded into the first layer: the head returned takes raw
    features. The features of training photos are used where they lie, and never copied whole.

    Args:
        features: of all views of all photos, shape (rows, feature size).
        targets: one-hot labels, shape (rows, labels).
        training: rows of the training photos, shape (photos, views); each epoch sees each photo
            once, in a view drawn at random.
        test: rows of the test photos, shape (photos,); there may be none.
        epochs: passes over the training photos.
        seed: of the initial weights, the order, the views and the dropout.
        on_epoch: called after each epoch with Keras's figures of it.

    Returns:
        (head, history): the head maps features to probabilities in the targets' order.
    """
    keras.utils.set_random_seed(seed)
    photos, views = training.shape
    mean, scale = _standardisation(features, training[:, 0])

    def standardised(rows: NDArray[np.intp]) -> NDArray[np.float32]:
        return ((features[rows] - mean) * scale).astype(np.float32)

    head = _head(features.shape[1], targets.shape[1])
    steps = -(-photos // _BATCH_SIZE)
    head.compile(
        optimizer=keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(_LEARNING_RATE, steps * epochs),
            weight_decay=_WEIGHT_DECAY,
        ),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=LABEL_SMOOTHING),
        metrics=["accuracy"],
        # A step is so small that calling it costs as much: a whole epoch is one call.
        steps_per_execution=steps,
        jit_compile=False,
    )

    def batches() -> Iterator[Batch]:
        random = np.random.default_rng(seed)
        while True:
            order = random.permutation(photos)
            view = random.integers(views, size=(photos,))
            for start in range(0, photos, _BATCH_SIZE):
                # Around each row, the system maps up to a megabyte more.
                let_go(features)
                chosen = order[start : start + _BATCH_SIZE]
                rows = training[chosen, view[chosen]]
                yield standardised(rows), targets[rows]

    def test_batch(number: int) -> Batch:
        let_go(features)
        rows = test[number * _TEST_BATCH_SIZE :][:_TEST_BATCH_SIZE]
        return standardised(rows), targets[rows]

    logs = head.fit(
        batches(),
        shuffle=False,
        steps_per_epoch=steps,
        validation_data=_TestBatches(test_batch, len(test)) if len(test) else None,
        epochs=epochs,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda _, logs: on_epoch(logs))],
    ).history
    watched = [logs.get("val_loss", []), logs.get("val_accuracy", [])]
    history = History(logs["loss"], logs["accuracy"], *watched)
    _fold_standardisation(head, mean, scale)
    return head, history


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


def predict(
    head: keras.Sequential, features: NDArray[np.float32], rows: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Predict from some rows of features.

    Returns:
        Probabilities, shape (rows, labels).
    """
    probabilities = np.empty((len(rows), head.output_shape[-1]), np.float32)
    for start in range(0, len(rows), _TEST_BATCH_SIZE):
        some = rows[start : start + _TEST_BATCH_SIZE]
        probabilities[start : start + len(some)] = head.predict_on_batch(features[some])
        let_go(features)
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
            keras.layers.Dense(512, activation="relu", name="head_dense"),
            keras.layers.Dropout(0.5, name="head_dropout"),
            keras.layers.Dense(labels, activation="softmax", name="probabilities"),
        ]
    )


def _standardisation(
    features: NDArray[np.float32], rows: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find what makes each feature of these rows mean 0, deviation 1: (feature - mean) * scale."""
    scaler = StandardScaler()
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        scaler.partial_fit(features[rows[start : start + _ROWS_AT_ONCE]])
        let_go(features)
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
