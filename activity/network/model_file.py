"""Check a model or weights file before Keras opens it.

A model file is a program: Keras builds whatever layers it names, and its safe mode has been
bypassed several times. So only layers that compute something from their input are allowed, and only
weights that are stored in the file itself.
"""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import h5py

Result = TypeVar("Result")

ZIP, HDF5 = ".keras", ".h5"
"""The formats, named by the suffix that Keras expects."""

_SIGNATURES = {b"PK\x03\x04": ZIP, b"\x89HDF": HDF5}

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_MEMBERS = {_CONFIG, _WEIGHTS, "metadata.json"}

_CLASSES = {
    *("Functional", "Model", "Sequential", "InputLayer", "__keras_tensor__", "DTypePolicy"),
    *("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Dense", "BatchNormalization"),
    *("LayerNormalization", "Normalization", "Rescaling", "ZeroPadding2D", "Cropping2D"),
    *("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "Dropout", "Identity"),
    *("SpatialDropout2D", "GaussianNoise", "Add", "Multiply", "Concatenate", "Average"),
    *("MaxPooling2D", "AveragePooling2D", "GlobalMaxPooling2D", "GlobalAveragePooling2D"),
    *("Flatten", "Reshape", "Permute"),
    # Initializers, regularizers and constraints, which do not matter once weights are loaded.
    *("Zeros", "Ones", "Constant", "Orthogonal", "Identity", "VarianceScaling"),
    *("RandomNormal", "RandomUniform", "TruncatedNormal", "GlorotNormal", "GlorotUniform"),
    *("HeNormal", "HeUniform", "LecunNormal", "LecunUniform", "L1", "L2", "L1L2"),
    *("MaxNorm", "NonNeg", "UnitNorm", "MinMaxNorm"),
}


_DAMAGED = "it is damaged, or was not saved by Keras"
_TIMEOUT = 60  # seconds; 100 MB take a tenth of a second

# More than the weights and optimizer state of any network that this project knows.
_MOST_WEIGHTS = 2**31  # bytes


def in_own_process(check: Callable[[Path], Result], path: Path) -> Result:
    """Run a check of this module in a process of its own, for a minute at most.

    The HDF5 library never returns from some damaged files, and crashes on others.

    Args:
        check: ``check_model_file``, ``read_input_side`` or ``read_weight_shapes``.
        path: path of the file.

    Returns:
        The result of ``check``.

    Raises:
        OSError: the file cannot be read.
        ValueError: ``check`` refuses the file, fails, crashes or does not end in time.
    """
    path.open("rb").close()
    command = [sys.executable, "-P", __file__, check.__name__, str(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise ValueError(_DAMAGED) from error
    if done.returncode != 0:
        raise ValueError(_DAMAGED)
    result, refusal = json.loads(done.stdout)
    if refusal is not None:
        raise ValueError(refusal)
    return result


class Refused(Exception):  # noqa: N818 - the name says what happens
    """The file could be read well enough to say what is wrong with it."""


def check_model_file(path: Path) -> str:
    """Check that a file is a Keras model that contains no code and nothing oversized.

    Returns:
        Its format, ``ZIP`` or ``HDF5``, read from its first bytes and never from its name.

    Raises:
        Refused: it is not a Keras model, names a layer or weights that are not allowed, or unpacks
            to more than its own size.
        Exception: of many kinds, where it is damaged: zipfile, json and h5py raise them.
    """
    model_format = read_format(path)
    if model_format is None:
        raise Refused("it is neither a Keras zip file nor HDF5")
    size = path.stat().st_size
    if model_format == ZIP:
        _check_zip(path, size)
    else:
        with h5py.File(path) as file:
            _check_config(file.attrs["model_config"])
            _check_weights(file, size)
    return model_format


def read_format(path: Path) -> str | None:
    """Read a model's format from its first bytes: ``ZIP``, ``HDF5``, or None for any other file.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return _SIGNATURES.get(file.read(4))


def read_input_side(path: Path) -> int | None:
    """Read the input size of a saved model.

    Returns:
        Width and height in pixels of the square RGB photos it takes; None if it takes something
        else, does not say, or is not a model. ``check_model_file`` then says what is wrong.

    Raises:
        OSError: the file cannot be read.
    """
    model_format = read_format(path)
    try:
        if model_format == ZIP:
            with zipfile.ZipFile(path) as archive:
                if archive.getinfo(_CONFIG).file_size > path.stat().st_size:
                    return None
                config = json.loads(archive.read(_CONFIG))
        else:
            with h5py.File(path) as file:
                config = json.loads(file.attrs["model_config"])
        _, height, width, channels = _input_shape(config)
    except Exception:
        # zipfile, json and h5py raise many kinds of exception on a damaged file.
        return None
    square_rgb = type(width) is int and width > 0 and height == width and channels == 3
    return width if square_rgb else None


def _input_shape(layer: dict[str, Any]) -> list[int | None]:
    """Read the input shape of a layer or a nested model: (batch, height, width, channels)."""
    config = layer["config"]
    for key in ("batch_shape", "batch_input_shape"):  # Keras 3 and Keras 2
        if config.get(key):
            return config[key]
    layers = config["layers"]
    inputs = [inner for inner in layers if inner["class_name"] == "InputLayer"] or layers[:1]
    (only,) = inputs
    return _input_shape(only)


def read_weight_shapes(path: Path) -> tuple[str, list[list[int]]]:
    """List the shapes of all weights in an HDF5 file, except those of an optimizer.

    Returns:
        (suffix, shapes). The suffix, ``.h5`` or ``.weights.h5``, tells Keras which of its two
        layouts the file has.

    Raises:
        Refused: its weights are too many or are stored in other files.
        Exception: of many kinds, where the file is not HDF5 or is damaged.
    """
    shapes: list[list[int]] = []

    def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer"):
            shapes.append(list(item.shape))

    with h5py.File(path) as file:
        _check_weights(file, _MOST_WEIGHTS)
        file.visititems(add)
        return (".h5" if "layer_names" in file.attrs else ".weights.h5"), shapes


def _check_zip(path: Path, size: int) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        names = [member.filename for member in members]
        strange = sorted(set(names) - _MEMBERS)
        if strange:
            raise Refused(f"it holds {strange[0]!r}, which no model of train.py needs")
        # Keras does not compress, so the members are never larger than the archive.
        if len(names) != len(set(names)) or sum(member.file_size for member in members) > size:
            raise Refused("it unpacks to more than its own size")
        _check_config(archive.read(_CONFIG))
        with archive.open(_WEIGHTS) as member, h5py.File(member) as weights:
            _check_weights(weights, size)


def _check_config(text: str | bytes) -> None:
    config = json.loads(text)
    if not isinstance(config, dict):
        raise Refused("it does not describe a model")
    # The model is opened for prediction only: how it was trained does not matter.
    config.pop("compile_config", None)
    for entry in _dictionaries(config):
        if "class_name" not in entry:
            continue
        name, module = entry["class_name"], entry.get("module")
        of_keras = module is None or str(module).split(".")[0] in ("keras", "tf_keras")
        if not (of_keras and isinstance(name, str) and name in _CLASSES):
            full = f"{module}.{name}" if isinstance(module, str) else name
            raise Refused(f"it asks for {full}, which can carry code and is not allowed")


def _dictionaries(config: object) -> Iterator[dict[str, Any]]:
    waiting = [config]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _check_weights(file: h5py.File, most_bytes: int) -> None:
    """Refuse weights that are stored in other files, or that claim more than ``most_bytes``."""
    claimed = 0

    def check(_: str, item: h5py.Group | h5py.Dataset) -> None:
        nonlocal claimed
        if isinstance(item, h5py.Group):
            links = (item.get(name, getlink=True) for name in item)
            if not all(isinstance(link, h5py.HardLink) for link in links):
                raise Refused("it points to weights in another place")
        elif item.external or item.is_virtual:
            raise Refused("it points to weights in another file")
        else:
            claimed += item.nbytes
            if claimed > most_bytes:
                raise Refused("it claims to hold more weights than it can")
            item[()]
        # Read everything that Keras will read, to make sure that it can be read.
        dict(item.attrs)

    check("/", file)
    file.visititems(check)


if __name__ == "__main__":
    functions = (check_model_file, read_input_side, read_weight_shapes)
    checks = {check.__name__: check for check in functions}
    try:
        print(json.dumps([checks[sys.argv[1]](Path(sys.argv[2])), None]))
    except Refused as refusal:  # any other exception says that the file is damaged
        print(json.dumps([None, str(refusal)]))
