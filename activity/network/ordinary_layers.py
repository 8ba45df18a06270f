"""Rebuild a network of ``keras.applications`` from layers that every file format can store.

ConvNeXt and MobileNetV3 contain sums and products that are operations instead of layers, which an
HDF5 file cannot hold. ConvNeXt also has a layer of its own, ``LayerScale``, which no other program
knows. Each of these has an equivalent among the ordinary layers.
"""

from typing import Any

import keras
import numpy as np

_SCALE, _SCALED = "_layer_scale", "_pointwise_conv_2"


def with_ordinary_layers(network: keras.Model) -> keras.Model:
    """Rebuild a network and its weights from ordinary layers; the outputs stay the same.

    - A sum of two tensors becomes ``Add``, named after the layer whose output is added; a sum or
      product with a number ``Rescaling``.
    - A ``LayerScale`` is folded into the ``Dense`` layer before it.
    - A convolution of as many groups as channels becomes a ``DepthwiseConv2D``, which TensorFlow
      runs on a CPU without compiling it first.

    Returns:
        A new model; ``network`` is not changed.

    Raises:
        ValueError: the network has any other operation.
    """
    name_of: dict[int, str] = {}
    made: list[object] = []  # keeps tensors alive, so that no other one gets the same id

    def call(operation: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(operation, keras.Layer):
            output = operation(*arguments, **options)
            name_of[id(output)] = operation.name
        else:
            output = _as_layer(operation, arguments, name_of)
        made.append(output)
        return output

    rebuilt = keras.models.clone_model(network, clone_function=_clone, call_function=call)
    weights = {layer.name: layer.get_weights() for layer in network.layers}
    for name in weights:
        if name.endswith(_SCALE):
            dense = weights[name.removesuffix(_SCALE) + _SCALED]
            dense[:] = [weight * weights[name][0] for weight in dense]
            weights[name] = []
    for layer in rebuilt.layers:
        values = weights.get(layer.name, [])
        if isinstance(layer, keras.layers.DepthwiseConv2D) and values[0].shape[2] == 1:
            values[0] = np.moveaxis(values[0], 2, 3)
        layer.set_weights(values)
    return rebuilt


def _clone(layer: Any) -> Any:
    if not isinstance(layer, keras.Layer):
        return layer
    if layer.name.endswith(_SCALE):
        return keras.layers.Activation("linear", name=layer.name)
    if isinstance(layer, keras.layers.Conv2D) and 1 < layer.groups == layer.filters:
        return keras.layers.DepthwiseConv2D(
            layer.kernel_size, layer.strides, layer.padding, name=layer.name
        )
    return layer.__class__.from_config(layer.get_config())


def _as_layer(operation: Any, arguments: Any, name_of: dict[int, str]) -> Any:
    kind = type(operation).__name__
    first, second = arguments
    if kind == "Add" and isinstance(second, int | float):
        return keras.layers.Rescaling(1.0, offset=second)(first)
    if kind == "Multiply" and isinstance(second, int | float):
        return keras.layers.Rescaling(second)(first)
    if kind == "Add":
        return keras.layers.Add(name=f"{name_of[id(second)]}_add")([first, second])
    raise ValueError(f"no layer is known that does what {kind} does")
