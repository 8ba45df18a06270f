"""Saved models as classifiers: those of ``train.py`` and those the tutorial's script wrote."""

import hashlib
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.preprocessing import LabelBinarizer

from activity.common.errors import UserError
from activity.media.frame import Frame
from activity.network import classifier as classifier_module
from activity.network.artifacts import load_input_side, load_model, save_classifier
from activity.network.backbone import PREPROCESSING, frozen_convolution
from activity.network.classifier import Classifier
from activity.network.engine import EngineOptions
from activity.network.networks import IMAGENET_MEAN_RGB
from activity.temporal.learned import LearnedSpan
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
    with tempfile.TemporaryDirectory() as folder:
        label_bin = Path(folder) / "lb.pickle"
        label_bin.write_bytes(pickle.dumps(LabelBinarizer().fit(list("abcd"[:labels]))))
        run = Classifier.load(path, label_bin).open(EngineOptions(engine, batch_size=4))
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


def takes_oblong_photos() -> keras.Model:
    pixels = keras.Input((64, 96, 3))
    return keras.Model(pixels, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(pixels)))


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
    *(takes_other_photos, takes_oblong_photos, takes_no_photos, takes_two_inputs),
    *(gives_maps, gives_two_outputs, was_never_built),
]


@pytest.mark.parametrize("make", FOREIGN)
def test_a_model_of_another_project_is_refused(
    make: Callable[[], keras.Model], tmp_path: Path
) -> None:
    path = tmp_path / "activity.model"
    binarizer = LabelBinarizer().fit(["a", "b", "c"])
    save_classifier(make(), binarizer, model_path=path, label_bin_path=tmp_path / "lb.pickle")
    with pytest.raises(UserError, match=r"the model .*: give (--model|the two files)"):
        classify(path, photos())


def of_side(side: int, kind: str) -> keras.Model:
    """A model of photos of another size, whose answers are the mean colour: red, green, blue."""
    pixels = keras.Input((side, side, 3))
    scale = frozen_convolution(PREPROCESSING, np.eye(3) / 255, np.zeros(3, np.float32))
    layers = [scale, keras.layers.GlobalAveragePooling2D()]
    if kind == "Sequential":
        return keras.Sequential([pixels, *layers])
    inner = keras.Model(pixels, layers[1](scale(pixels)))
    if kind == "Functional":
        return inner
    return keras.Sequential([keras.Input((side, side, 3)), inner, keras.layers.Flatten()])


@pytest.mark.parametrize("name", ["activity.model", "activity.h5"])
@pytest.mark.parametrize("kind", ["Functional", "Sequential", "nested"])
def test_the_side_of_the_photos_is_read_from_the_model(
    kind: str, name: str, tmp_path: Path
) -> None:
    files = {"model_path": tmp_path / name, "label_bin_path": tmp_path / "lb.pickle"}
    save_classifier(of_side(96, kind), LabelBinarizer().fit(["a", "b", "c"]), **files)
    classifier = Classifier.load(*files.values())
    assert classifier.side == 96


@pytest.mark.parametrize("name", LEGACY_PROBABILITIES)
def test_the_side_is_read_from_what_old_keras_saved(name: str) -> None:
    assert load_input_side(LEGACY / name) == 224


def test_a_model_of_another_size_sees_photos_of_that_size(tmp_path: Path) -> None:
    files = {"model_path": tmp_path / "m", "label_bin_path": tmp_path / "lb.pickle"}
    save_classifier(of_side(96, "Functional"), LabelBinarizer().fit(["a", "b", "c"]), **files)
    opened = Classifier.load(*files.values()).open(EngineOptions("keras"))
    # BGR: blue on both sides, red in the middle.
    photo = np.full((100, 300, 3), (255, 0, 0), np.uint8)
    photo[:, 100:200] = (0, 0, 255)
    pixels = opened.network_input(Frame(photo))
    assert (pixels.shape, pixels.dtype) == ((96, 96, 3), np.uint8)
    ((tag, answer),) = opened([("photo", pixels)])
    assert tag == "photo"
    np.testing.assert_allclose(answer, [1, 0, 0], atol=1e-6)


def test_what_was_learned_from_is_kept_as_far_as_there_is_room(tmp_path: Path) -> None:
    files = {"model_path": tmp_path / "m", "label_bin_path": tmp_path / "lb.pickle"}
    binarizer = LabelBinarizer().fit(["a", "b", "c"])
    learned = (LearnedSpan("0" * 64, 0, 2.5), LearnedSpan("f" * 64, 1, float("inf")))
    for stretches, kept in [(learned, learned), (None, None), ((), ()), (learned * 60_000, None)]:
        save_classifier(of_side(32, "Functional"), binarizer, learned=stretches, **files)
        assert Classifier.load(*files.values()).learned == kept


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    model, label_bin = tmp_path / "m", tmp_path / "lb.pickle"
    for framing in ("centre", "squashed"):
        save_classifier(
            of_side(224, "Functional"),
            LabelBinarizer().fit(["football", "tennis", "yoga"]),
            known_confidence=[0.5, 0.75],
            unsure=0.1,
            framing=framing,
            model_path=model,
            label_bin_path=label_bin,
        )
        classifier = Classifier.load(model, label_bin)
        assert classifier == Classifier(
            model=model,
            label_bin=label_bin,
            digest=hashlib.sha256(model.read_bytes()).hexdigest(),
            activities=("football", "tennis", "yoga"),
            framing=framing,
            side=224,
            known_confidence=(0.5, 0.75),
            unsure=0.1,
            unknown=False,
        )
        assert classifier.outputs == 3
        assert pickle.loads(pickle.dumps(classifier)) == classifier


def test_unknown_is_one_more_label_and_its_probability_the_last(trained: Trained) -> None:
    classifier = Classifier.load(trained.model, trained.label_bin)
    options = EngineOptions("openvino", cache_folder=trained.cache)
    asked = classifier.with_unknown()
    assert classifier.labels == ("blue", "green", "red")
    assert asked.labels == ("blue", "green", "red", "unknown")
    assert asked.outputs == 3
    grey = np.full((224, 224, 3), 110, np.uint8)
    ((_, plain),) = classifier.open(options)([(None, grey)])
    ((_, answer),) = asked.open(options)([(None, grey)])
    assert (plain.shape, answer.shape) == ((3,), (4,))
    assert answer.argmax() == 3


def test_a_damaged_model_says_no_side_and_is_refused_when_it_is_opened(
    trained: Trained, tmp_path: Path
) -> None:
    path = tmp_path / "activity.model"
    for content in (b"", b"text", trained.model.read_bytes()[:2000], b"\x89HDF\r\n\x1a\n" * 9):
        path.write_bytes(content)
        classifier = Classifier.load(path, trained.label_bin)
        assert classifier.side == 224
        with pytest.raises(UserError, match="cannot load the model"):
            classifier.open(EngineOptions("keras"))


def test_a_missing_file_is_named(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read the model .*gone"):
        Classifier.load(tmp_path / "gone", trained.label_bin)
    with pytest.raises(UserError, match=r"cannot read the label binarizer .*gone"):
        Classifier.load(trained.model, tmp_path / "gone")


def colour_blind(trained: Trained, folder: Path) -> tuple[Path, Path]:
    """Write a model with the labels of ``trained`` that gives each the same probability."""
    model = load_model(trained.model)
    model.set_weights([np.zeros_like(weights) for weights in model.get_weights()])
    binarizer = LabelBinarizer().fit(Classifier.load(trained.model, trained.label_bin).activities)
    files = folder / "later.model", folder / "later.pickle"
    save_classifier(model, binarizer, model_path=files[0], label_bin_path=files[1])
    return files


@pytest.mark.parametrize("engine", ["keras", "openvino"])
def test_a_model_that_is_replaced_before_it_is_opened_is_noticed(
    engine: str, trained: Trained, tmp_path: Path
) -> None:
    model = tmp_path / "activity.model"
    model.write_bytes(trained.model.read_bytes())
    classifier = Classifier.load(model, trained.label_bin)
    colour_blind(trained, tmp_path)[0].replace(model)
    options = EngineOptions(engine, cache_folder=tmp_path / "cache")
    with pytest.raises(UserError, match=f"the model {model} was replaced .*: start it again"):
        classifier.open(options)
    # What another run may have been told is of this model: nothing is kept under its name.
    assert not list(tmp_path.glob(f"cache/exports/{classifier.digest}*"))
    Classifier.load(model, trained.label_bin).open(options)


def test_labels_that_are_replaced_while_the_model_is_read_are_noticed(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = tmp_path / "lb.pickle"
    labels.write_bytes(trained.label_bin.read_bytes())

    def replaced_meanwhile(path: Path, _: Path) -> str:
        labels.write_bytes(pickle.dumps(LabelBinarizer().fit(["chess", "go", "rowing"])))
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(classifier_module, "hash_model", replaced_meanwhile)
    with pytest.raises(UserError, match="was replaced while it was read"):
        Classifier.load(trained.model, labels)
