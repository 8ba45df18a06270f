"""Build a frozen network from RGB pixels to features, and split it for fine-tuning."""

import hashlib

import keras
import numpy as np
from numpy.typing import NDArray

from activity.common.keras_settings import load_keras
from activity.network.backbone_weights import Classifier, network_with_weights
from activity.network.networks import NETWORKS
from activity.network.ordinary_layers import with_ordinary_layers

PREPROCESSING = "preprocessing"
"""Name of the layer that tells a model with preprocessing inside from one without."""

_POOLING = "pooling"

FEATURES = "features"
"""Name of the layer whose output the features are."""


def build_backbone(name: str, weights: str) -> keras.Model:
    """Build a frozen network that includes its preprocessing and global pooling.

    Args:
        name: one of ``networks.NETWORKS``.
        weights: ``"imagenet"``, ``"random"`` (untrained), or the path of a file with weights of
            this network.

    Returns:
        Model from RGB pixels 0..255, shape (batch, side, side, 3), to features, float32, shape
        (batch, feature size): (batch, 224, 224, 3) to (batch, 2048) for ResNet50. Nothing in it is
        trainable.

    Raises:
        UserError: the weights cannot be downloaded or found, or do not fit.
    """
    return build_with_classifier(name, weights)[0]


def build_with_classifier(name: str, weights: str) -> tuple[keras.Model, Classifier]:
    """Build a network as ``build_backbone`` does, and give ImageNet's classifier beside it.

    Returns:
        (backbone, what ``imagenet_names.probabilities_of_names`` takes, or None).
    """
    load_keras()
    kind = NETWORKS[name]
    network, classifier = network_with_weights(name, weights)
    if kind.first_layer is not None:
        network = keras.Model(network.get_layer(kind.first_layer).input, network.output)
    if kind.needs_rebuilding:
        network = with_ordinary_layers(network)
    pixels = keras.Input((kind.side, kind.side, 3), name="pixels")
    preprocessing = frozen_convolution(
        PREPROCESSING, kind.preprocessing.kernel, kind.preprocessing.bias
    )
    outputs = network(preprocessing(pixels))
    if len(outputs.shape) == 4:  # some networks pool by themselves
        outputs = keras.layers.AveragePooling2D(outputs.shape[1:3], name=_POOLING)(outputs)
    backbone = keras.Model(pixels, keras.layers.Flatten(name=FEATURES)(outputs), name=name)
    # A frozen batch norm uses its stored statistics even while the head is trained.
    backbone.trainable = False
    return backbone, classifier


def split_backbone(backbone: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Split a backbone into the stages that stay frozen and the last ones, for fine-tuning.

    Feature maps of the frozen part are computed once; only the last stages run in every epoch. Both
    parts share the backbone's layers, so training the second one trains the backbone.

    Returns:
        (frozen, learning): from RGB pixels 0..255 to a feature map, shape (batch, 14, 14, 112) for
        EfficientNet-Lite0 and (batch, 14, 14, 1024) for ResNet50; and from that to features.
    """
    network = next(layer for layer in backbone.layers if isinstance(layer, keras.Model))
    stage = NETWORKS[backbone.name].last_frozen
    between = [layer for layer in network.layers if stage in layer.name][-1].output
    pixels = keras.Input(backbone.input_shape[1:], name="pixels")
    first = keras.Model(network.input, between)
    frozen = keras.Model(
        pixels,
        first(backbone.get_layer(PREPROCESSING)(pixels)),
        name=f"{backbone.name}-frozen-stages",
    )
    inputs = keras.Input(between.shape[1:], name="feature_map")
    outputs = keras.Model(between, network.output)(inputs)
    for layer in backbone.layers:
        if layer.name in (_POOLING, FEATURES):
            outputs = layer(outputs)
    return frozen, keras.Model(inputs, outputs)


def fingerprint(model: keras.Model) -> str:
    """Hash a frozen model's name and weights: the key of its features in the cache.

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

    All preprocessing is such a layer: it is exact, and every file format can store it. Keras's
    ``preprocess_input`` would become operations that an HDF5 file cannot hold.

    Args:
        name: name of the layer.
        kernel: shape (3, 3), input colours by output colours.
        bias: shape (3,).
    """
    layer = keras.layers.Conv2D(3, 1, name=name, trainable=False)
    layer.build((None, None, None, 3))
    layer.set_weights([kernel[np.newaxis, np.newaxis], bias])
    return layer
