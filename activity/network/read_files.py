"""The files that networks are read from: no result may take the place of one."""

import glob
import os
from pathlib import Path

from activity.common.stores import is_stored
from activity.network.networks import NETWORKS


def files_of_model(model: Path, label_bin: Path, *, engine: str = "auto") -> list[Path]:
    """List what a saved classifier is read from.

    Args:
        model: path of the model.
        label_bin: path of its label binarizer.
        engine: what runs it; ``"int8"`` reads one of the folders beside the model.
    """
    return [model, label_bin, *(files_of_int8_versions(model) if engine == "int8" else [])]


def files_of_int8_versions(model: Path) -> list[Path]:
    """List the files of all int8 versions of a model; which one is its own, only it can tell."""
    if is_stored(model):
        return []
    return [*model.parent.glob(f"{glob.escape(model.name)}.*.int8/*")]


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


def files_in_cache(cache: Path | None) -> list[Path]:
    """List the features, digests and exported networks that earlier runs have left in a cache."""
    if cache is None:
        return []
    return [*cache.glob("*.sqlite"), *cache.glob("exports/*/*")]
