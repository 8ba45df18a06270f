"""Fine-tuning: the last stages learn, the rest stays, and nothing stays on disk."""

import os
import signal
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import keras
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.network.backbone import build_backbone, fingerprint, split_backbone
from activity.network.engine import EngineOptions
from activity.training import feature_maps, fine_tuning
from activity.training.fine_tuning import fine_tune
from activity.training.head import train_head
from tests.conftest import posix

IMAGES = 40
LABELS = np.arange(IMAGES) % 2
TARGETS = np.eye(2, dtype=np.float32)[LABELS]
TRAINING = np.arange(IMAGES).reshape(IMAGES, 1)
FILES = [f"{number}.jpg" for number in range(IMAGES)]


def draw_pixels() -> np.ndarray:
    """Noise, of which every other image is darker."""
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, 224, 224, 3))
    return (pixels // (1 + LABELS)[:, None, None, None]).astype(np.uint8)


PIXELS = draw_pixels()


def pixels_of(rows: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    return ((row, PIXELS[row]) for row in rows)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> keras.Model:
    """A backbone of two small stages, which costs next to nothing."""
    keras.utils.set_random_seed(0)
    pixels = keras.Input((224, 224, 3))
    shrunk = keras.layers.AveragePooling2D(56)(keras.layers.Rescaling(1 / 255)(pixels))
    frozen = keras.Model(pixels, keras.layers.Conv2D(5, 1)(shrunk))
    inputs = keras.Input((4, 4, 5))
    outputs = keras.layers.BatchNormalization()(keras.layers.Conv2D(6, 1)(inputs))
    learning = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(outputs))
    backbone = keras.Model(pixels, learning(frozen(pixels)))
    backbone.trainable = False
    monkeypatch.setattr(fine_tuning, "split_backbone", lambda _: (frozen, learning))
    return backbone


def tune(
    backbone: keras.Model, cache: Path | None = None, *, epochs: int = 3, pixels_of=pixels_of
) -> tuple[keras.Sequential, keras.Sequential, list[float]]:
    """Fine-tune the backbone; returns the head before and after, and what it was right on."""
    features = backbone.predict_on_batch(PIXELS.astype(np.float32))
    head, _ = train_head(features, TARGETS, TRAINING, np.arange(0), epochs=2, seed=1)
    tuned, accuracy = fine_tune(
        *(backbone, head, features, TARGETS, TRAINING, FILES, pixels_of),
        epochs=epochs,
        head_epochs=2,
        seed=1,
        options=EngineOptions("keras", 8, cache),
    )
    return head, tuned, accuracy


def assert_equal(mine: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    for one, other in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["efficientnet-lite0", "resnet50"])
def test_split_stages_give_together_what_the_backbone_gives(name: str) -> None:
    whole = build_backbone(name, "random")
    frozen, learning = split_backbone(whole)
    pixels = PIXELS[:1].astype(np.float32)
    found = learning.predict_on_batch(frozen.predict_on_batch(pixels))
    np.testing.assert_allclose(found, whole.predict_on_batch(pixels), rtol=1e-4, atol=1e-5)


def test_the_last_stages_learn_but_for_batch_norm_and_the_others_stay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    right = count()
    monkeypatch.setattr(fine_tuning, "_count_right", lambda *_: next(right))  # each is better
    backbone = build_backbone("efficientnet-lite0", "imagenet")
    identity = fingerprint(backbone)
    layers = [layer for layer in backbone.get_layer("efficientnet_lite0").layers if layer.weights]
    before = {layer.name: layer.get_weights() for layer in layers}
    tune(backbone, tmp_path / "cache", epochs=1)
    for layer in layers:
        if layer.name.startswith(("stage6", "stage7", "head")) and "norm" not in layer.name:
            assert not np.array_equal(layer.get_weights()[0], before[layer.name][0]), layer.name
        else:
            assert_equal(layer.get_weights(), before[layer.name])
    assert backbone.trainable_weights == []
    # What is derived from the tuned network is never taken for the frozen one's.
    assert fingerprint(backbone) != identity
    assert list((tmp_path / "cache").iterdir()) == []


def test_stages_that_learn_tell_more(tiny: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    right = count()
    monkeypatch.setattr(fine_tuning, "_count_right", lambda *_: next(right))

    def loss(head: keras.Sequential) -> float:
        probabilities = head.predict(tiny.predict_on_batch(PIXELS.astype(np.float32)), verbose=0)
        return float(-np.log(probabilities[np.arange(IMAGES), LABELS]).mean())

    frozen = tiny.get_weights()
    head, tuned, _ = tune(tiny, epochs=20)
    after = loss(tuned)
    tiny.set_weights(frozen)
    assert after < loss(head)


def test_the_same_seed_gives_the_same_network(tiny: keras.Model) -> None:
    start = tiny.get_weights()
    _, head, _ = tune(tiny)
    first = tiny.get_weights() + head.get_weights()
    tiny.set_weights(start)
    _, head, _ = tune(tiny)
    assert_equal(first, tiny.get_weights() + head.get_weights())


@pytest.mark.parametrize(
    ("right", "best"), [([1, 0, 2, 1], 2), ([2, 0, 1, 1], 0), ([1, 0, 1, 1], 0)]
)
def test_the_best_epoch_is_kept(
    tiny: keras.Model, monkeypatch: pytest.MonkeyPatch, right: list[int], best: int
) -> None:
    seen: list[list[np.ndarray]] = []

    def count(model: keras.Model, *_: object) -> int:
        seen.append(model.get_weights())
        return right[len(seen) - 1]

    monkeypatch.setattr(fine_tuning, "_count_right", count)
    frozen = tiny.get_weights()
    before, head, accuracy = tune(tiny)
    assert accuracy == [count / 4 for count in right]  # 40 images, of which a tenth is carved out
    if best:
        assert_equal(tiny.layers[-1].get_weights() + head.get_weights(), seen[best])
    else:
        assert head is before
        assert_equal(tiny.get_weights(), frozen)


@posix
def test_an_interruption_keeps_the_best_epoch_so_far(
    tiny: keras.Model, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[list[np.ndarray]] = []

    def count(model: keras.Model, *_: object) -> int:
        seen.append(model.get_weights())
        if len(seen) == 3:  # before training, after one epoch, after two
            os.kill(os.getpid(), signal.SIGINT)
        return len(seen)

    monkeypatch.setattr(fine_tuning, "_count_right", count)
    # The shell that runs the tests may have had them ignore Ctrl-C.
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _, head, accuracy = tune(tiny, epochs=50)
    finally:
        signal.signal(signal.SIGINT, earlier)
    assert len(seen) == len(accuracy) == 3
    assert_equal(tiny.layers[-1].get_weights() + head.get_weights(), seen[2])
    assert "the best epoch so far" in capsys.readouterr().out


def test_with_too_few_images_to_choose_by_the_network_stays_frozen(
    tiny: keras.Model, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fine_tuning, "_CARVED", 0.01)
    frozen = tiny.get_weights()
    before, head, accuracy = tune(tiny)
    assert head is before
    assert accuracy == []
    assert_equal(tiny.get_weights(), frozen)
    assert "too few to tell whether fine-tuning helps" in capsys.readouterr().out


def test_too_many_images_are_learned_from_in_fewer_views(
    tiny: keras.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.arange(IMAGES * 3).reshape(IMAGES, 3)
    read: list[int] = []

    def some(wanted: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
        read.extend(wanted)
        return ((row, PIXELS[row // 3]) for row in wanted)

    features = tiny.predict_on_batch(PIXELS.astype(np.float32)).repeat(3, axis=0)
    targets = TARGETS.repeat(3, axis=0)
    head, _ = train_head(features, targets, rows, np.arange(0), epochs=1, seed=1)
    # Room for two views and their mirror images, of 4 x 4 x 5 numbers of two bytes.
    monkeypatch.setattr(feature_maps, "MOST_BYTES", 2 * 2 * IMAGES * 4 * 4 * 5 * 2)
    fine_tune(
        *(tiny, head, features, targets, rows, FILES, some),
        epochs=1,
        head_epochs=1,
        seed=1,
        options=EngineOptions("keras", 8),
    )
    assert read == rows[:, :2].ravel().tolist()


def test_photos_that_changed_meanwhile_are_left_out(
    tiny: keras.Model, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    batches: list[np.ndarray] = []
    learn = keras.Model.train_on_batch

    def watched(model: keras.Model, maps: np.ndarray, targets: np.ndarray) -> object:
        batches.append(maps)
        return learn(model, maps, targets)

    monkeypatch.setattr(keras.Model, "train_on_batch", watched)
    tune(tiny, epochs=2, pixels_of=lambda rows: pixels_of(rows[3:-2]))
    assert "left out, as changed meanwhile: 5 images" in capsys.readouterr().out
    assert 31 <= len(batches[0]) <= 35  # of 40 images, a tenth of which is carved out
    # A place of the file that was not written would be all zeros.
    assert all(maps.any(axis=(1, 2, 3)).all() for maps in batches)


def test_where_all_photos_changed_meanwhile_it_is_one_clear_line(
    tiny: keras.Model, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="changed while"):
        tune(tiny, tmp_path, pixels_of=lambda _: iter(()))
    assert list(tmp_path.iterdir()) == []


def test_frames_of_one_clip_are_on_one_side_and_every_label_is_learned() -> None:
    labels = np.repeat([0, 1, 2], [40, 40, 3])
    files = [f"{label}/{number // 4}" for number, label in enumerate(labels)]
    learned, carved = fine_tuning._carve(labels, files, seed=0)
    assert sorted([*learned, *carved]) == list(range(83))
    assert {files[i] for i in learned}.isdisjoint(files[i] for i in carved)
    assert labels[carved].tolist() == [0] * 4 + [1] * 4
