"""The preprocessing of each family of networks, as a linear map of a pixel's colours."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

IMAGENET_MEAN_RGB = (123.68, 116.779, 103.939)
"""Mean of ImageNet's training pixels, as in ``keras.applications.resnet50.preprocess_input``."""


@dataclass(frozen=True)
class Preprocessing:
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
