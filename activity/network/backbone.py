"""Build a frozen network from RGB pixels to features, and split it for fine-tuning."""

import hashlib
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from activity.common.errors import UserError
from activity.common.keras_settings import load_keras
from activity.common.writing import give_second_name
from activity.network.efficientnet_lite0 import efficientnet_lite0
from activity.network.imagenet_names import NAMES
from activity.network.model_file import in_own_process, read_weight_shapes
from activity.network.networks import IMAGENET, NETWORKS, RANDOM, Network

PREPROCESSING = "preprocessing"
"""Name of the layer that tells a model with preprocessing inside from one without."""

_POOLING = "pooling"

FEATURES = "features"
"""Name of the layer whose output the features are."""

# An untrained backbone is the same for every --seed, so that its features can be cached from run to
# run. --seed changes only what is trained on them. The same goes for the random draws of the
# dropout inside some networks when they are fine-tuned.
_SEED = 42

_SHIPPED_WEIGHTS = Path(__file__).parent / "weights" / "efficientnet-lite0.weights.h5"

_SHIPPED_SHA256 = "48bd47ddee68b77dba058cb05edae5ec4fd95b944bac662b8f2154f2e5d3a6aa"
_SHIPPED_CLASSIFIER = _SHIPPED_WEIGHTS.with_name("efficientnet-lite0.classifier.npy")
_CLASSIFIER_SHA256 = "159b30f8273bda3b86fff84995e9f8fad48830765d5d6c6768b8764b7b1b31aa"

_SCALE, _SCALED = "_layer_scale", "_pointwise_conv_2"

Classifier = NDArray[np.float16] | None
"""Of ImageNet's names, shape (feature size + 1, 1000): a row for each feature, and the bias. None
where the weights have none."""


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
    keras.utils.set_random_seed(_SEED)
    if weights == IMAGENET:
        network, classifier = _imagenet(name, kind)
    elif weights == RANDOM:
        network, classifier = _construct(kind, None), None
    else:
        network, classifier = _from_file(kind, Path(weights))
    if kind.first_layer is not None:
        network = keras.Model(network.get_layer(kind.first_layer).input, network.output)
    if kind.needs_rebuilding:
        network = _with_ordinary_layers(network)
    pixels = keras.Input((kind.side, kind.side, 3), name="pixels")
    preprocessing = frozen_convolution(PREPROCESSING, *kind.preprocessing)
    outputs = network(preprocessing(pixels))
    if len(outputs.shape) == 4:  # some networks pool by themselves
        outputs = keras.layers.AveragePooling2D(outputs.shape[1:3], name=_POOLING)(outputs)
    backbone = keras.Model(pixels, keras.layers.Flatten(name=FEATURES)(outputs), name=name)
    # A frozen batch norm uses its stored statistics even while the head is trained.
    backbone.trainable = False
    return backbone, classifier


def _construct(kind: Network, weights: str | None, *, top: bool = False) -> keras.Model:
    """Build a network as its constructor makes it, from preprocessed pixels.

    Returns:
        Model to its last feature map; with its ``top``, to logits.
    """
    if kind.constructor is None:
        return efficientnet_lite0()
    return getattr(keras.applications, kind.constructor)(
        include_top=top,
        weights=weights,
        input_shape=(kind.side, kind.side, 3),
        classifier_activation=None,
        **kind.options,
    )


def _without_top(network: keras.Model, whole: keras.Model) -> tuple[keras.Model, Classifier]:
    """Take the weights of ``network`` from one with a top, and the top for itself."""
    *weights, kernel, bias = whole.get_weights()
    network.set_weights(weights)
    return network, np.vstack([kernel, bias]).astype(np.float16)


def _has_plain_top(kind: Network) -> bool:
    # The classifier of MobileNetV3 is not one layer on the pooled features.
    return kind.constructor is not None and not kind.constructor.startswith("MobileNetV3")


def _imagenet(name: str, kind: Network) -> tuple[keras.Model, Classifier]:
    if kind.constructor is None:
        network = _construct(kind, None)
        network.load_weights(_as_shipped(_SHIPPED_WEIGHTS, _SHIPPED_SHA256))
        return network, np.load(_as_shipped(_SHIPPED_CLASSIFIER, _CLASSIFIER_SHA256))
    if _has_plain_top(kind):
        try:
            # Downloaded in the place of the file without the top.
            return _without_top(_construct(kind, None), _construct(kind, IMAGENET, top=True))
        except Exception:
            pass  # the other file may be on this machine
    try:
        return _construct(kind, IMAGENET), None
    except Exception as error:
        # Keras raises a bare Exception when a download fails, ValueError on a bad hash.
        raise UserError(
            f"the ImageNet weights of {name} are not on this machine and cannot be downloaded "
            f"(no network?). Ways out: --weights FILE with a copy of {kind.weights_file}; "
            "--weights random for an untrained network; or --backbone efficientnet-lite0, which "
            "brings its own"
        ) from error


def _as_shipped(path: Path, digest: str) -> Path:
    if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        raise UserError(f"{path} is not the file that was shipped: fetch the project again")
    return path


def _from_file(kind: Network, path: Path) -> tuple[keras.Model, Classifier]:
    """Build a network with the weights of a file, in whichever of Keras's two HDF5 layouts."""
    try:
        ending, shapes = in_own_process(read_weight_shapes, path)
    except OSError as error:
        raise UserError(
            f"cannot read the weights {path}: {error.strerror}; "
            f"give --weights a file, {IMAGENET} or {RANDOM}"
        ) from error
    except ValueError as error:
        raise UserError(f"{path} is not a file of weights (HDF5): {error}") from error
    network = _construct(kind, None)
    # Keras itself would load what fits, and only warn about the rest.
    found, own = Counter(map(tuple, shapes)), [weight.shape for weight in network.weights]
    top = [(network.output_shape[-1], NAMES), (NAMES,)]
    if _has_plain_top(kind) and found == Counter([*own, *top]):
        whole = _construct(kind, None, top=True)
        _load(whole, path, ending)
        return _without_top(network, whole)
    if found != Counter(own):
        raise UserError(f"the weights in {path} do not fit a {network.name} without its top")
    _load(network, path, ending)
    return network, None


def _load(network: keras.Model, path: Path, ending: str) -> None:
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


def _with_ordinary_layers(network: keras.Model) -> keras.Model:
    """Rebuild a network and its weights from ordinary layers; the outputs stay the same.

    ConvNeXt and MobileNetV3 contain sums and products that are operations instead of layers, which
    an HDF5 file cannot hold. ConvNeXt also has a layer of its own, ``LayerScale``, which no other
    program knows. Each of these has an equivalent among the ordinary layers.

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
