"""The model and the label binarizer on disk: written together, read safely."""

import pickle
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.preprocessing import LabelBinarizer

from activity.errors import UserError
from activity.writing import replace_when_complete

if TYPE_CHECKING:
    import keras

_HDF5_SUFFIXES = (".h5", ".hdf5")
_FORMATS = {b"PK\x03\x04": ".keras", b"\x89HDF": ".h5"}


def save_model_and_labels(
    model: "keras.Model", model_path: Path, binarizer: LabelBinarizer, labels_path: Path
) -> None:
    """Write a model and the binarizer that belongs to it; both change at once or neither.

    ``.h5`` and ``.hdf5`` give HDF5, any other name the Keras zip format.

    Raises:
        UserError: the file system refuses to write.
    """
    suffix = ".h5" if model_path.suffix.lower() in _HDF5_SUFFIXES else ".keras"
    with (
        replace_when_complete(model_path, labels_path) as (model_part, labels_part),
        warnings.catch_warnings(),
    ):
        # Keras advises against HDF5, which the person has asked for by name.
        warnings.simplefilter("ignore")
        named = model_part.with_suffix(suffix)
        try:
            model.save(named)
            named.replace(model_part)
        finally:
            named.unlink(missing_ok=True)
        labels_part.write_bytes(pickle.dumps(binarizer))


def load_model(path: Path) -> "keras.Model":
    """Load a saved model; its format is read from its first bytes, never from its name.

    Keras's safe mode is on: a model that carries code is refused, not run.

    Raises:
        UserError: the file is missing, is no Keras model, is damaged, or carries code.
    """
    import keras  # TensorFlow takes seconds to import; a wrong path should not wait for it

    suffix = _FORMATS.get(_first_bytes(path, "model"))
    if suffix is None:
        raise UserError(f"{path} is not a Keras model (neither a Keras zip file nor HDF5)")
    with tempfile.TemporaryDirectory() as folder:
        # Keras accepts only names that end as it expects.
        named = Path(folder) / f"model{suffix}"
        shutil.copyfile(path, named)
        try:
            return keras.models.load_model(named, compile=False, safe_mode=True)
        except Exception as error:
            # Keras raises many kinds of exception on a damaged or foreign file.
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise UserError(f"cannot load the model {path}: {reason[0]}") from error


def load_labels(path: Path) -> list[str]:
    """Read the class names, in the model's order, from a pickled ``LabelBinarizer``.

    The pickle is read through an allow-list: it can name a ``LabelBinarizer`` (of
    scikit-learn 0.20 to today) and NumPy arrays, and nothing else.

    Raises:
        UserError: the file is missing, is no such pickle, or asks for anything else.
    """
    _first_bytes(path, "label binarizer")
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            # scikit-learn warns that the pickle comes from another release; of it, only the
            # class names are used.
            warnings.simplefilter("ignore")
            binarizer = _LabelUnpickler(file).load()
        labels = [str(label) for label in np.asarray(binarizer.classes_)]
    except Exception as error:
        raise UserError(
            f"{path} is not a pickled label binarizer of train.py ({error}); "
            "is it the --label-bin file that was written with the model?"
        ) from error
    if not isinstance(binarizer, LabelBinarizer) or len(labels) < 2:
        raise UserError(f"{path} holds no class names: give the --label-bin file of the model")
    return labels


_BINARIZER = ("sklearn.preprocessing", "LabelBinarizer")
_RECONSTRUCT = ("numpy._core.multiarray", "_reconstruct")
_SCALAR = ("numpy._core.multiarray", "scalar")

_ALLOWED = {
    # Where scikit-learn keeps the class: since 0.22, and before.
    ("sklearn.preprocessing._label", "LabelBinarizer"): _BINARIZER,
    ("sklearn.preprocessing.label", "LabelBinarizer"): _BINARIZER,
    ("numpy", "ndarray"): ("numpy", "ndarray"),
    ("numpy", "dtype"): ("numpy", "dtype"),
    # NumPy 2 has moved these.
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy.core.multiarray", "scalar"): _SCALAR,
    ("numpy._core.multiarray", "scalar"): _SCALAR,
    # How Python 3 writes bytes in pickles of protocol 2.
    ("_codecs", "encode"): ("_codecs", "encode"),
}


class _LabelUnpickler(pickle.Unpickler):
    """Unpickles a ``LabelBinarizer`` and refuses every other class or function."""

    def find_class(self, module: str, name: str) -> object:
        allowed = _ALLOWED.get((module, name))
        if allowed is None:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not allowed")
        return super().find_class(*allowed)


def _first_bytes(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4)
    except OSError as error:
        raise UserError(f"cannot read the {what} {path}: {error.strerror}") from error
