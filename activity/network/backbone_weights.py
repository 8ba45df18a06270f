"""Weights of a frozen network: ImageNet's, untrained ones, or those in a file.

Its top is never part of it. Where the weights have one, ImageNet's classifier, it comes beside the
network: ``imagenet_names`` says what for.
"""

import hashlib
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from activity.common.errors import UserError
from activity.common.writing import give_second_name
from activity.network.efficientnet_lite0 import efficientnet_lite0
from activity.network.imagenet_names import NAMES
from activity.network.model_file import in_own_process, read_weight_shapes
from activity.network.networks import IMAGENET, NETWORKS, RANDOM, Network

# An untrained backbone is the same for every --seed, so that its features can be cached from run to
# run. --seed changes only what is trained on them. The same goes for the random draws of the
# dropout inside some networks when they are fine-tuned.
_SEED = 42

_SHIPPED_WEIGHTS = Path(__file__).parent / "weights" / "efficientnet-lite0.weights.h5"
_SHIPPED_SHA256 = "48bd47ddee68b77dba058cb05edae5ec4fd95b944bac662b8f2154f2e5d3a6aa"
_SHIPPED_CLASSIFIER = _SHIPPED_WEIGHTS.with_name("efficientnet-lite0.classifier.npy")
_CLASSIFIER_SHA256 = "159b30f8273bda3b86fff84995e9f8fad48830765d5d6c6768b8764b7b1b31aa"

# Their classifier is not one layer on the pooled features.
_OTHER_TOPS = ("MobileNetV3",)

Classifier = NDArray[np.float16] | None
"""Of ImageNet's names, shape (feature size + 1, 1000): a row for each feature, and the bias. None
where the weights have none."""


def network_with_weights(name: str, weights: str) -> tuple[keras.Model, Classifier]:
    """Build a network of ``keras.applications``, without its top, and load its weights.

    Args:
        name: one of ``NETWORKS``.
        weights: ``"imagenet"``, ``"random"`` (untrained), or the path of a file in either of
            Keras's two HDF5 layouts, without the top or with it.

    Returns:
        (the network as its constructor makes it, from preprocessed pixels to its last feature map,
        ImageNet's classifier).

    Raises:
        UserError: the weights cannot be downloaded or found, or do not fit.
    """
    kind = NETWORKS[name]
    keras.utils.set_random_seed(_SEED)
    if weights == IMAGENET:
        return _imagenet(name, kind)
    network = _construct(kind, None)
    if weights == RANDOM:
        return network, None
    return _from_file(kind, network, Path(weights))


def _construct(kind: Network, weights: str | None) -> keras.Model:
    if kind.constructor is None:
        return efficientnet_lite0()
    return getattr(keras.applications, kind.constructor)(
        include_top=False,
        weights=weights,
        input_shape=(kind.side, kind.side, 3),
        **kind.options,
    )


def _with_top(kind: Network, weights: str | None) -> keras.Model:
    """Build a network with its top, which gives logits."""
    return getattr(keras.applications, kind.constructor or "")(
        include_top=True,
        weights=weights,
        input_shape=(kind.side, kind.side, 3),
        **{**kind.options, "classifier_activation": None},
    )


def _without_top(network: keras.Model, whole: keras.Model) -> tuple[keras.Model, Classifier]:
    """Take the weights of ``network`` from one with a top, and the top for itself."""
    *weights, kernel, bias = whole.get_weights()
    network.set_weights(weights)
    return network, np.vstack([kernel, bias]).astype(np.float16)


def _has_plain_top(kind: Network) -> bool:
    return kind.constructor is not None and not kind.constructor.startswith(_OTHER_TOPS)


def _imagenet(name: str, kind: Network) -> tuple[keras.Model, Classifier]:
    if kind.constructor is None:
        network = _construct(kind, None)
        network.load_weights(_as_shipped(_SHIPPED_WEIGHTS, _SHIPPED_SHA256))
        return network, np.load(_as_shipped(_SHIPPED_CLASSIFIER, _CLASSIFIER_SHA256))
    if _has_plain_top(kind):
        try:
            # Downloaded in the place of the file without the top.
            return _without_top(_construct(kind, None), _with_top(kind, IMAGENET))
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


def _from_file(kind: Network, network: keras.Model, path: Path) -> tuple[keras.Model, Classifier]:
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
    # Keras itself would load what fits, and only warn about the rest.
    found, own = Counter(map(tuple, shapes)), [weight.shape for weight in network.weights]
    top = [(network.output_shape[-1], NAMES), (NAMES,)]
    if _has_plain_top(kind) and found == Counter([*own, *top]):
        whole = _with_top(kind, None)
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
