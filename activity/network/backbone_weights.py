"""Weights of a frozen network: ImageNet's, untrained ones, or those in a file."""

import hashlib
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import keras

from activity.common.errors import UserError
from activity.common.writing import give_second_name
from activity.network.efficientnet_lite0 import efficientnet_lite0
from activity.network.model_file import in_own_process, read_weight_shapes
from activity.network.networks import IMAGENET, NETWORKS, RANDOM, Network

# An untrained backbone is the same for every --seed, so that its features can be cached from run to
# run. --seed changes only what is trained on them. The same goes for the random draws of the
# dropout inside some networks when they are fine-tuned.
_SEED = 42

_SHIPPED_WEIGHTS = Path(__file__).parent / "weights" / "efficientnet-lite0.weights.h5"
_SHIPPED_SHA256 = "48bd47ddee68b77dba058cb05edae5ec4fd95b944bac662b8f2154f2e5d3a6aa"


def network_with_weights(name: str, weights: str) -> keras.Model:
    """Build a network of ``keras.applications``, without its top, and load its weights.

    Args:
        name: one of ``NETWORKS``.
        weights: ``"imagenet"``, ``"random"`` (untrained), or the path of a file in either of
            Keras's two HDF5 layouts.

    Returns:
        The network as its constructor makes it, from preprocessed pixels to its last feature map.

    Raises:
        UserError: the weights cannot be downloaded or found, or do not fit.
    """
    kind = NETWORKS[name]
    keras.utils.set_random_seed(_SEED)
    if weights == IMAGENET:
        return _imagenet(name, kind)
    network = _construct(kind, None)
    if weights != RANDOM:
        _load_weights(network, Path(weights))
    return network


def _construct(kind: Network, weights: str | None) -> keras.Model:
    if kind.constructor is None:
        return efficientnet_lite0()
    return getattr(keras.applications, kind.constructor)(
        include_top=False,
        weights=weights,
        input_shape=(kind.side, kind.side, 3),
        **kind.options,
    )


def _imagenet(name: str, kind: Network) -> keras.Model:
    if kind.constructor is None:
        network = _construct(kind, None)
        network.load_weights(_checked_shipped_weights())
        return network
    try:
        return _construct(kind, IMAGENET)
    except Exception as error:
        # Keras raises a bare Exception when a download fails, ValueError on a bad hash.
        raise UserError(
            f"the ImageNet weights of {name} are not on this machine and cannot be downloaded "
            f"(no network?). Ways out: --weights FILE with a copy of {kind.weights_file}; "
            "--weights random for an untrained network; or --backbone efficientnet-lite0, which "
            "brings its own"
        ) from error


def _checked_shipped_weights() -> Path:
    found = hashlib.sha256(_SHIPPED_WEIGHTS.read_bytes()).hexdigest()
    if found != _SHIPPED_SHA256:
        raise UserError(
            f"{_SHIPPED_WEIGHTS} is not the file that was shipped: fetch the project again"
        )
    return _SHIPPED_WEIGHTS


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
    # Keras itself would load what fits, and only warn about the rest.
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
