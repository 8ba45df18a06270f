"""The frozen networks: preprocessing inside, weights from everywhere they may come from."""

from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.network import backbone as backbone_module
from activity.network import model_file
from activity.network.backbone import PREPROCESSING, build_backbone, fingerprint


@pytest.fixture(scope="module")
def untrained() -> keras.Model:
    return build_backbone("resnet50", "random")


def random_pixels(photos: int = 2) -> np.ndarray:
    shape = (photos, 224, 224, 3)
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)


def output_of_preprocessing(model: keras.Model, pixels: np.ndarray) -> np.ndarray:
    preprocessing = keras.Model(model.input, model.get_layer(PREPROCESSING).output)
    return preprocessing.predict_on_batch(pixels)


def test_resnet50_preprocesses_as_keras_does(untrained: keras.Model) -> None:
    pixels = random_pixels()
    expected = keras.applications.resnet50.preprocess_input(pixels.copy())
    np.testing.assert_allclose(output_of_preprocessing(untrained, pixels), expected, atol=1e-4)


def test_efficientnet_lite0_preprocesses_as_its_authors_did() -> None:
    model = build_backbone("efficientnet-lite0", "imagenet")
    pixels = random_pixels()
    expected = (pixels - 127) / 128
    np.testing.assert_allclose(output_of_preprocessing(model, pixels), expected, atol=1e-5)


def test_features_are_the_average_over_the_feature_map(untrained: keras.Model) -> None:
    pixels = random_pixels(1)
    network = untrained.get_layer("resnet50")
    feature_map = network.predict_on_batch(keras.applications.resnet50.preprocess_input(pixels))
    features = untrained.predict_on_batch(random_pixels(1))
    assert features.shape == (1, 2048)
    np.testing.assert_allclose(features, feature_map.mean(axis=(1, 2)), rtol=1e-4, atol=1e-5)


def test_nothing_in_a_backbone_is_trainable(untrained: keras.Model) -> None:
    assert untrained.trainable_weights == []


def test_an_untrained_backbone_is_always_the_same(untrained: keras.Model) -> None:
    keras.utils.set_random_seed(7)
    assert fingerprint(build_backbone("resnet50", "random")) == fingerprint(untrained)


def test_dropout_inside_a_network_draws_the_same_in_every_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    construct = backbone_module._construct
    # ImageNet weights would be downloaded.
    monkeypatch.setattr(backbone_module, "_construct", lambda kind, _: construct(kind, None))
    monkeypatch.setattr(backbone_module, "_has_plain_top", lambda _: False)
    drawn = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        backbone = build_backbone("efficientnet-b0", "imagenet")
        network = next(layer for layer in backbone.layers if isinstance(layer, keras.Model))
        layers = [layer for layer in network.layers if isinstance(layer, keras.layers.Dropout)]
        drawn.append([keras.ops.convert_to_numpy(layer.seed_generator.state) for layer in layers])
    assert drawn[0]
    np.testing.assert_array_equal(*drawn)


def test_fingerprint_changes_with_any_weight(untrained: keras.Model) -> None:
    before = fingerprint(untrained)
    bias = untrained.get_layer(PREPROCESSING).weights[1]
    original = keras.ops.convert_to_numpy(bias)
    try:
        bias.assign(original + 1)
        assert fingerprint(untrained) != before
    finally:
        bias.assign(original)
    assert fingerprint(untrained) == before


def write_published_layout(network: keras.Model, path: Path) -> None:
    """Write weights as the files that Keras publishes hold them: one group a layer, by order."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in network.layers]
        for layer in network.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{number}:0" for number, _ in enumerate(layer.weights)]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.get_weights(), strict=True):
                group[name] = weight


def changed(network: keras.Model) -> keras.Model:
    network.set_weights([weight + np.float32(0.25) for weight in network.get_weights()])
    return network


@pytest.mark.parametrize("layout", ["published", "keras3"])
def test_weights_come_from_a_file_of_either_layout_and_any_name(
    layout: str, tmp_path: Path
) -> None:
    network = changed(keras.applications.ResNet50(include_top=False, weights=None))
    path = tmp_path / "notop.bin"
    if layout == "published":
        write_published_layout(network, path)
    else:
        network.save_weights(tmp_path / "copy.weights.h5")
        (tmp_path / "copy.weights.h5").rename(path)
    loaded = build_backbone("resnet50", str(path)).get_layer("resnet50")
    for mine, theirs in zip(loaded.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_weights_of_another_network_are_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "resnet101.weights.h5"
    # The same layers in the same order, and more of them: all that Keras looks for is there.
    keras.applications.ResNet101(include_top=False, weights=None).save_weights(path)
    with pytest.raises(UserError, match="do not fit a resnet50"):
        build_backbone("resnet50", str(path))


def test_a_text_file_as_weights_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "weights.h5").write_text("not HDF5")
    with pytest.raises(UserError, match="is not a file of weights"):
        build_backbone("efficientnet-lite0", str(tmp_path / "weights.h5"))


def test_missing_weights_are_a_clear_error(tmp_path: Path) -> None:
    for missing in (tmp_path / "none.h5", tmp_path, tmp_path / ("n" * 5000)):
        with pytest.raises(UserError, match=r"cannot read the weights .*; give --weights"):
            build_backbone("efficientnet-lite0", str(missing))


def test_weights_in_another_file_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["stolen"] = h5py.ExternalLink("/etc/hostname", "/")
    with pytest.raises(UserError, match="points to weights in another place"):
        build_backbone("efficientnet-lite0", str(tmp_path / "weights.h5"))


def test_weights_on_which_hdf5_never_returns_are_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sleeps.py").write_text("import time; time.sleep(100)")
    monkeypatch.setattr(model_file, "__file__", str(tmp_path / "sleeps.py"))
    monkeypatch.setattr(model_file, "_TIMEOUT", 1)
    sound = backbone_module._SHIPPED_WEIGHTS  # only the process that looks at it gives up
    with pytest.raises(UserError, match=r"is not a file of weights .*damaged"):
        build_backbone("efficientnet-lite0", str(sound))


def test_shipped_weights_that_were_changed_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytearray(backbone_module._SHIPPED_WEIGHTS.read_bytes())
    content[-1] ^= 1
    (tmp_path / "shipped.h5").write_bytes(content)
    monkeypatch.setattr(backbone_module, "_SHIPPED_WEIGHTS", tmp_path / "shipped.h5")
    with pytest.raises(UserError, match="not the file that was shipped"):
        build_backbone("efficientnet-lite0", "imagenet")
