"""EfficientNet-Lite0, the network of the second backbone, in plain Keras layers.

Sources of the architecture:

- M. Tan and Q. V. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural
  Networks", ICML 2019, arXiv:1905.11946, table 1 (the seven stages of EfficientNet-B0);
- M. Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018,
  arXiv:1801.04381 (the block);
- R. Liu, "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow blog, March 2020
  (what Lite changes: no squeeze-and-excite, ReLU6 instead of swish, fixed stem and head).
"""

from typing import NamedTuple

import keras
from keras import KerasTensor as Tensor
from keras import layers


class Stage(NamedTuple):
    """One row of table 1: ``repeats`` blocks, of which only the first has the stage's stride."""

    kernel_size: int
    stride: int
    expansion: int
    filters: int
    repeats: int


# Lite0 is the smallest of its family: width, depth and resolution are those of EfficientNet-B0.
STAGES = (
    Stage(kernel_size=3, stride=1, expansion=1, filters=16, repeats=1),
    Stage(kernel_size=3, stride=2, expansion=6, filters=24, repeats=2),
    Stage(kernel_size=5, stride=2, expansion=6, filters=40, repeats=2),
    Stage(kernel_size=3, stride=2, expansion=6, filters=80, repeats=3),
    Stage(kernel_size=5, stride=1, expansion=6, filters=112, repeats=3),
    Stage(kernel_size=5, stride=2, expansion=6, filters=192, repeats=4),
    Stage(kernel_size=3, stride=1, expansion=6, filters=320, repeats=1),
)

# Both differ from the defaults of PyTorch (1e-5, symmetric padding); features computed with
# either of those look plausible and are wrong.
BATCH_NORMALIZATION_EPSILON = 1e-3
PADDING = "same"


def efficientnet_lite0() -> keras.Model:
    """Build the network without its classifier, with untrained weights.

    Returns:
        Functional model. Input: (batch, 224, 224, 3) float32, RGB that is already scaled to
        (pixel - 127) / 128, so from -0.99 to 1. Output: the feature map, (batch, 7, 7, 1280)
        float32, each value from 0 to 6. Set ``trainable = False`` to freeze it: that also makes
        batch normalization use its stored statistics.
    """
    inputs = keras.Input((224, 224, 3), name="scaled_photo")
    stem = layers.Conv2D(32, 3, 2, PADDING, use_bias=False, name="stem_convolution")
    outputs = _normalize(stem(inputs), "stem", activate=True)
    for stage_number, stage in enumerate(STAGES, start=1):
        for block_number in range(1, stage.repeats + 1):
            block = stage if block_number == 1 else stage._replace(stride=1)
            outputs = _inverted_residual(outputs, block, f"stage{stage_number}_block{block_number}")
    outputs = _pointwise(outputs, 1280, "head", activate=True)
    return keras.Model(inputs, outputs, name="efficientnet_lite0")


def _inverted_residual(inputs: Tensor, block: Stage, name: str) -> Tensor:
    """Expand, filter each channel separately, project; add the input if the shapes agree."""
    input_filters, outputs = inputs.shape[-1], inputs
    if block.expansion != 1:
        wide = input_filters * block.expansion
        outputs = _pointwise(outputs, wide, f"{name}_expand", activate=True)
    depthwise_name = f"{name}_depthwise_convolution"
    depthwise = layers.DepthwiseConv2D(
        block.kernel_size, block.stride, PADDING, use_bias=False, name=depthwise_name
    )
    outputs = _normalize(depthwise(outputs), f"{name}_depthwise", activate=True)
    # Linear bottleneck: an activation on the narrow tensor would lose information.
    outputs = _pointwise(outputs, block.filters, f"{name}_project", activate=False)
    if block.stride == 1 and block.filters == input_filters:
        outputs = layers.Add(name=f"{name}_add")([outputs, inputs])
    return outputs


def _pointwise(inputs: Tensor, filters: int, name: str, activate: bool) -> Tensor:
    """1x1 convolution with batch normalization."""
    convolution = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_convolution")
    return _normalize(convolution(inputs), name, activate)


def _normalize(inputs: Tensor, name: str, activate: bool) -> Tensor:
    """Batch normalization, then ReLU6 if ``activate`` is true."""
    normalization = layers.BatchNormalization(
        epsilon=BATCH_NORMALIZATION_EPSILON, name=f"{name}_batch_normalization"
    )
    outputs = normalization(inputs)
    return layers.ReLU(max_value=6, name=f"{name}_relu6")(outputs) if activate else outputs
