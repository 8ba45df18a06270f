"""Fine-tuning: the last stages learn, the rest stays, and nothing stays on disk."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.media.images import Image, hash_files
from activity.network.backbone import build_backbone, fingerprint, split_backbone
from activity.network.engine import EngineOptions
from activity.training.features.sets import Examples, FeatureSets
from activity.training.learning import fine_tuning
from activity.training.learning.fine_tuning import fine_tune
from activity.training.learning.head import Trained, train_on

IMAGES = 40
LABELS = np.arange(IMAGES) % 2
TARGETS = np.eye(2, dtype=np.float32)[LABELS]


def draw_pixels() -> np.ndarray:
    """Noise, of which every other image is darker."""
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, 224, 224, 3))
    return (pixels // (1 + LABELS)[:, None, None, None]).astype(np.uint8)


PIXELS = draw_pixels()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Image]:
    """The pixels as photos, which the network sees as they are."""
    folder = tmp_path_factory.mktemp("photos")
    for number, pixels in enumerate(PIXELS):
        cv2.imwrite(str(folder / f"{number:02}.png"), pixels[:, :, ::-1])
    names = [f"{number:02}.png" for number in range(IMAGES)]
    digests = hash_files(folder, names)
    return [Image(name, None, folder, digests[name]) for name in names]


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


def train(backbone: keras.Model, photos: list[Image]) -> Trained:
    """Train a head on the photos, in one view each, with nothing to test with."""
    features = backbone.predict_on_batch(PIXELS.astype(np.float32))
    some = Examples(photos, TARGETS, features, np.arange(IMAGES).reshape(IMAGES, 1))
    none = some.take(np.arange(0))
    sets = FeatureSets(["bright", "dark"], some, none, none, none, none, [])
    return train_on(sets, backbone, epochs=2, seed=1)


def tune(
    backbone: keras.Model, photos: list[Image], cache: Path | None = None, *, epochs: int = 3
) -> tuple[Trained, Trained]:
    """Fine-tune the backbone; returns what was trained before and after."""
    before = train(backbone, photos)
    options = EngineOptions("keras", 8, cache)
    return before, fine_tune(before, options, epochs=epochs, head_epochs=2, seed=1)


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
    photos: list[Image], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    right = count()
    monkeypatch.setattr(fine_tuning, "_share_right", lambda *_: next(right))  # each is better
    backbone = build_backbone("efficientnet-lite0", "imagenet")
    identity = fingerprint(backbone)
    layers = [layer for layer in backbone.get_layer("efficientnet_lite0").layers if layer.weights]
    before = {layer.name: layer.get_weights() for layer in layers}
    tune(backbone, photos, tmp_path / "cache", epochs=1)
    for layer in layers:
        if layer.name.startswith(("stage6", "stage7", "head")) and "norm" not in layer.name:
            assert not np.array_equal(layer.get_weights()[0], before[layer.name][0]), layer.name
        else:
            assert_equal(layer.get_weights(), before[layer.name])
    assert backbone.trainable_weights == []
    # What is derived from the tuned network is never taken for the frozen one's.
    assert fingerprint(backbone) != identity
    assert list((tmp_path / "cache").iterdir()) == []


def test_stages_that_learn_tell_more(
    tiny: keras.Model, photos: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = count()
    monkeypatch.setattr(fine_tuning, "_share_right", lambda *_: next(right))

    def loss(head: keras.Sequential) -> float:
        probabilities = head.predict(tiny.predict_on_batch(PIXELS.astype(np.float32)), verbose=0)
        return float(-np.log(probabilities[np.arange(IMAGES), LABELS]).mean())

    frozen = tiny.get_weights()
    before, tuned = tune(tiny, photos, epochs=20)
    after = loss(tuned.head)
    tiny.set_weights(frozen)
    assert after < loss(before.head)


def test_stages_that_learn_outliers_are_less_sure_of_them(
    tiny: keras.Model, photos: list[Image], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    right = count()
    monkeypatch.setattr(fine_tuning, "_share_right", lambda *_: next(right))  # each is better
    names = [f"{number}.png" for number in range(12)]
    for name in names:
        cv2.imwrite(str(tmp_path / name), np.full((224, 224, 3), 255, np.uint8))
    digests = hash_files(tmp_path, names)
    white = np.full((12, 224, 224, 3), 255, np.float32)
    table = tiny.predict_on_batch(np.concatenate([PIXELS.astype(np.float32), white]))
    outliers = Examples(
        [Image(name, None, tmp_path, digests[name]) for name in names],
        np.full((12, 2), 0.5, np.float32),
        table,
        np.arange(IMAGES, IMAGES + 12).reshape(12, 1),
    )
    known = Examples(photos, TARGETS, table, np.arange(IMAGES).reshape(IMAGES, 1))
    none = known.take(np.arange(0))
    start, sure = tiny.get_weights(), []
    for learned in (outliers, none):
        tiny.set_weights(start)
        sets = FeatureSets(["bright", "dark"], known, none, none, learned, none, [])
        before = train_on(sets, tiny, epochs=2, seed=1)
        tuned = fine_tune(before, EngineOptions("keras", 8), epochs=20, head_epochs=2, seed=1)
        answers = tuned.head.predict(tiny.predict_on_batch(white), verbose=0)
        sure.append(answers.max())
    assert sure[0] < sure[1] - 0.1


def test_the_same_seed_gives_the_same_network(
    tiny: keras.Model, photos: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = count()
    monkeypatch.setattr(fine_tuning, "_share_right", lambda *_: next(right))  # each is better
    start, found = tiny.get_weights(), []
    for other_random_numbers in (1, 2):
        keras.utils.set_random_seed(other_random_numbers)
        tiny.set_weights(start)
        _, tuned = tune(tiny, photos)
        found.append(tiny.get_weights() + tuned.head.get_weights())
    assert_equal(*found)
    assert any(not np.array_equal(*pair) for pair in zip(start, found[0], strict=False))


@pytest.mark.parametrize(
    ("right", "best"), [([1, 0, 2, 1], 2), ([2, 0, 1, 1], 0), ([1, 0, 1, 1], 0)]
)
def test_the_best_epoch_is_kept(
    tiny: keras.Model,
    photos: list[Image],
    monkeypatch: pytest.MonkeyPatch,
    right: list[int],
    best: int,
) -> None:
    seen: list[list[np.ndarray]] = []

    def share(model: keras.Model, *_: object) -> float:
        seen.append(model.get_weights())
        return right[len(seen) - 1] / 4

    monkeypatch.setattr(fine_tuning, "_share_right", share)
    frozen = tiny.get_weights()
    before, tuned = tune(tiny, photos)
    assert tuned.fine_tuning == tuple(count / 4 for count in right)
    if best:
        assert_equal(tiny.layers[-1].get_weights() + tuned.head.get_weights(), seen[best])
    else:
        assert tuned.head is before.head
        assert_equal(tiny.get_weights(), frozen)


def test_images_are_judged_by_the_label_of_their_first_view() -> None:
    images = 200  # more than a batch
    shown, said = np.random.default_rng(0).integers(3, size=(2, images))
    # Each "feature map" holds the probabilities; the second view would always be right.
    views = np.stack([np.eye(3)[said], np.eye(3)[shown]], axis=1).astype(np.float16)
    some = np.arange(3, images)
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Rescaling(1.0)(inputs))
    targets = np.eye(3, dtype=np.float32)[shown]
    rows = np.arange(images).reshape(images, 1)
    train = Examples([Image("1.jpg")] * images, targets, targets, rows)
    found = fine_tuning._share_right(model, views, train, some)
    assert found == (shown[3:] == said[3:]).mean()
    assert 0 < found < 1


def test_an_interruption_keeps_the_best_epoch_so_far(
    tiny: keras.Model,
    photos: list[Image],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without a signal, which may go astray in a process with many threads, and end the tests."""
    seen: list[list[np.ndarray]] = []

    def share(model: keras.Model, *_: object) -> float:
        seen.append(model.get_weights())
        return len(seen) / 4

    @contextmanager
    def interrupted_after_two_epochs(*, raise_again: bool) -> Iterator[Callable[[], bool]]:
        assert not raise_again
        yield lambda: len(seen) == 3  # before training, after one epoch, after two

    monkeypatch.setattr(fine_tuning, "_share_right", share)
    monkeypatch.setattr(fine_tuning, "delay_interrupts", interrupted_after_two_epochs)
    _, tuned = tune(tiny, photos, epochs=50)
    assert len(seen) == len(tuned.fine_tuning) == 3
    assert_equal(tiny.layers[-1].get_weights() + tuned.head.get_weights(), seen[2])
    assert "the best epoch so far" in capsys.readouterr().out


def test_with_too_few_images_to_choose_by_the_network_stays_frozen(
    tiny: keras.Model,
    photos: list[Image],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(fine_tuning, "HELD_OUT_SHARE", 0.01)
    frozen = tiny.get_weights()
    before, tuned = tune(tiny, photos)
    assert tuned is before
    assert_equal(tiny.get_weights(), frozen)
    assert "too few to tell whether fine-tuning helps" in capsys.readouterr().out


@pytest.fixture
def changing(photos: list[Image], tmp_path: Path) -> list[Image]:
    """Copies of the photos, which a test can change."""
    for photo in photos:
        shutil.copy(photo.file, tmp_path / photo.path)
    return [photo._replace(folder=tmp_path) for photo in photos]


def test_photos_that_changed_meanwhile_are_left_out(
    tiny: keras.Model,
    changing: list[Image],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    batches: list[np.ndarray] = []
    learn = keras.Model.train_on_batch

    def watched(model: keras.Model, maps: np.ndarray, *others: Any, **how: Any) -> object:
        batches.append(maps)
        return learn(model, maps, *others, **how)

    monkeypatch.setattr(keras.Model, "train_on_batch", watched)
    before = train(tiny, changing)
    for photo in [*changing[:3], *changing[-2:]]:
        photo.file.write_bytes(b"no photo any more")
    fine_tune(before, EngineOptions("keras", 8), epochs=2, head_epochs=2, seed=1)
    assert "left out: 5 images that changed during the run" in capsys.readouterr().out
    assert 31 <= len(batches[0]) <= 35  # of 40 images, a tenth of which is held out
    # A place of the file that was not written would be all zeros.
    assert all(maps.any(axis=(1, 2, 3)).all() for maps in batches)


def test_where_all_photos_changed_meanwhile_it_is_one_clear_line(
    tiny: keras.Model, changing: list[Image], tmp_path: Path
) -> None:
    before = train(tiny, changing)
    for photo in changing:
        photo.file.unlink()
    with pytest.raises(UserError, match="changed during training"):
        fine_tune(before, EngineOptions("keras", 8, tmp_path), 2, 2, 1)
    assert list(tmp_path.iterdir()) == []


def test_frames_of_one_clip_are_on_one_side_and_every_label_is_learned() -> None:
    labels = np.repeat([0, 1, 2], [40, 40, 3])
    files = [f"{label}/{number // 4}.mp4" for number, label in enumerate(labels)]
    images = [Image(file, float(number)) for number, file in enumerate(files)]
    rows = np.arange(83).reshape(83, 1)
    frames = Examples(images, np.eye(3, dtype=np.float32)[labels], np.empty((83, 1)), rows)
    learned, held_out = fine_tuning._hold_out(frames, seed=0)
    assert sorted([*learned, *held_out]) == list(range(83))
    assert {files[i] for i in learned}.isdisjoint(files[i] for i in held_out)
    assert labels[held_out].tolist() == [0] * 4 + [1] * 4


def test_a_live_photo_and_its_clip_are_held_out_together() -> None:
    images = [Image(f"{label}/{n}.jpg") for label in (0, 1) for n in range(20)]
    images += [Image(f"{label}/{n}.mov", 0.0) for label in (0, 1) for n in range(20)]
    labels = np.tile(np.repeat([0, 1], 20), 2)
    rows = np.arange(80).reshape(80, 1)
    examples = Examples(images, np.eye(2, dtype=np.float32)[labels], np.empty((80, 1)), rows)
    learned, held_out = (
        {images[place].path[:-4] for place in side}
        for side in fine_tuning._hold_out(examples, seed=0)
    )
    assert not learned & held_out
    assert len(held_out) == 4
