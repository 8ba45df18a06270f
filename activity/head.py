"""The layers that are trained, and how they are joined to the frozen backbone."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

# Chosen on photos carved out of the training photos: docs/recipe.md has the comparison.
_LEARNING_RATE = 1e-3
_WEIGHT_DECAY = 1.0


@dataclass(frozen=True)
class History:
    """What training the head saw, epoch by epoch; each list has one figure an epoch."""

    loss: list[float]
    accuracy: list[float]
    test_loss: list[float]
    test_accuracy: list[float]


def train_head(
    features: NDArray[np.float32],
    targets: NDArray[np.float32],
    test_features: NDArray[np.float32],
    test_targets: NDArray[np.float32],
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    on_epoch: Callable[[dict[str, float]], None] = lambda logs: None,
) -> tuple[keras.Sequential, History]:
    """Train the head on frozen features. The test photos are watched, never learned from.

    While training, each feature is shifted and scaled to mean 0 and deviation 1 over the
    training photos. That is then folded into the first layer: the head returned takes raw
    features.

    Args:
        features: training features, shape (views of photos, feature size).
        targets: one-hot labels, shape (views of photos, labels).
        test_features, test_targets: the same for the test photos.
        epochs: passes over the training features.
        batch_size: features in one step.
        seed: of the initial weights, the shuffling and the dropout.
        on_epoch: called after each epoch with Keras's figures of it.

    Returns:
        (head, history): the head maps features to probabilities in the targets' order.
    """
    keras.utils.set_random_seed(seed)
    mean = features.mean(axis=0, dtype=np.float64)
    scale = features.std(axis=0, dtype=np.float64)
    scale[scale == 0] = 1  # a feature that never changes

    def standardised(raw: NDArray[np.float32]) -> NDArray[np.float32]:
        return ((raw - mean) / scale).astype(np.float32)

    head = _head(features.shape[1], targets.shape[1])
    steps = -(-len(features) // batch_size) * epochs
    head.compile(
        optimizer=keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(_LEARNING_RATE, steps),
            weight_decay=_WEIGHT_DECAY,
        ),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    logs = head.fit(
        standardised(features),
        targets,
        validation_data=(standardised(test_features), test_targets),
        epochs=epochs,
        batch_size=batch_size,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda _, logs: on_epoch(logs))],
    ).history
    _fold_standardisation(head, mean, scale)
    history = History(logs["loss"], logs["accuracy"], logs["val_loss"], logs["val_accuracy"])
    return head, history


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


def _fold_standardisation(
    head: keras.Sequential, mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> None:
    """Make the first layer do ((x - mean) / scale) @ kernel + bias on raw x."""
    dense = head.layers[0]
    kernel, bias = (weight.astype(np.float64) for weight in dense.get_weights())
    folded = kernel / scale[:, np.newaxis]
    dense.set_weights([folded, bias - mean @ folded])
