"""EfficientNet-Lite0 with its shipped weights computes what the reference implementation does.

efficientnet_lite0_reference.json holds what `EfficientNet.extract_features` of the PyPI package
efficientnet-lite-pytorch 0.1.0 (PyTorch 2.13.0, float32, the unconverted weights), averaged over
the 7x7 positions, gives for the photos drawn here: norm and mean of the 1280 features, and
the 48 strongest. So the tests need neither PyTorch nor that package.
"""

import hashlib
import json
import sys
from pathlib import Path

import keras
import numpy
import pytest

from activity.network.efficientnet_lite0 import efficientnet_lite0
from tests.conftest import ROOT

REFERENCE = json.loads(Path(__file__).with_name("efficientnet_lite0_reference.json").read_text())
WEIGHTS = ROOT / "activity/network/weights/efficientnet-lite0.weights.h5"
TOLERANCE = 1e-3

# Trainable parameters as the authors' own test counts them (tensorflow/tpu, models/official/
# efficientnet/lite/efficientnet_lite_builder_test.py), and those of the classifier left out here.
PUBLISHED_PARAMETERS = 4_652_008
CLASSIFIER_PARAMETERS = 1280 * 1000 + 1000


def draw_photos() -> dict[str, numpy.ndarray]:
    """Four RGB photos, (224, 224, 3) uint8, in integer arithmetic: the same on every machine.

    Height and width, and the three channels, differ, so that no swap of them goes unseen.
    """
    row, column = numpy.indices((224, 224), dtype=numpy.uint32)
    from_centre = (row - 90) ** 2 + (column - 130) ** 2
    cell = (row // 8) * 28 + column // 8
    photos = {
        "gradient": [row, column, 223 - (row + column) // 2],
        "checkers": [
            (row // 28 + column // 28) % 2 * 200,
            (row // 16 + column // 32) % 2 * 255,
            column // 2,
        ],
        "rings": [from_centre // 64, from_centre // 96, from_centre // 160],
        # A linear congruential generator, of which the upper bits look random.
        "noise": [((cell * 3 + channel) * 1_103_515_245 + 12_345) >> 16 for channel in range(3)],
    }
    return {
        name: (numpy.stack(channels, axis=-1) % 256).astype(numpy.uint8)
        for name, channels in photos.items()
    }


def scale(photo: numpy.ndarray) -> numpy.ndarray:
    """(224, 224, 3) uint8 to the network's input, (1, 224, 224, 3) float32."""
    return (photo[numpy.newaxis].astype(numpy.float32) - 127) / 128


@pytest.fixture(scope="module")
def network() -> keras.Model:
    model = efficientnet_lite0()
    model.load_weights(WEIGHTS)
    model.trainable = False
    return model


def test_gives_a_feature_map_of_float32(network: keras.Model) -> None:
    assert network.input_shape == (None, 224, 224, 3)
    assert network.output_shape == (None, 7, 7, 1280)
    assert network.output.dtype == "float32"
    assert {variable.dtype for variable in network.variables} == {"float32"}


def test_has_as_many_parameters_as_published() -> None:
    counted = sum(
        numpy.prod(variable.shape) for variable in efficientnet_lite0().trainable_variables
    )
    assert counted == PUBLISHED_PARAMETERS - CLASSIFIER_PARAMETERS == 3_371_008


def test_weights_stay_under_eight_megabytes() -> None:
    assert WEIGHTS.stat().st_size < 8_000_000


@pytest.mark.parametrize("name", REFERENCE)
def test_pooled_features_equal_the_reference(network: keras.Model, name: str) -> None:
    photo, expected = draw_photos()[name], REFERENCE[name]
    assert hashlib.sha256(photo.tobytes()).hexdigest() == expected["photo_sha256"]

    feature_map = keras.ops.convert_to_numpy(network(scale(photo), training=False))
    features = feature_map.mean(axis=(0, 1, 2))

    difference = features[expected["channels"]] - expected["values"]
    assert numpy.linalg.norm(difference) < TOLERANCE * expected["norm"]
    assert numpy.abs(difference).max() < TOLERANCE * max(expected["values"])
    assert numpy.linalg.norm(features) == pytest.approx(expected["norm"], rel=TOLERANCE)
    assert features.mean() == pytest.approx(expected["mean"], rel=TOLERANCE)


@pytest.mark.skipif(
    sys.version_info >= (3, 13),
    reason="OpenVINO 2026.4 converts nothing from TensorFlow there; train.py exports without it",
)
def test_openvino_computes_the_same(network: keras.Model, tmp_path: Path) -> None:
    openvino = pytest.importorskip("openvino")
    exported = str(tmp_path / "network.xml")  # Keras takes no Path here
    network.export(exported, format="openvino", verbose=False)
    # Some processors would otherwise compute in bfloat16.
    precision = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(exported, "CPU", precision)
    photo = scale(draw_photos()["rings"])
    expected = keras.ops.convert_to_numpy(network(photo, training=False))
    numpy.testing.assert_allclose(compiled(photo)[0], expected, rtol=0, atol=1e-4)
