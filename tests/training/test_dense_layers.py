"""The head's layers in NumPy learn as Keras's do, and the same on any machine."""

import os

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from activity.training import dense_layers
from activity.training.adamw import AdamW
from activity.training.dense_layers import DenseLayers, losses
from activity.training.hyperparameters import HIDDEN_UNITS, LABEL_SMOOTHING, Optimization

HOW = Optimization(learning_rate=0.01, weight_decay=0.1, batch_size=16)


def examples(seed: int, labels: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, targets (the last four are outliers') and counts of 16 images."""
    random = np.random.default_rng(seed)
    targets = np.eye(labels, dtype=np.float32)[random.integers(labels, size=16)]
    targets[-4:] = 1 / labels
    counts = random.integers(1, 11, 16).astype(np.float32)
    return random.normal(0, 1, (16, 8)).astype(np.float32), targets, counts


def flat(layers: DenseLayers) -> list[np.ndarray]:
    return [weight for layer in layers.weights() for weight in layer]


def keras_head(weights: list[np.ndarray], steps: int) -> keras.Sequential:
    """The same layers in Keras, without dropout."""
    head = keras.Sequential(
        [
            keras.Input((weights[0].shape[0],)),
            keras.layers.Dense(HIDDEN_UNITS, activation="relu"),
            keras.layers.Dense(weights[2].shape[1], activation="softmax"),
        ]
    )
    head.set_weights(weights)
    rate = keras.optimizers.schedules.CosineDecay(HOW.learning_rate, steps)
    head.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=HOW.weight_decay),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=LABEL_SMOOTHING),
    )
    return head


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000), labels=st.integers(2, 5))
def test_without_dropout_every_step_is_keras_own(seed: int, labels: int) -> None:
    steps = 6
    with (
        pytest.MonkeyPatch.context() as patch,
        DenseLayers(8, labels, HOW, steps, np.random.default_rng(seed)) as layers,
    ):
        patch.setattr(dense_layers, "DROPOUT", 0.0)
        head = keras_head(flat(layers), steps)
        for step in range(steps):
            features, targets, counts = examples(seed + step, labels)
            expected = head.predict_on_batch(features)
            np.testing.assert_allclose(np.exp(layers.answer(features)), expected, atol=1e-5)
            before = layers.learn(features, targets, counts)
            np.testing.assert_allclose(np.exp(before), expected, atol=1e-5)
            loss = head.train_on_batch(features, targets, sample_weight=counts)
            assert (counts * losses(before, targets)).mean() == pytest.approx(loss, rel=1e-4)
        for mine, theirs in zip(flat(layers), head.get_weights(), strict=True):
            # A weight whose gradient is next to nothing goes by the sign of a rounding error.
            far = ~np.isclose(mine, theirs, atol=1e-4)
            assert far.mean() < 0.001


def test_adamw_is_keras_own() -> None:
    random = np.random.default_rng(0)
    steps, shapes = 40, [(5, 4), (4,)]
    mine = [random.normal(0, 1, shape).astype(np.float32) for shape in shapes]
    theirs = [keras.Variable(weight) for weight in mine]
    schedule = keras.optimizers.schedules.CosineDecay(HOW.learning_rate, steps)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=HOW.weight_decay)
    optimizer.build(theirs)
    adamw = AdamW(mine, HOW, steps)
    for _ in range(steps):
        gradients = [random.normal(0, 1, shape).astype(np.float32) for shape in shapes]
        optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in gradients])
        adamw.step(gradients)
    for weight, variable in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(weight, keras.ops.convert_to_numpy(variable), rtol=1e-4)


def test_half_of_the_hidden_units_are_silent_while_learning() -> None:
    features, targets, counts = examples(0)
    with DenseLayers(8, 3, HOW, 1, np.random.default_rng(0)) as layers:
        (kernel, _), (class_kernel, _) = layers.weights()
        learned = layers.learn(np.repeat(features[:1], 16, axis=0), targets, counts)
    logits = (np.maximum(features[:1] @ kernel, 0) @ class_kernel)[0]
    expected = logits - np.log(np.exp(logits).sum())
    assert len({tuple(row) for row in learned.round(4).tolist()}) == 16
    np.testing.assert_allclose(learned.mean(axis=0), expected, atol=0.4)


def test_the_numbers_are_the_same_on_any_number_of_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    learned = []
    for cores in (1, 2, 64, None):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        with DenseLayers(8, 3, HOW, 5, np.random.default_rng(1)) as layers:
            for step in range(5):
                layers.learn(*examples(step))
            learned.append(flat(layers))
    for others in learned[1:]:
        for first, other in zip(learned[0], others, strict=True):
            np.testing.assert_array_equal(first, other)


def test_products_elsewhere_may_use_all_threads_again_afterwards() -> None:
    def threads() -> list[int]:
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    before = threads()
    with DenseLayers(8, 3, HOW, 1, np.random.default_rng(1)):
        within = threads()
    assert {*within} == {1}
    assert threads() == before
