"""The networks that ``--backbone`` knows: one table, which needs no Keras to be read."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

IMAGENET_MEAN_RGB = (123.68, 116.779, 103.939)
"""Mean of ImageNet's training pixels, as in ``keras.applications.resnet50.preprocess_input``."""


@dataclass(frozen=True)
class Preprocessing:
    """What a network takes, as ``pixel @ kernel + bias`` of RGB pixels 0..255.

    Attributes:
        kernel: from colours to colours, shape (3, 3).
        bias: shape (3,).
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


def _scaled(scale: ArrayLike, offset: ArrayLike) -> Preprocessing:
    """Scale and shift each colour: ``pixel * scale + offset``, one value each or one for all."""
    scales, offsets = np.broadcast_to(scale, 3), np.broadcast_to(offset, 3)
    return Preprocessing(np.diag(scales).astype(np.float32), offsets.astype(np.float32))


_MEAN, _DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])

# BGR minus the mean.
_CAFFE = Preprocessing(
    np.eye(3, dtype=np.float32)[::-1], -np.array(IMAGENET_MEAN_RGB[::-1], np.float32)
)
# From -1 to 1, in two ways.
_MINUS_ONE_TO_ONE = _scaled(1 / 127.5, -1)
_EFFICIENTNET_V2 = _scaled(1 / 128, -1)
# Mean 0 and deviation 1 over ImageNet, colour by colour.
_STANDARDISED = _scaled(1 / (255 * _DEVIATION), -_MEAN / _DEVIATION)
_EFFICIENTNET_LITE = _scaled(1 / 128, -127 / 128)


@dataclass(frozen=True)
class Network:
    """One row of the table.

    Attributes:
        constructor: its name in ``keras.applications``; None for the network of this project.
        weights_file: what Keras calls its ImageNet weights without the top.
        side: width and height of its input in pixels.
        preprocessing: what it was trained with.
        last_frozen: part of the names of the layers of the last stage that stays frozen when the
            others are fine-tuned. The stages after it work at the smallest resolution.
        options: of the constructor, besides the shape. Where Keras would put preprocessing inside
            the network, it is told not to: one way of preprocessing is enough.
        first_layer: where the network begins, if Keras puts preprocessing inside it regardless.
        needs_rebuilding: not all that Keras builds it from can be saved in every format, or used:
            see ``ordinary_layers``.
    """

    constructor: str | None
    weights_file: str
    side: int
    preprocessing: Preprocessing
    last_frozen: str
    options: dict[str, Any] = field(default_factory=dict)
    first_layer: str | None = None
    needs_rebuilding: bool = False


def _resnet(constructor: str) -> Network:
    return Network(
        constructor,
        f"{constructor.lower()}_weights_tf_dim_ordering_tf_kernels_notop.h5",
        224,
        _MINUS_ONE_TO_ONE if constructor.endswith("V2") else _CAFFE,
        "conv4_",
    )


def _efficientnet(variant: str, side: int) -> Network:
    # The layers before its first convolution are the preprocessing, with weights of its own.
    name = f"efficientnet{variant.lower()}_notop.h5"
    return Network(
        f"EfficientNet{variant}",
        name,
        side,
        _STANDARDISED,
        "block5",
        first_layer="stem_conv_pad",
        needs_rebuilding=True,
    )


def _efficientnet_v2(variant: str, side: int) -> Network:
    return Network(
        f"EfficientNetV2{variant}",
        f"efficientnetv2-{variant.lower()}_notop.h5",
        side,
        _STANDARDISED if variant.startswith("B") else _EFFICIENTNET_V2,
        "block5",
        options={"include_preprocessing": False},
    )


def _convnext(variant: str) -> Network:
    return Network(
        f"ConvNeXt{variant}",
        f"convnext_{variant.lower()}_notop.h5",
        224,
        _STANDARDISED,
        "_stage_2_",
        # Its last normalization is of the averaged features.
        options={"include_preprocessing": False, "pooling": "avg"},
        needs_rebuilding=True,
    )


def _mobilenet_v3(variant: str, last_frozen: str) -> Network:
    return Network(
        f"MobileNetV3{variant}",
        f"weights_mobilenet_v3_{variant.lower()}_224_1.0_float_no_top_v2.h5",
        224,
        _MINUS_ONE_TO_ONE,
        last_frozen,
        options={"include_preprocessing": False},
        needs_rebuilding=True,
    )


def _densenet(layers: int) -> Network:
    return Network(
        f"DenseNet{layers}",
        f"densenet{layers}_weights_tf_dim_ordering_tf_kernels_notop.h5",
        224,
        _STANDARDISED,
        "pool4_",
    )


NETWORKS = {
    "resnet50": _resnet("ResNet50"),
    "efficientnet-lite0": Network(
        None, "efficientnet-lite0.weights.h5", 224, _EFFICIENTNET_LITE, "stage5_"
    ),
    "mobilenetv3-small": _mobilenet_v3("Small", "expanded_conv_7_"),
    "mobilenetv3-large": _mobilenet_v3("Large", "expanded_conv_11_"),
    "mobilenetv2": Network(
        "MobileNetV2",
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        224,
        _MINUS_ONE_TO_ONE,
        "block_12_",
    ),
    "efficientnetv2-b0": _efficientnet_v2("B0", 224),
    "efficientnetv2-b1": _efficientnet_v2("B1", 240),
    "efficientnetv2-b2": _efficientnet_v2("B2", 260),
    "efficientnetv2-b3": _efficientnet_v2("B3", 300),
    "efficientnetv2-s": _efficientnet_v2("S", 384),
    "efficientnetv2-m": _efficientnet_v2("M", 480),
    "efficientnetv2-l": _efficientnet_v2("L", 480),
    "convnext-tiny": _convnext("Tiny"),
    "convnext-small": _convnext("Small"),
    "convnext-base": _convnext("Base"),
    "convnext-large": _convnext("Large"),
    "convnext-xlarge": _convnext("XLarge"),
    "efficientnet-b0": _efficientnet("B0", 224),
    "efficientnet-b1": _efficientnet("B1", 240),
    "efficientnet-b2": _efficientnet("B2", 260),
    "efficientnet-b3": _efficientnet("B3", 300),
    "efficientnet-b4": _efficientnet("B4", 380),
    "efficientnet-b5": _efficientnet("B5", 456),
    "efficientnet-b6": _efficientnet("B6", 528),
    "efficientnet-b7": _efficientnet("B7", 600),
    "resnet101": _resnet("ResNet101"),
    "resnet152": _resnet("ResNet152"),
    "resnet50v2": _resnet("ResNet50V2"),
    "resnet101v2": _resnet("ResNet101V2"),
    "resnet152v2": _resnet("ResNet152V2"),
    "densenet121": _densenet(121),
    "densenet169": _densenet(169),
    "densenet201": _densenet(201),
}


def network_name(text: str) -> str:
    """Find a network whichever way its name is spelled: Keras's own, or with dashes.

    >>> network_name("EfficientNetV2B0")
    'efficientnetv2-b0'

    Raises:
        ValueError: there is none of this name.
    """
    for name in NETWORKS:
        if _plain(name) == _plain(text):
            return name
    raise ValueError(text)


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")
