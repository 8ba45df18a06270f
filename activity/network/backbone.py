"""The frozen networks: their weights, their preprocessing, the features they give."""

import hashlib
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from activity.common.errors import UserError
from activity.common.keras_settings import load_keras
from activity.common.writing import give_second_name
from activity.media.photo import INPUT_SIZE
from activity.network.efficientnet_lite0 import efficientnet_lite0
from activity.network.model_file import in_own_process, read_weight_shapes

IMAGENET = "imagenet"
RANDOM = "random"

IMAGENET_MEAN_RGB = (123.68, 116.779, 103.939)
"""Mean of ImageNet's training pixels, as in ``keras.applications.resnet50.preprocess_input``."""

PREPROCESSING = "preprocessing"
"""Name of the layer that tells a model with preprocessing inside from one without."""

# An untrained backbone is always the same one, whatever --seed says: its features can then be
# kept from run to run, and --seed changes what is trained on them.
_RANDOM_WEIGHTS_SEED = 42

_SHIPPED_WEIGHTS = Path(__file__).parent / "weights" / "efficientnet-lite0.weights.h5"
_SHIPPED_SHA256 = "48bd47ddee68b77dba058cb05edae5ec4fd95b944bac662b8f2154f2e5d3a6aa"


def build_backbone(name: str, weights: str) -> keras.Model:
    """Build a frozen network with its preprocessing before and pooling behind it.

    Args:
        name: one of ``activity.network.arguments.BACKBONES``.
        weights: ``"imagenet"``, ``"random"`` (untrained), or the path of a file with weights of
            this network without its top.

    Returns:
        Model from RGB pixels 0..255, shape (batch, 224, 224, 3), to features, float32, shape
        (batch, 2048) for ResNet50 and (batch, 1280) for EfficientNet-Lite0. Nothing in it is
        trainable.

    Raises:
        UserError: the weights cannot be downloaded, found, or do not fit.
    """
    load_keras()
    kind = _BACKBONES[name]
    pixels = keras.Input((INPUT_SIZE, INPUT_SIZE, 3), name="pixels")
    preprocessing = frozen_convolution(PREPROCESSING, *kind.preprocessing)
    feature_map = _with_weights(kind, weights)(preprocessing(pixels))
    pooled = keras.layers.AveragePooling2D(feature_map.shape[1:3], name="pooling")(feature_map)
    backbone = keras.Model(pixels, keras.layers.Flatten(name="features")(pooled), name=name)
    # A frozen batch norm uses its stored statistics also while the head is trained.
    backbone.trainable = False
    return backbone


def split_backbone(backbone: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Split a backbone into the stages that stay frozen, and the last ones, which can be tuned.

    Both share the backbone's layers: what is learned in the second, the backbone has learned.

    Returns:
        (frozen, learning): from RGB pixels 0..255 to a feature map, shape (batch, 14, 14, 112) for
        EfficientNet-Lite0 and (batch, 14, 14, 1024) for ResNet50; and from that to features.
    """
    network = next(layer for layer in backbone.layers if isinstance(layer, keras.Model))
    between = network.get_layer(_BACKBONES[backbone.name].last_frozen_layer).output
    pixels = keras.Input(backbone.input_shape[1:], name="pixels")
    first = keras.Model(network.input, between)
    frozen = keras.Model(
        pixels,
        first(backbone.get_layer(PREPROCESSING)(pixels)),
        name=f"{backbone.name}-frozen-stages",
    )
    inputs = keras.Input(between.shape[1:], name="feature_map")
    outputs = keras.Model(between, network.output)(inputs)
    for layer in (backbone.get_layer("pooling"), backbone.get_layer("features")):
        outputs = layer(outputs)
    return frozen, keras.Model(inputs, outputs)


def fingerprint(model: keras.Model) -> str:
    """Hash all that a frozen model's outputs depend on: its name and every weight.

    Returns:
        SHA-256 as 64 hexadecimal digits, the same in every process.
    """
    digest = hashlib.sha256(model.name.encode())
    for weight in model.weights:
        values = np.ascontiguousarray(keras.ops.convert_to_numpy(weight))
        digest.update(f"{values.shape} {values.dtype}".encode())
        digest.update(values.data)
    return digest.hexdigest()


def frozen_convolution(
    name: str, kernel: NDArray[np.float32], bias: NDArray[np.float32]
) -> keras.layers.Layer:
    """Make a 1x1 convolution that computes ``pixel @ kernel + bias`` and is never trained.

    All preprocessing is one of these. It is exact, and an ordinary layer that every file format
    carries; ``preprocess_input`` itself would become operations that an HDF5 file cannot hold.

    Args:
        name: of the layer.
        kernel: shape (3, 3), from colours to colours.
        bias: shape (3,).
    """
    layer = keras.layers.Conv2D(3, 1, name=name, trainable=False)
    layer.build((None, INPUT_SIZE, INPUT_SIZE, 3))
    layer.set_weights([kernel[np.newaxis, np.newaxis], bias])
    return layer


class _Backbone(NamedTuple):
    untrained: Callable[[], keras.Model]
    imagenet: Callable[[], keras.Model]
    preprocessing: tuple[NDArray[np.float32], NDArray[np.float32]]
    last_frozen_layer: str  # when the last stages are fine-tuned


def _resnet50(weights: str | None = None) -> keras.Model:
    return keras.applications.ResNet50(
        include_top=False, weights=weights, input_shape=(INPUT_SIZE, INPUT_SIZE, 3)
    )


def _imagenet_resnet50() -> keras.Model:
    try:
        return _resnet50("imagenet")
    except Exception as error:
        # Keras raises a bare Exception when a download fails, ValueError on a bad hash.
        raise UserError(
            "the ImageNet weights of ResNet50 are not on this machine and cannot be downloaded "
            "(no network?). Ways out: --weights FILE with a copy of "
            "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5; --weights random for an "
            "untrained network; or --backbone efficientnet-lite0, which brings its own"
        ) from error


def _imagenet_efficientnet_lite0() -> keras.Model:
    found = hashlib.sha256(_SHIPPED_WEIGHTS.read_bytes()).hexdigest()
    if found != _SHIPPED_SHA256:
        raise UserError(
            f"{_SHIPPED_WEIGHTS} is not the file that was shipped: fetch the project again"
        )
    network = efficientnet_lite0()
    network.load_weights(_SHIPPED_WEIGHTS)
    return network


# ResNet50 takes what resnet50.preprocess_input gives: BGR minus the mean. EfficientNet-Lite0
# takes RGB, (pixel - 127) / 128, as its authors trained it.
_BACKBONES = {
    "resnet50": _Backbone(
        _resnet50,
        _imagenet_resnet50,
        (np.eye(3, dtype=np.float32)[::-1], -np.array(IMAGENET_MEAN_RGB[::-1], np.float32)),
        "conv4_block6_out",
    ),
    "efficientnet-lite0": _Backbone(
        efficientnet_lite0,
        _imagenet_efficientnet_lite0,
        (np.eye(3, dtype=np.float32) / np.float32(128), np.full(3, -127 / 128, np.float32)),
        "stage5_block3_add",
    ),
}


def _with_weights(kind: _Backbone, weights: str) -> keras.Model:
    if weights == IMAGENET:
        return kind.imagenet()
    keras.utils.set_random_seed(_RANDOM_WEIGHTS_SEED)
    network = kind.untrained()
    if weights != RANDOM:
        _load_weights(network, Path(weights))
    return network


def _load_weights(network: keras.Model, path: Path) -> None:
    """Load a weights file into ``network``, whichever of Keras's two HDF5 layouts it has."""
    try:
        path.open("rb").close()
        ending, shapes = in_own_process(read_weight_shapes, path)
    except OSError as error:
        raise UserError(
            f"cannot read the weights {path}: {error.strerror}; "
            f"give --weights a file, {IMAGENET} or {RANDOM}"
        ) from error
    except ValueError as error:
        raise UserError(f"{path} is not a file of weights (HDF5): {error}") from error
    # Keras itself would fill what fits and leave the rest untrained, with a warning.
    if Counter(map(tuple, shapes)) != Counter(weight.shape for weight in network.weights):
        raise UserError(f"the weights in {path} do not fit a {network.name} without its top")
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        # Keras chooses the layout by the file's name; a person's file may have any.
        named = Path(folder) / f"weights{ending}"
        give_second_name(path, named)
        try:
            network.load_weights(named)
        except (ValueError, KeyError, OSError) as error:
            raise UserError(f"cannot load the weights in {path}: {error}") from error
