"""The names of ImageNet, and the classifiers that give them."""

from pathlib import Path

import keras
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.network import backbone as backbone_module
from activity.network.backbone import build_with_classifier
from activity.network.imagenet_names import (
    NAMES,
    heaviest_names,
    imagenet_names,
    probabilities_of_names,
)
from activity.network.networks import NETWORKS, Network
from tests.network.test_backbone import write_published_layout

WITH_TOP = ["mobilenetv2", "efficientnet-b0"]


def whole_network(name: str) -> keras.Model:
    """A network with its top and with weights that are none it starts with."""
    network = NETWORKS[name]
    whole = getattr(keras.applications, str(network.constructor))(
        include_top=True, weights=None, input_shape=(network.side, network.side, 3)
    )
    random = np.random.default_rng(0)
    kernel, bias = whole.layers[-1].get_weights()
    # A new network's names are all alike.
    whole.layers[-1].set_weights([kernel * 40, random.normal(size=bias.shape).astype(np.float32)])
    return whole


def pixels_of(side: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (2, side, side, 3)).astype(np.float32)


def as_keras_prepares(name: str, pixels: np.ndarray) -> np.ndarray:
    return pixels / 127.5 - 1 if name == "mobilenetv2" else pixels


def test_there_are_a_thousand_names_in_imagenets_order() -> None:
    names = imagenet_names()
    assert len(names) == len({*names}) == NAMES
    known = {0: "tench", 429: "baseball", 430: "basketball", 752: "racket", 805: "soccer ball"}
    assert {number: names[number] for number in known} == known
    assert names[-1] == "toilet tissue"


def test_the_heaviest_names_come_first_and_light_ones_not_at_all() -> None:
    weights = np.zeros(NAMES)
    weights[[429, 981, 5]] = 0.3, 0.5, 0.05
    assert heaviest_names(weights, 3) == ["ballplayer", "baseball"]
    assert heaviest_names(weights, 1) == ["ballplayer"]
    assert heaviest_names(np.zeros(NAMES), 3) == []


def test_the_shipped_network_brings_its_classifier() -> None:
    backbone, classifier = build_with_classifier("efficientnet-lite0", "imagenet")
    assert classifier is not None
    assert classifier.shape == (backbone.output_shape[-1] + 1, NAMES)
    assert np.isfinite(classifier).all()


def test_a_shipped_classifier_that_was_changed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytearray(backbone_module._SHIPPED_CLASSIFIER.read_bytes())
    content[-1] ^= 1
    (tmp_path / "changed.npy").write_bytes(content)
    monkeypatch.setattr(backbone_module, "_SHIPPED_CLASSIFIER", tmp_path / "changed.npy")
    with pytest.raises(UserError, match="is not the file that was shipped"):
        build_with_classifier("efficientnet-lite0", "imagenet")


@pytest.mark.real_data
def test_photos_bear_the_names_of_what_they_show(real_data: Path) -> None:
    from activity.media.frame import Frame
    from activity.media.photo import decode_image

    backbone, classifier = build_with_classifier("efficientnet-lite0", "imagenet")
    assert classifier is not None
    for activity, expected in (("tennis", "racket"), ("weight_lifting", "barbell")):
        photos = []
        for path in sorted((real_data / "sports" / activity).glob("*.jpg"))[:40]:
            photo = decode_image(path.read_bytes())
            if photo is not None:
                photos.append(Frame(photo).network_input())
        features = backbone.predict(np.stack(photos).astype(np.float32), verbose=0)
        names = probabilities_of_names(features, classifier)
        assert expected in heaviest_names(names.mean(axis=0), 3)


@pytest.mark.parametrize("name", WITH_TOP)
def test_a_file_with_the_top_gives_the_names_that_keras_gives(name: str, tmp_path: Path) -> None:
    whole = whole_network(name)
    write_published_layout(whole, tmp_path / "with_top.bin")
    backbone, classifier = build_with_classifier(name, str(tmp_path / "with_top.bin"))
    assert classifier is not None
    pixels = pixels_of(NETWORKS[name].side)
    expected = whole.predict(as_keras_prepares(name, pixels), verbose=0)
    names = probabilities_of_names(backbone.predict(pixels, verbose=0), classifier)
    assert expected.max() > 0.004, "names differ"
    np.testing.assert_allclose(names, expected, atol=1e-3, rtol=0.02)
    np.testing.assert_allclose(names.sum(axis=1), 1, rtol=1e-5)


def test_weights_without_a_top_have_no_names(tmp_path: Path) -> None:
    network = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(224, 224, 3)
    )
    write_published_layout(network, tmp_path / "notop.h5")
    assert build_with_classifier("mobilenetv2", str(tmp_path / "notop.h5"))[1] is None
    assert build_with_classifier("mobilenetv2", "random")[1] is None


def test_imagenet_weights_are_downloaded_with_the_top_where_that_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = whole_network("mobilenetv2")
    asked: list[str | None] = []
    construct = backbone_module._construct

    def download(kind: Network, weights: str | None, *, top: bool = False) -> keras.Model:
        if not top:
            return construct(kind, weights)
        asked.append(weights)
        return whole

    monkeypatch.setattr(backbone_module, "_construct", download)
    backbone, classifier = build_with_classifier("mobilenetv2", "imagenet")
    assert asked == ["imagenet"]
    assert classifier is not None
    kernel, bias = whole.layers[-1].get_weights()
    np.testing.assert_allclose(classifier, np.vstack([kernel, bias]), rtol=1e-3, atol=1e-4)
    inside = next(layer for layer in backbone.layers if isinstance(layer, keras.Model))
    for mine, theirs in zip(inside.get_weights(), whole.get_weights()[:-2], strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_file_without_the_top_that_is_there_already_will_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    construct = backbone_module._construct

    def offline(kind: Network, _: str | None, *, top: bool = False) -> keras.Model:
        if top:
            raise Exception("URL fetch failure")
        return construct(kind, None)

    monkeypatch.setattr(backbone_module, "_construct", offline)
    backbone, classifier = build_with_classifier("mobilenetv2", "imagenet")
    assert (backbone.output_shape, classifier) == ((None, 1280), None)
