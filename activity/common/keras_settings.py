"""Set up Keras: choose its backend, and fix the data format and float type.

Keras reads ``~/.keras/keras.json`` (or ``$KERAS_HOME/keras.json``) when it is imported. Those
settings were written for some other program: a data format or float type taken from them would
change what every layer computes.
"""

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from activity.common.errors import UserError
from activity.common.quiet import hide_stderr

BACKENDS = {
    "tensorflow": "pip install tensorflow",
    "jax": "pip install 'jax[cpu]'",
    "torch": "pip install torch",
}
"""Backends that can train and predict, and the command that installs each."""

EXPORTING_BACKEND = "openvino"
"""What builds, loads, saves and exports networks in a fraction of the time that the others take.

It never predicts: on a processor with bfloat16 its answers are up to 0.008 away from the others'.
It does not train at all.
"""

# What the exporting backend imports. Keras does not ask for SciPy; scikit-learn brings it.
_NEEDED_TO_EXPORT = ("openvino", "scipy")

# What Keras imports where it is installed, and what exporting does not need. The last is for
# Fourier transforms of sound, and Keras does not do without it.
_NOT_NEEDED = ("jax", "matplotlib.pyplot", "sklearn")
_NOT_CALLED = "scipy.signal"

# Where the drivers of accelerators show, and the packages by which TensorFlow and JAX take others.
_GPU_DRIVERS = (
    *("/proc/driver/nvidia", "/dev/nvidiactl", "/dev/nvhost-gpu", "/dev/dxg"),
    *("/dev/kfd", "/dev/accel0", "/dev/vfio/0", r"C:\Windows\System32\nvcuda.dll"),
)
_GPU_PACKAGES = ("tensorflow-plugins", "jax_plugins")

_FLOAT_TYPES = ("float16", "float32", "float64")
_DATA_FORMATS = ("channels_last", "channels_first")


def choose_backend(engine: str, *, trains: bool = False) -> str:
    """Choose what Keras runs on, before anything takes the seconds that its import needs.

    What a person has named stays, and so does the backend of a program that has imported Keras.
    Otherwise it is TensorFlow where Keras itself computes something, and where there may be a GPU
    or the exporting backend is not installed; and else the exporting backend.

    Args:
        engine: name of the engine that runs the network, as ``EngineOptions`` has it.
        trains: whether Keras trains a network, or draws its weights.

    Returns:
        Its name. Keras will run on it when it is imported in this process.

    Raises:
        UserError: the backend that a person has named does not exist, cannot do what is asked for,
            or is not installed; or Keras refuses what is in its settings file.
    """
    computes = trains or engine == "keras"
    backend, where = _named_backend()
    if backend is None:
        backend = "tensorflow" if computes or not _exports_here(engine) else EXPORTING_BACKEND
        where = "Keras's default"
    if backend not in BACKENDS and (backend != EXPORTING_BACKEND or computes):
        raise UserError(
            f"the Keras backend {backend!r} (from {where}) is not one that trains and predicts: "
            f"use one of {', '.join(BACKENDS)}"
        )
    needed = (backend,) if backend in BACKENDS else _NEEDED_TO_EXPORT
    for package in needed:
        if importlib.util.find_spec(package) is None:
            raise UserError(
                f"the Keras backend {backend} (from {where}) is not installed: "
                f"{BACKENDS.get(backend, f'pip install {package}')}, "
                "or set KERAS_BACKEND to another one"
            )
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = backend
        if backend == EXPORTING_BACKEND:
            # Keras would import TensorFlow to see that a layer's settings are none of its types,
            # and OpenVINO its converter of other programs' networks. Keras looks into sys.modules,
            # too, where None would stand for a TensorFlow that is there.
            sys.meta_path.insert(0, _Absent("tensorflow", "openvino.tools.ovc"))
    return backend


class _Absent(MetaPathFinder):
    """Makes Python report some packages as not installed, though they are."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname in self._names:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


def load_keras() -> ModuleType:
    """Import Keras with float32 and channels last, whatever ``keras.json`` says.

    Call it instead of ``import keras``, in functions, since the import takes seconds.

    Returns:
        The module ``keras``. Its backend is what ``choose_backend`` has chosen, or one that can do
        everything.

    Raises:
        UserError: as ``choose_backend``.
    """
    if "keras" not in sys.modules:
        if os.environ.get("KERAS_BACKEND") != EXPORTING_BACKEND:
            choose_backend("keras")
        try:
            with hide_stderr(), _import_only_what_is_needed():
                import keras
        except (ImportError, ValueError) as error:  # its own variables may be at fault, KERAS_...
            raise UserError(f"Keras cannot be imported: {error}") from error
    import keras

    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    # Keras derives it from the float type when the first layer is built.
    keras.config.set_dtype_policy("float32")
    return keras


@contextmanager
def _import_only_what_is_needed() -> Iterator[None]:
    """Keep Keras on the exporting backend from importing what is not needed: half of the time."""
    if os.environ.get("KERAS_BACKEND") != EXPORTING_BACKEND:
        yield
        return
    hidden: dict[str, ModuleType | None] = {
        name: None for name in _NOT_NEEDED if name not in sys.modules
    }
    if _NOT_CALLED not in sys.modules:
        hidden[_NOT_CALLED] = ModuleType(_NOT_CALLED)
    sys.modules.update(hidden)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


def has_gpu() -> bool:
    """Return whether Keras would compute on something faster than the CPU.

    On a machine that has no driver of any, the answer takes no time.
    """
    if not _may_have_gpu():
        return False
    keras = load_keras()
    if keras.config.backend() == EXPORTING_BACKEND:
        return False
    if keras.config.backend() == "torch":  # Keras cannot list its devices
        import torch

        return bool(torch.cuda.is_available() or torch.backends.mps.is_available())
    return not all(device.startswith("cpu") for device in keras.distribution.list_devices())


def _may_have_gpu() -> bool:
    return (
        any(Path(driver).exists() for driver in _GPU_DRIVERS)
        or any(importlib.util.find_spec(package) is not None for package in _GPU_PACKAGES)
        # PyTorch takes the GPU of any Mac with Apple's processors.
        or (sys.platform == "darwin" and _named_backend()[0] == "torch")
    )


def _exports_here(engine: str) -> bool:
    installed = all(importlib.util.find_spec(name) is not None for name in _NEEDED_TO_EXPORT)
    return installed and not (engine == "auto" and _may_have_gpu())


def can_compute() -> bool:
    """Tell whether the backend may run networks, and not only export them."""
    return load_keras().config.backend() != EXPORTING_BACKEND


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


def _named_backend() -> tuple[str | None, str]:
    """Find what a person has named: the backend, or None, and where it is named."""
    settings = _keras_json()
    if "keras" in sys.modules:
        return sys.modules["keras"].config.backend(), "this program"
    named = os.environ.get("KERAS_BACKEND")
    if named:
        return named, "KERAS_BACKEND"
    # Keras itself writes "tensorflow" there when it is first imported: nobody has chosen it.
    named = settings.get("backend", "tensorflow")
    return (None if named == "tensorflow" else named), str(_path_of_keras_json())


def _path_of_keras_json() -> Path:
    """Find Keras's settings file where Keras does."""
    home = os.environ.get("KERAS_HOME")
    if home is None:
        home = os.path.expanduser("~")  # noqa: PTH111 - as Keras; Path.home() may raise
        home = os.path.join(home if os.access(home, os.W_OK) else "/tmp", ".keras")  # noqa: PTH118
    return Path(os.path.expanduser(os.path.join(home, "keras.json")))  # noqa: PTH111, PTH118


def _keras_json() -> dict[str, Any]:
    """Read Keras's settings file; refuse values on which ``import keras`` would crash."""
    path = _path_of_keras_json()
    try:
        settings = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        problem = _problem_of(settings)
    except RecursionError:
        problem = "it is nested too deeply"
    except OSError as error:
        problem = str(error.strerror)
    except ValueError:  # Keras, too, goes on without it
        return {}
    if problem is not None:
        raise UserError(f"Keras cannot read its settings {path}: {problem}; fix or delete the file")
    return settings


def _problem_of(settings: Any) -> str | None:
    if not isinstance(settings, dict):
        return "it is not an object {...}"
    if settings.get("floatx", "float32") not in _FLOAT_TYPES:
        return f"floatx is none of {', '.join(_FLOAT_TYPES)}"
    if settings.get("image_data_format", "channels_last") not in _DATA_FORMATS:
        return f"image_data_format is none of {', '.join(_DATA_FORMATS)}"
    if not isinstance(settings.get("epsilon", 1e-7), float):
        return "epsilon is not a number with a decimal point"
    if not isinstance(settings.get("backend", ""), str):
        return "backend is not a name in quotes"
    if settings.get("nnx_enabled") and importlib.util.find_spec("flax") is None:
        return "nnx_enabled needs flax, which is not installed"
    return None
