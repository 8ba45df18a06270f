"""The networks of the table: each takes what its authors trained it with, and can be saved."""

import csv
import re
import shutil
import sys
from contextlib import closing
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import predict_video
from activity.common.errors import UserError
from activity.media.clip import VideoSource
from activity.media.frame import Frame
from activity.network.artifacts import load_model
from activity.network.backbone import (
    PREPROCESSING,
    build_backbone,
    frozen_convolution,
    split_backbone,
)
from activity.network.networks import NETWORKS, format_networks, network_name
from tests.conftest import COLOURS_BGR, ROOT, RunMain, RunScript, draw_photo
from tests.network.test_backbone import write_published_layout

DEVIATION = np.array([0.229, 0.224, 0.225])

DOCUMENTED = {
    "ResNet": keras.applications.resnet.preprocess_input,
    "ResNetV2": keras.applications.resnet_v2.preprocess_input,
    "MobileNetV2": keras.applications.mobilenet_v2.preprocess_input,
    "DenseNet": keras.applications.densenet.preprocess_input,
    # Of these, Keras has it inside the network, and its documentation gives it in words.
    "MobileNetV3": lambda pixels: pixels / 127.5 - 1,
    "EfficientNet": lambda pixels: (pixels / 255 - [0.485, 0.456, 0.406]) / DEVIATION,
    "EfficientNetV2B": lambda pixels: (pixels / 255 - [0.485, 0.456, 0.406]) / DEVIATION,
    "EfficientNetV2": lambda pixels: pixels / 128 - 1,
    "ConvNeXt": lambda pixels: (pixels / 255 - [0.485, 0.456, 0.406]) / DEVIATION,
}

ONE_OF_A_FAMILY = ("mobilenetv3-small", "convnext-tiny", "efficientnetv2-b0", "efficientnet-b0")


def family(constructor: str) -> str:
    if constructor.startswith("ResNet"):
        return "ResNetV2" if constructor.endswith("V2") else "ResNet"
    return max((name for name in DOCUMENTED if constructor.startswith(name)), key=len)


def output_of(model: keras.Model, inputs: np.ndarray) -> np.ndarray:
    """Call a model as it is: for a single photo, that is quicker than to compile it first."""
    return keras.ops.convert_to_numpy(model(inputs, training=False))


def pixels_of_a_photo(side: int) -> np.ndarray:
    photo = Frame(draw_photo("red", np.random.default_rng(0))).network_input(side=side)
    return photo[np.newaxis].astype(np.float32)


@pytest.mark.parametrize("name", [name for name in NETWORKS if NETWORKS[name].constructor])
def test_preprocessing_is_what_keras_documents(name: str) -> None:
    network = NETWORKS[name]
    layer = frozen_convolution(
        PREPROCESSING, network.preprocessing.kernel, network.preprocessing.bias
    )
    pixels = pixels_of_a_photo(network.side)
    expected = DOCUMENTED[family(str(network.constructor))](pixels.copy())
    found = keras.ops.convert_to_numpy(layer(pixels))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


def learned(network: keras.Model) -> keras.Model:
    """Give a network weights that are neither those it starts with nor the same everywhere."""
    random = np.random.default_rng(0)
    for layer in network.layers:
        if isinstance(layer, keras.layers.Normalization):
            if layer.get_weights():
                mean, count = np.array([0.485, 0.456, 0.406]), layer.get_weights()[2]
                layer.set_weights([mean, DEVIATION**2, count])
                layer.finalize_state()
            continue
        layer.set_weights(
            [
                weight + random.uniform(0.05, 0.2, weight.shape) * (weight.ndim == 1)
                for weight in layer.get_weights()
            ]
        )
    return network


@pytest.mark.parametrize("name", ONE_OF_A_FAMILY)
def test_features_are_those_of_keras_s_network_with_the_same_weights(
    name: str, tmp_path: Path
) -> None:
    """From a file as Keras publishes them; and so they stay in every format, and in two halves."""
    network = NETWORKS[name]
    # With the preprocessing inside that Keras puts there.
    pooling = network.options.get("pooling")
    original = learned(
        getattr(keras.applications, str(network.constructor))(
            include_top=False, weights=None, pooling=pooling, input_shape=(network.side,) * 2 + (3,)
        )
    )
    write_published_layout(original, tmp_path / "notop.h5")
    backbone = build_backbone(name, str(tmp_path / "notop.h5"))
    pixels = pixels_of_a_photo(network.side)
    expected = output_of(original, pixels)
    expected = expected if pooling else expected.mean(axis=(1, 2))
    features = output_of(backbone, pixels)
    small = 1e-4 * np.abs(expected).max()
    np.testing.assert_allclose(features, expected, rtol=1e-3, atol=small)
    frozen, learning = split_backbone(backbone)
    assert len(learning.weights) < len(backbone.weights) / 2
    halves = output_of(learning, output_of(frozen, pixels))
    np.testing.assert_allclose(halves, features, rtol=1e-3, atol=small)
    for ending in (".keras", ".h5"):
        backbone.save(tmp_path / f"backbone{ending}")
        loaded = load_model(tmp_path / f"backbone{ending}")
        np.testing.assert_allclose(output_of(loaded, pixels), features, rtol=1e-3, atol=small)


@pytest.mark.parametrize(
    ("name", "file"), [("mobilenetv3-small", "a.model"), ("EfficientNetV2B1", "a.h5")]
)
def test_a_network_trains_and_predicts(
    name: str,
    file: str,
    run_train: RunMain,
    photo_folders: Path,
    flickering_clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And the last line of training says how a program of one's own opens the model."""
    model, labels, table = (tmp_path / name for name in (file, "lb.pickle", "a.csv"))
    printed = run_train(
        *("-d", photo_folders, "-m", model, "-l", labels, "-p", tmp_path / "plot.png"),
        *("--backbone", name, "--weights", "random", "-e", 3, "--views", 1),
        *("--cache", "off", "--engine", "keras"),
    )
    last = printed.splitlines()[-1]
    assert "RGB pixels 0..255, subtract nothing" in last
    (named,) = re.findall(r'keras\.models\.load_model\("(.*?)"\)', last)
    if Path(named) != model:
        assert f"a copy of {model}" in last
        shutil.copy(model, named)
    side = NETWORKS[network_name(name)].side
    pixels = pixels_of_a_photo(side)
    opened = output_of(keras.models.load_model(named), pixels)
    np.testing.assert_array_equal(opened, output_of(load_model(model), pixels))

    flags = ("-m", model, "-l", labels, "-i", flickering_clip, "--csv", table, "--stride", 30)
    flags += ("--cache", "off", "--engine", "keras")
    monkeypatch.setattr(sys, "argv", ["predict_video.py", *map(str, flags)])
    predict_video.main()
    with table.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 120
    with closing(VideoSource(flickering_clip)) as source:
        first = next(source.frames()).pixels
    expected = load_model(model).predict_on_batch(
        Frame(first).network_input(side=side)[np.newaxis].astype(np.float32)
    )[0]
    found = [float(rows[0][f"p_{label}"]) for label in sorted(COLOURS_BGR)]
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_weights_that_do_not_fit_are_a_clear_error(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["kernel"] = np.zeros((3, 3, 3, 16), np.float32)
    with pytest.raises(UserError, match=r"do not fit a MobileNetV3Small without its top"):
        build_backbone("mobilenetv3-small", str(tmp_path / "weights.h5"))


@pytest.mark.parametrize("name", ["mobilenetv3-small", "convnext-tiny"])
def test_imagenet_weights_that_cannot_be_downloaded_name_the_ways_out(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nothing listens
    monkeypatch.setattr(keras.src.utils.file_utils.config, "keras_home", lambda: str(tmp_path))
    with pytest.raises(UserError, match="cannot be downloaded") as raised:
        build_backbone(name, "imagenet")
    message = str(raised.value)
    assert f"--weights FILE with a copy of {NETWORKS[name].weights_file};" in message
    assert "--weights random" in message
    assert "\n" not in message


@pytest.mark.parametrize("spelled", ["convnext-tiny", "ConvNeXtTiny", "convnext_tiny"])
def test_a_network_is_known_by_keras_s_name_for_it(spelled: str) -> None:
    assert network_name(spelled) == "convnext-tiny"


def test_every_network_has_a_line_in_help_and_every_name_of_keras_is_known() -> None:
    lines = format_networks().splitlines()[1:]
    assert [line.split()[0] for line in lines] == list(NETWORKS)
    for line in lines:
        assert len(line) <= 100
    for name, network in NETWORKS.items():
        if network.constructor is not None:
            assert hasattr(keras.applications, network.constructor)
            assert network_name(network.constructor) == name


def test_an_unknown_network_is_refused_with_those_there_are(
    run_script: RunScript, tmp_path: Path
) -> None:
    done = run_script(
        *("train.py", "-d", tmp_path, "-m", tmp_path / "m", "-l", tmp_path / "l"),
        *("--backbone", "resnet49"),
    )
    assert done.returncode == 2
    assert (
        "there is no network 'resnet49': use one of resnet50, efficientnet-lite0, " in done.stderr
    )


def test_the_table_in_the_docs_is_that_of_help() -> None:
    text = (ROOT / "docs/networks.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip(" `") for cell in line.split("|")[1:-1]]
        for line in text.splitlines()
        if line.startswith("| `")
    ]
    for name, network in NETWORKS.items():
        megabytes, side = f"{network.megabytes:.1f}", str(network.side)
        assert [name, megabytes, side, f"{network.speed:g}", network.purpose] in rows
    assert [row[0] for row in rows] == list(NETWORKS)
