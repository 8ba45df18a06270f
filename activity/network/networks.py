"""The table of networks for ``--backbone``. It does not import Keras, which takes seconds."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

IMAGENET_MEAN_RGB = (123.68, 116.779, 103.939)
"""Mean of ImageNet's training pixels, as in ``keras.applications.resnet50.preprocess_input``."""


class Preprocessing(NamedTuple):
    """Preprocessing of RGB pixels 0..255: ``pixel @ kernel + bias``.

    Attributes:
        kernel: shape (3, 3), input colours by output colours.
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
CAFFE = Preprocessing(
    np.eye(3, dtype=np.float32)[::-1], -np.array(IMAGENET_MEAN_RGB[::-1], np.float32)
)
# From -1 to 1, in two ways.
MINUS_ONE_TO_ONE = _scaled(1 / 127.5, -1)
EFFICIENTNET_V2 = _scaled(1 / 128, -1)
# Mean 0 and standard deviation 1 over ImageNet, for each colour.
STANDARDISED = _scaled(1 / (255 * _DEVIATION), -_MEAN / _DEVIATION)
EFFICIENTNET_LITE = _scaled(1 / 128, -127 / 128)


IMAGENET = "imagenet"
RANDOM = "random"
"""Weights that are not in a file: ImageNet's, and those of an untrained network."""

# ResNet50 takes 26 frames a second on two cores (docs/benchmarks.md), a clip 25 to 30.
_IN_REAL_TIME = 0.95
_IN_REASON = 0.2


@dataclass(frozen=True)
class Network:
    """A network, as one row of the table.

    Attributes:
        constructor: its name in ``keras.applications``; None for EfficientNet-Lite0, which is this
            project's own.
        weights_file: Keras's file name for its ImageNet weights without the top.
        preprocessing: the preprocessing that it was trained with.
        last_frozen: part of the names of the layers of the last stage that stays frozen when the
            others are fine-tuned. The stages after it work at the smallest resolution.
        megabytes: size of its weights without the top, float32.
        speed: photos a second on one core relative to ResNet50, measured with
            ``python -m benchmarks.networks``.
        side: width and height of its input in pixels.
        options: options of the constructor, besides the shape. They switch off preprocessing inside
            the network: one way of preprocessing is enough.
        first_layer: first layer to use, for a network that has preprocessing inside regardless.
        needs_rebuilding: whether it has layers that not every file format can store, or that cannot
            be used: see ``backbone``.
        known_for: what sets it apart; empty for most.
    """

    constructor: str | None
    weights_file: str
    preprocessing: Preprocessing
    last_frozen: str
    megabytes: float
    speed: float
    side: int = 224
    options: dict[str, Any] = field(default_factory=dict)
    first_layer: str | None = None
    needs_rebuilding: bool = False
    known_for: str = ""

    @property
    def weights_file_with_top(self) -> str:
        """Keras's file name for the same weights with the top.

        >>> NETWORKS["mobilenetv2"].weights_file_with_top
        'mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5'
        """
        return self.weights_file.replace("_notop", "").replace("_no_top", "")

    @property
    def purpose(self) -> str:
        """What to use the network for, in a few words, for ``--help`` and the documentation."""
        if self.known_for:
            return self.known_for
        if self.speed >= _IN_REAL_TIME:
            return "a CPU, in real time"
        return "a CPU for files, a GPU" if self.speed >= _IN_REASON else "a GPU"


def _resnet(constructor: str, megabytes: float, speed: float, known_for: str = "") -> Network:
    file = f"{constructor.lower()}_weights_tf_dim_ordering_tf_kernels_notop.h5"
    preprocessing = MINUS_ONE_TO_ONE if constructor.endswith("V2") else CAFFE
    return Network(
        constructor, file, preprocessing, "conv4_", megabytes, speed, known_for=known_for
    )


def _efficientnet(variant: str, side: int, megabytes: float, speed: float) -> Network:
    name, file = f"EfficientNet{variant}", f"efficientnet{variant.lower()}_notop.h5"
    # The layers before its first convolution are the preprocessing, with weights of its own.
    first = "stem_conv_pad"
    return Network(
        name, file, STANDARDISED, "block5", megabytes, speed, side, {}, first, needs_rebuilding=True
    )


def _efficientnet_v2(variant: str, side: int, megabytes: float, speed: float) -> Network:
    name, file = f"EfficientNetV2{variant}", f"efficientnetv2-{variant.lower()}_notop.h5"
    preprocessing = STANDARDISED if variant.startswith("B") else EFFICIENTNET_V2
    options = {"include_preprocessing": False}
    return Network(name, file, preprocessing, "block5", megabytes, speed, side, options)


def _convnext(variant: str, megabytes: float, speed: float) -> Network:
    name, file = f"ConvNeXt{variant}", f"convnext_{variant.lower()}_notop.h5"
    # Its last normalization is of the averaged features.
    options = {"include_preprocessing": False, "pooling": "avg"}
    last, side = "_stage_2_", 224
    return Network(
        name, file, STANDARDISED, last, megabytes, speed, side, options, needs_rebuilding=True
    )


def _mobilenet_v3(
    variant: str, last_frozen: str, megabytes: float, speed: float, known_for: str = ""
) -> Network:
    file = f"weights_mobilenet_v3_{variant.lower()}_224_1.0_float_no_top_v2.h5"
    return Network(
        f"MobileNetV3{variant}",
        file,
        MINUS_ONE_TO_ONE,
        last_frozen,
        megabytes,
        speed,
        options={"include_preprocessing": False},
        needs_rebuilding=True,
        known_for=known_for,
    )


def _densenet(layers: int, megabytes: float, speed: float) -> Network:
    file = f"densenet{layers}_weights_tf_dim_ordering_tf_kernels_notop.h5"
    return Network(f"DenseNet{layers}", file, STANDARDISED, "pool4_", megabytes, speed)


NETWORKS = {
    "resnet50": _resnet("ResNet50", 94.4, 1, "the tutorial's network"),
    "efficientnet-lite0": Network(
        None,
        "efficientnet-lite0.weights.h5",
        EFFICIENTNET_LITE,
        "stage5_",
        13.7,
        7.1,
        known_for="laptops, offline: needs no download",
    ),
    "mobilenetv3-small": _mobilenet_v3(
        "Small", "expanded_conv_7_", 3.8, 34, "the smallest and fastest"
    ),
    "mobilenetv3-large": _mobilenet_v3("Large", "expanded_conv_11_", 12.0, 11),
    "mobilenetv2": Network(
        "MobileNetV2",
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        MINUS_ONE_TO_ONE,
        "block_12_",
        9.0,
        8.8,
    ),
    "efficientnetv2-b0": _efficientnet_v2("B0", 224, 23.7, 3.8),
    "efficientnetv2-b1": _efficientnet_v2("B1", 240, 27.7, 2.4),
    "efficientnetv2-b2": _efficientnet_v2("B2", 260, 35.1, 1.7),
    "efficientnetv2-b3": _efficientnet_v2("B3", 300, 51.7, 0.96),
    "efficientnetv2-s": _efficientnet_v2("S", 384, 81.3, 0.35),
    "efficientnetv2-m": _efficientnet_v2("M", 480, 212.6, 0.12),
    "efficientnetv2-l": _efficientnet_v2("L", 480, 471.0, 0.06),
    "convnext-tiny": _convnext("Tiny", 111.3, 0.68),
    "convnext-small": _convnext("Small", 197.8, 0.37),
    "convnext-base": _convnext("Base", 350.2, 0.2),
    "convnext-large": _convnext("Large", 784.8, 0.09),
    "convnext-xlarge": _convnext("XLarge", 1392.4, 0.04),
    "efficientnet-b0": _efficientnet("B0", 224, 16.2, 5.4),
    "efficientnet-b1": _efficientnet("B1", 240, 26.3, 3.2),
    "efficientnet-b2": _efficientnet("B2", 260, 31.1, 2.3),
    "efficientnet-b3": _efficientnet("B3", 300, 43.1, 1.2),
    "efficientnet-b4": _efficientnet("B4", 380, 70.7, 0.55),
    "efficientnet-b5": _efficientnet("B5", 456, 114.1, 0.23),
    "efficientnet-b6": _efficientnet("B6", 528, 163.8, 0.12),
    "efficientnet-b7": _efficientnet("B7", 600, 256.4, 0.06),
    "resnet101": _resnet("ResNet101", 170.6, 0.5),
    "resnet152": _resnet("ResNet152", 233.5, 0.33),
    "resnet50v2": _resnet("ResNet50V2", 94.3, 0.96),
    "resnet101v2": _resnet("ResNet101V2", 170.5, 0.53),
    "resnet152v2": _resnet("ResNet152V2", 233.3, 0.3),
    "densenet121": _densenet(121, 28.2, 1.2),
    "densenet169": _densenet(169, 50.6, 0.98),
    "densenet201": _densenet(201, 73.3, 0.77),
}


def files_of_weights(network: str, weights: str) -> list[Path]:
    """List what a frozen network is read from, whether it is there or not.

    Args:
        network: one of ``NETWORKS``.
        weights: as ``--weights`` takes them.
    """
    if weights == "random":
        return []
    if weights != "imagenet":
        return [Path(weights)]
    kind = NETWORKS[network]
    if kind.constructor is None:  # it comes with the project
        return [*(Path(__file__).parent / "weights").iterdir()]
    # Where Keras keeps what it has downloaded. Path.home() would raise where there is none.
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")  # noqa: PTH111
    files = (kind.weights_file, kind.weights_file_with_top)
    return [Path(home, "models", file) for file in files]


def network_name(text: str) -> str:
    """Return the name of a network in the table, given that name or the one Keras uses.

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


def format_networks() -> str:
    """List the networks for ``--help``, one line each."""
    lines = ["networks (size of the weights; input in pixels; CPU speed relative to resnet50):"]
    lines += [
        f"  {name:18} {network.megabytes:4.0f} MB  {network.side}  {network.speed:4.2g}x  "
        f"{network.purpose}"
        for name, network in NETWORKS.items()
    ]
    return "\n".join(lines)
