"""Set up Keras: check its backend, and fix the data format and float type.

Keras reads ``~/.keras/keras.json`` (or ``$KERAS_HOME/keras.json``) when it is imported. Those
settings were written for some other program: a data format or float type taken from them would
change what every layer computes.
"""

import importlib.util
import json
import os
from pathlib import Path
from types import ModuleType
from typing import Any

from activity.common.errors import UserError
from activity.common.quiet import hidden_chatter

BACKENDS = {
    "tensorflow": "pip install tensorflow",
    "jax": "pip install 'jax[cpu]'",
    "torch": "pip install torch",
}
"""Backends that can train and predict, and the command that installs each."""

_FLOAT_TYPES = ("float16", "float32", "float64")
_DATA_FORMATS = ("channels_last", "channels_first")


def check_backend() -> None:
    """Check that Keras can be imported, without spending the seconds that the import takes.

    Raises:
        UserError: the backend that a person has named does not exist, cannot train, or is not
            installed; or Keras would refuse its settings file.
    """
    settings = _keras_json()
    named = os.environ.get("KERAS_BACKEND")
    where = "KERAS_BACKEND" if named else str(_path_of_keras_json())
    backend = named or settings.get("backend", "tensorflow")
    if backend not in BACKENDS:
        raise UserError(
            f"the Keras backend {backend!r} (from {where}) is not one that trains and predicts: "
            f"use one of {', '.join(BACKENDS)}"
        )
    if importlib.util.find_spec(backend) is None:
        raise UserError(
            f"the Keras backend {backend} (from {where}) is not installed: {BACKENDS[backend]}, "
            "or set KERAS_BACKEND to another one"
        )


def load_keras() -> ModuleType:
    """Import Keras with float32 and channels last, whatever ``keras.json`` says.

    Call it instead of ``import keras``, in functions, since the import takes seconds.

    Returns:
        The module ``keras``.

    Raises:
        UserError: as ``check_backend``.
    """
    check_backend()
    with hidden_chatter():
        import keras
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    # Keras derives it from the float type when the first layer is built.
    keras.config.set_dtype_policy("float32")
    return keras


def has_gpu() -> bool:
    """Return whether the backend computes on something faster than the CPU."""
    keras = load_keras()
    if keras.config.backend() == "torch":  # Keras cannot list its devices
        import torch

        return bool(torch.cuda.is_available() or torch.backends.mps.is_available())
    return not all(device.startswith("cpu") for device in keras.distribution.list_devices())


def compiles_for_each_shape() -> bool:
    """Return whether the backend compiles a network anew for each batch size."""
    return load_keras().config.backend() == "jax"


def compile_options() -> dict[str, bool]:
    """Return the arguments of ``Model.compile`` that train fastest on this backend.

    Returns:
        ``jit_compile``: False for TensorFlow, which XLA makes ten times as slow on two cores; True
        for JAX, which would not compile at all without it.
    """
    return {"jit_compile": load_keras().config.backend() == "jax"}


def _path_of_keras_json() -> Path:
    folder = os.environ.get("KERAS_HOME")
    if folder is None:  # as Keras does it, also where the user has no home, or may not write to it
        home = os.path.expanduser("~")  # noqa: PTH111 - pathlib's raises where there is none
        return Path(home if os.access(home, os.W_OK) else "/tmp", ".keras", "keras.json")
    return Path(folder, "keras.json")


def _keras_json() -> dict[str, Any]:
    """Read Keras's settings file; refuse values on which ``import keras`` would crash."""
    path = _path_of_keras_json()
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # Keras, too, goes on without it
        return {}
    problem = None
    if not isinstance(settings, dict):
        problem = "it is not an object {...}"
    elif settings.get("floatx", "float32") not in _FLOAT_TYPES:
        problem = f"floatx is none of {', '.join(_FLOAT_TYPES)}"
    elif settings.get("image_data_format", "channels_last") not in _DATA_FORMATS:
        problem = f"image_data_format is none of {', '.join(_DATA_FORMATS)}"
    elif not isinstance(settings.get("epsilon", 1e-7), float):
        problem = "epsilon is not a number with a decimal point"
    if problem:
        raise UserError(f"Keras cannot read its settings {path}: {problem}; fix or delete the file")
    return settings
