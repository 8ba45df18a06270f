"""The head's layers in NumPy learn as Keras's do, and the same on any machine."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activity.training.learning import head as head_module
from activity.training.learning.head import (
    HEAD,
    HIDDEN_UNITS,
    LABEL_SMOOTHING,
    SHARES,
    AdamW,
    DenseLayers,
    losses,
)


@pytest.fixture(scope="module")
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(SHARES) as threads:
        yield threads


def examples(seed: int, labels: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, targets (the last four equal for all labels) and counts of 16 images."""
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
    rate = keras.optimizers.schedules.CosineDecay(HEAD.learning_rate, steps)
    head.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=HEAD.weight_decay),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=LABEL_SMOOTHING),
    )
    return head


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000), labels=st.integers(2, 5))
def test_without_dropout_every_step_is_keras_own(threads: Executor, seed: int, labels: int) -> None:
    steps = 6
    layers = DenseLayers(8, labels, steps, np.random.default_rng(seed), threads)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(head_module, "DROPOUT", 0.0)
        head = keras_head(flat(layers), steps)
        for step in range(steps):
            features, targets, counts = examples(seed + step, labels)
            expected = head.predict_on_batch(features)
            # Rounding errors grow from step to step: see the weights below.
            np.testing.assert_allclose(
                np.exp(layers.log_probabilities(features)), expected, atol=1e-4
            )
            before = layers.learn(features, targets, counts)
            np.testing.assert_allclose(np.exp(before), expected, atol=1e-4)
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
    schedule = keras.optimizers.schedules.CosineDecay(HEAD.learning_rate, steps)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=HEAD.weight_decay)
    optimizer.build(theirs)
    adamw = AdamW(mine, steps)
    for _ in range(steps):
        gradients = [random.normal(0, 1, shape).astype(np.float32) for shape in shapes]
        optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in gradients])
        adamw.step(gradients)
    for weight, variable in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(weight, keras.ops.convert_to_numpy(variable), rtol=1e-4)


def test_while_learning_half_of_the_hidden_units_are_dropped_and_the_others_count_twice(
    threads: Executor,
) -> None:
    layers = DenseLayers(8, 3, 1, np.random.default_rng(0), threads)
    (kernel, _), (label_kernel, _) = layers.weights()
    one = np.random.default_rng(1).normal(0, 3, (1, 8)).astype(np.float32)
    targets = np.eye(3, dtype=np.float32)[np.zeros(4000, int)]
    before = layers.learn(one.repeat(4000, axis=0), targets, np.ones(4000, np.float32))
    # Of each unit, twice as much as without dropout, or nothing: the same mean, and this variance.
    shares = np.maximum(one @ kernel, 0)[0] * (label_kernel[:, 0] - label_kernel[:, 1])
    difference = before[:, 0] - before[:, 1]
    deviation = np.sqrt((shares**2).sum())
    assert difference.mean() == pytest.approx(shares.sum(), abs=4 * deviation / np.sqrt(4000))
    assert difference.std() == pytest.approx(deviation, rel=0.1)


def test_the_numbers_are_the_same_with_any_number_of_threads() -> None:
    learned = []
    for count in (1, 2, 64):
        with ThreadPoolExecutor(count) as threads:
            layers = DenseLayers(8, 3, 5, np.random.default_rng(1), threads)
            for step in range(5):
                layers.learn(*examples(step))
            learned.append(flat(layers))
    for others in learned[1:]:
        for first, other in zip(learned[0], others, strict=True):
            np.testing.assert_array_equal(first, other)
