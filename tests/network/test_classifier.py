"""Saved models as classifiers: those of ``train.py`` and those the tutorial's script wrote."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.preprocessing import LabelBinarizer

from activity.common.errors import UserError
from activity.network.artifacts import load_model, save_model_and_labels
from activity.network.backbone import IMAGENET_MEAN_RGB
from activity.network.classifier import open_classifier
from activity.network.engine import EngineOptions
from tests.conftest import ROOT, Trained

LEGACY = ROOT / "tests/data/legacy_models"

# What the Keras that saved each model gave for the photos below, minus IMAGENET_MEAN_RGB.
LEGACY_PROBABILITIES = {
    "keras-2.2.4.model": [
        [0.46608179, 0.17867669, 0.35524138],
        [0.32618999, 0.26924639, 0.40456360],
        [0.35145300, 0.10883659, 0.53971052],
        [0.68347197, 0.13353359, 0.18299439],
    ],
    "tf_keras-2.18.model": [
        [0.24888330, 0.10268510, 0.64843147],
        [0.08627270, 0.05209159, 0.86163568],
        [0.23041479, 0.47266009, 0.29692509],
        [0.10855419, 0.08497560, 0.80647021],
    ],
}


def photos() -> np.ndarray:
    """Noise, dark noise, plain grey, noise with little red: (4, 224, 224, 3), RGB, uint8."""
    noise = np.random.RandomState(1).randint(0, 256, (4, 224, 224, 3)).astype(np.float32)
    noise[1] *= np.float32(0.2)
    noise[2] = 200
    noise[3, :, :, 0] = 10
    return noise.astype(np.uint8)


def classify(path: Path, pixels: np.ndarray, engine: str = "keras", labels: int = 3) -> np.ndarray:
    run = open_classifier(path, labels, EngineOptions(engine, batch_size=4))
    outputs = list(run(enumerate(pixels)))
    assert [tag for tag, _ in outputs] == list(range(len(pixels)))
    return np.stack([output for _, output in outputs])


@pytest.mark.parametrize("engine", ["keras", "openvino"])
@pytest.mark.parametrize("name", LEGACY_PROBABILITIES)
def test_models_that_old_keras_saved_give_what_they_gave_there(name: str, engine: str) -> None:
    if engine == "openvino":
        pytest.importorskip("openvino")
    found = classify(LEGACY / name, photos(), engine)
    np.testing.assert_allclose(found, LEGACY_PROBABILITIES[name], atol=2e-6)


def test_a_model_made_the_tutorials_way_gets_the_mean_subtracted(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    base = keras.Input((224, 224, 3))
    maps = keras.layers.Conv2D(4, 32, strides=32, name="conv1_conv")(base)
    maps = keras.layers.BatchNormalization(axis=3, name="conv1_bn")(maps)
    head = keras.layers.AveragePooling2D(pool_size=(7, 7))(keras.layers.ReLU()(maps))
    head = keras.layers.Flatten(name="flatten")(head)
    head = keras.layers.Dropout(0.5)(keras.layers.Dense(512, activation="relu")(head))
    model = keras.Model(base, keras.layers.Dense(3, activation="softmax")(head))
    model.compile(
        loss="categorical_crossentropy",
        optimizer=keras.optimizers.SGD(learning_rate=1e-4, momentum=0.9),
        metrics=["accuracy"],
    )
    path = tmp_path / "activity.model"
    model.save(tmp_path / "model.h5")
    (tmp_path / "model.h5").rename(path)
    mean = np.array(IMAGENET_MEAN_RGB, np.float32)
    expected = model.predict_on_batch(photos().astype(np.float32) - mean)
    without = model.predict_on_batch(photos().astype(np.float32))
    assert np.abs(expected - without).max() > 1e-3
    np.testing.assert_allclose(classify(path, photos()), expected, atol=1e-5)


def test_a_model_of_train_py_is_taken_as_it_is(trained: Trained) -> None:
    expected = load_model(trained.model).predict_on_batch(photos().astype(np.float32))
    np.testing.assert_allclose(classify(trained.model, photos()), expected, atol=1e-6)


@pytest.mark.parametrize("labels", [2, 4])
def test_a_model_with_other_labels_than_the_binarizer_is_refused(
    labels: int, trained: Trained
) -> None:
    with pytest.raises(UserError, match=rf"gives 3 probabilities.* names {labels} .*one training"):
        classify(trained.model, photos(), labels=labels)


def takes_other_photos() -> keras.Model:
    pixels = keras.Input((64, 64, 1))
    return keras.Model(pixels, keras.layers.Dense(3)(keras.layers.Flatten()(pixels)))


def takes_no_photos() -> keras.Model:
    return keras.Sequential([keras.Input((10,)), keras.layers.Dense(3)])


def takes_two_inputs() -> keras.Model:
    pixels = [keras.Input((224, 224, 3)), keras.Input((224, 224, 3))]
    mean = keras.layers.GlobalAveragePooling2D()(keras.layers.Add()(pixels))
    return keras.Model(pixels, keras.layers.Dense(3)(mean))


def gives_maps() -> keras.Model:
    pixels = keras.Input((224, 224, 3))
    return keras.Model(pixels, keras.layers.Conv2D(3, 1)(pixels))


def gives_two_outputs() -> keras.Model:
    pixels = keras.Input((224, 224, 3))
    mean = keras.layers.GlobalAveragePooling2D()(pixels)
    return keras.Model(pixels, [keras.layers.Dense(3)(mean), keras.layers.Dense(3)(mean)])


def was_never_built() -> keras.Model:
    return keras.Sequential([keras.layers.Dense(3)])


FOREIGN = [
    *(takes_other_photos, takes_no_photos, takes_two_inputs),
    *(gives_maps, gives_two_outputs, was_never_built),
]


@pytest.mark.parametrize("make", FOREIGN)
def test_a_model_of_another_project_is_refused(
    make: Callable[[], keras.Model], tmp_path: Path
) -> None:
    path = tmp_path / "activity.model"
    binarizer = LabelBinarizer().fit(["a", "b", "c"])
    save_model_and_labels(make(), path, binarizer, tmp_path / "lb.pickle")
    with pytest.raises(UserError, match=r"the model .*: give (--model|the two files)"):
        classify(path, photos())
