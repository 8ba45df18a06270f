"""The head: trained on standardised features, returned for raw ones."""

import contextlib
from pathlib import Path

import keras
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from activity.media.images import Image
from activity.network.backbone import build_backbone
from activity.training.features.sets import OUTLIER_FRAME_WEIGHT, Examples
from activity.training.learning.head import DenseLayers, join, train_head


def clusters(seed: int, photos: int = 90) -> tuple[np.ndarray, np.ndarray]:
    """Features of three labels that differ by little beside a large common offset."""
    random = np.random.default_rng(seed)
    labels = np.arange(photos) % 3
    features = random.normal(0, 0.01, (photos, 8)) + 100
    features[np.arange(photos), labels] += 0.1
    features[:, 7] = 5  # a feature that never changes
    return features.astype(np.float32), np.eye(3, dtype=np.float32)[labels]


def train(seed: int = 1, epochs: int = 10):
    """Train on two views of 90 photos, and test on 90 others; views of one photo side by side."""
    (features, targets), (other_view, _), (test, test_targets) = map(clusters, (0, 3, 1))
    table = np.concatenate([np.stack([features, other_view], axis=1).reshape(180, 8), test])
    images = [Image(f"{number}.jpg") for number in range(90)]
    return train_head(
        Examples(images, targets, table, np.arange(180).reshape(90, 2)),
        Examples(images, test_targets, table, np.arange(180, 270).reshape(90, 1)),
        epochs=epochs,
        seed=seed,
    )


def test_head_learns_from_small_differences_of_large_features() -> None:
    head, _ = train()
    features, targets = clusters(2)
    probabilities = head.predict(features, verbose=0)
    assert (probabilities.argmax(axis=1) == targets.argmax(axis=1)).mean() > 0.95


def test_history_has_one_figure_an_epoch_and_ends_where_the_head_is() -> None:
    head, history = train(epochs=4)
    test_features, test_targets = clusters(1)
    accuracy = (
        head.predict(test_features, verbose=0).argmax(axis=1) == test_targets.argmax(axis=1)
    ).mean()
    figures = (history.loss, history.accuracy, history.test_loss, history.test_accuracy)
    assert [len(figure) for figure in figures] == [4] * 4
    assert history.test_accuracy[-1] == pytest.approx(accuracy, abs=0.02)


def test_history_counts_each_image_alike_however_they_are_batched() -> None:
    (features, targets), (test, test_targets) = clusters(0, 150), clusters(1, 2049)
    test_targets = np.roll(test_targets, 1, axis=0)  # all wrong, but for the last one
    test[-1], test_targets[-1] = features[0], targets[0]
    table, images = np.concatenate([features, test]), [Image("one.jpg")]
    head, history = train_head(
        Examples(images * 150, targets, table, np.arange(150).reshape(-1, 1)),
        Examples(images * 2049, test_targets, table, np.arange(150, 2199).reshape(-1, 1)),
        epochs=8,
        seed=0,
    )
    probabilities = head.predict(test, verbose=0)
    right = probabilities.argmax(axis=1) == test_targets.argmax(axis=1)
    assert right.mean() < 0.1
    assert history.test_accuracy[-1] == pytest.approx(right.mean(), abs=0.003)
    smoothed = test_targets * 0.9 + 0.1 / 3
    loss = -(smoothed * np.log(probabilities)).sum(axis=1).mean()
    assert history.test_loss[-1] == pytest.approx(loss, rel=0.01)


@pytest.mark.parametrize("ends", [True, False])
def test_products_have_one_thread_each_while_the_head_learns_and_not_afterwards(
    ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def threads() -> set[int]:
        """Empty where the products are neither those of OpenBLAS nor of MKL."""
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    learn, seen = DenseLayers.learn, []

    def learn_and_look(*args: object) -> np.ndarray:
        seen.append(threads())
        if not ends:
            raise KeyboardInterrupt
        return learn(*args)

    monkeypatch.setattr(DenseLayers, "learn", learn_and_look)
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        with contextlib.nullcontext() if ends else pytest.raises(KeyboardInterrupt):
            train(epochs=1)
        assert threads() == before
    assert seen
    assert all(counts <= {1} for counts in seen)


def test_many_outliers_make_no_huge_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    table = np.random.default_rng(0).normal(0, 1, (5003, 8)).astype(np.float32)
    targets = np.full((5003, 3), 1 / 3, np.float32)
    targets[:3] = np.eye(3)
    learn, sizes = DenseLayers.learn, []

    def learn_and_count(layers: DenseLayers, features: np.ndarray, *args: object) -> np.ndarray:
        sizes.append(len(features))
        return learn(layers, features, *args)

    monkeypatch.setattr(DenseLayers, "learn", learn_and_count)
    rows = np.arange(5003).reshape(-1, 1)
    images = [Image(f"{number}.jpg") for number in range(5003)]
    some = Examples(images, targets, table, rows)
    train_head(some, some.take(np.arange(0)), epochs=1, seed=0)
    assert sum(sizes) == 5003
    assert max(sizes) <= 1024


def test_same_seed_same_head_other_seed_another() -> None:
    first, again, other = (train(seed=seed)[0].get_weights() for seed in (1, 1, 2))
    for mine, theirs in zip(first, again, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert any(not np.array_equal(mine, theirs) for mine, theirs in zip(first, other, strict=True))


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_joined_model_does_what_its_parts_do_also_when_saved_and_loaded(
    name: str, tmp_path: Path
) -> None:
    backbone = build_backbone("efficientnet-lite0", "imagenet")
    head = keras.Sequential(
        [keras.Input((1280,)), keras.layers.Dense(4), keras.layers.Dense(3, activation="softmax")]
    )
    model = join(backbone, head)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3)).astype(np.float32)
    expected = head.predict_on_batch(backbone.predict_on_batch(pixels))
    model.save(tmp_path / name)
    loaded = keras.models.load_model(tmp_path / name, compile=False)
    np.testing.assert_allclose(model.predict_on_batch(pixels), expected, atol=1e-5)
    np.testing.assert_allclose(loaded.predict_on_batch(pixels), expected, atol=1e-5)


def with_outliers(train: Examples, where: np.ndarray, seconds: float | None) -> Examples:
    """Append outliers at a place between the labels, one view each, all with equal targets."""
    count = 60
    random = np.random.default_rng(7)
    outliers = (random.normal(0, 0.01, (count, 8)) + where).astype(np.float32)
    table = np.concatenate([train.table, outliers])
    rows = np.arange(len(train.table), len(table)).reshape(count, 1)
    alike = np.full((count, 3), 1 / 3, np.float32)
    images = [Image(f"other/{number}", seconds) for number in range(count)]
    known = Examples(train.images, train.targets, table, train.rows)
    return known.joined(Examples(images, alike, table, rows))


def test_outliers_are_unsure_and_count_in_no_accuracy() -> None:
    features, targets = clusters(0)
    images = [Image(f"{number}.jpg") for number in range(90)]
    known = Examples(images, targets, features, np.arange(90).reshape(90, 1))
    where = np.full(8, 100.0)
    where[0] += 0.1  # looks like the first label, but for the fifth feature
    where[4] += 0.05
    where[7] = 5
    both = with_outliers(known, where, None)
    assert both.known.tolist() == [True] * 90 + [False] * 60
    assert {*both.weights.tolist()} == {1}
    strange = np.repeat(where[np.newaxis], 5, axis=0).astype(np.float32)
    without, _ = train_head(known, known.take(np.arange(0)), epochs=60, seed=1)
    head, history = train_head(both, known, epochs=60, seed=1)
    assert without.predict(strange, verbose=0).max() > 0.5
    assert head.predict(strange, verbose=0).max() < 0.4
    # Outliers are 40 % of what is learned from: counted as any label, they would be seen here.
    assert history.accuracy[-1] > 0.9
    assert history.test_accuracy[-1] > 0.9


def test_frames_marked_as_unknown_weigh_more() -> None:
    features, targets = clusters(0)
    images = [Image(f"{number}.mp4", 1.0) for number in range(90)]
    known = Examples(images, targets, features, np.arange(90).reshape(90, 1))
    both = with_outliers(known, np.full(8, 100.0), 1.0)
    assert both.weights.tolist() == [1] * 90 + [OUTLIER_FRAME_WEIGHT] * 60


def uneven(counts: list[int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features of labels that overlap, in one dimension of eight, and the label of each."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    features = random.normal(0, 1, (len(labels), 8))
    features[:, 0] += 2.0 * labels
    return features.astype(np.float32), labels


def test_a_rare_label_is_recognised_beside_common_ones() -> None:
    features, labels = uneven([300, 8], 0)
    images = [Image(f"{number}.jpg") for number in range(len(labels))]
    rows = np.arange(len(labels)).reshape(-1, 1)
    train = Examples(images, np.eye(2, dtype=np.float32)[labels], features, rows)
    head, _ = train_head(train, train.take(np.arange(0)), epochs=20, seed=0)
    seen, truth = uneven([500, 500], 1)
    right = head.predict(seen, verbose=0).argmax(axis=1) == truth
    assert right[truth == 1].mean() > 0.6
    assert right[truth == 0].mean() > 0.8


def test_labels_count_alike_and_images_one_on_average_and_exactly_where_labels_are_even() -> None:
    labels = np.repeat([0, 1, 2], [40, 7, 3])
    features = np.zeros((50, 8), np.float32)
    images = [Image(f"{number}.jpg") for number in range(50)]
    targets = np.eye(3, dtype=np.float32)[labels]
    known = Examples(images, targets, features, np.arange(50).reshape(-1, 1))
    sums = np.bincount(labels, known.weights)
    np.testing.assert_allclose(sums, 50 / 3, rtol=1e-6)
    both = with_outliers(known, np.zeros(8), 1.0)
    np.testing.assert_array_equal(both.weights[:50], known.weights)
    assert {*both.weights[50:].tolist()} == {OUTLIER_FRAME_WEIGHT}
    outliers_alone = both.take(~both.known)
    assert {*outliers_alone.weights.tolist()} == {OUTLIER_FRAME_WEIGHT}
    even = known.take(np.array([0, 1, 2, 40, 41, 42, 47, 48, 49]))
    assert even.weights.tolist() == [1] * 9


def test_outliers_have_as_many_views_as_what_they_are_joined_to() -> None:
    features, targets = clusters(0)
    images = [Image(f"{number}.jpg") for number in range(45)]
    known = Examples(images, targets[:45], features, np.arange(90).reshape(45, 2))
    both = with_outliers(known, np.full(8, 100.0), None)
    assert both.rows.shape == (105, 2)
    np.testing.assert_array_equal(both.rows[45:, 0], both.rows[45:, 1])
    assert known.joined(known.take(np.arange(0))).images == known.images
