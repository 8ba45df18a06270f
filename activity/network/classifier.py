"""A saved model as a classifier of frames: pixels in, probabilities out."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from activity.common.errors import UserError
from activity.media.photo import INPUT_SIZE
from activity.network.artifacts import load_model
from activity.network.engine import EXPORT_NAME, Engine, EngineOptions, open_engine, openvino_engine

if TYPE_CHECKING:
    import keras


def open_classifier(
    model_path: Path,
    labels: int,
    options: EngineOptions,
    frames: int | None = None,
) -> Engine:
    """Open a saved model as an engine from RGB pixels to probabilities.

    Args:
        model_path: a model of ``train.py``, or one that the source tutorial's script wrote.
        labels: how many labels the binarizer names.
        options: how it is run; the engine ``"int8"`` is what ``train.py --int8`` has written.
        frames: how many frames will come; None where no one knows.

    Raises:
        UserError: the model cannot be read, takes something other than 224x224 RGB, or does
            not have ``labels`` outputs; or its int8 version is wanted and was never made.
    """

    def load() -> "keras.Model":
        model = load_model(model_path)
        _check_shapes(model, model_path, labels)
        return _with_preprocessing(model)

    key = model_key(model_path, labels)
    if options.engine == "int8":
        return openvino_engine(_int8_version(model_path, key), options)
    return open_engine(options, load, key=key, inputs=frames)


def model_key(model_path: Path, labels: int) -> str:
    """Name what is derived from a model after all it depends on.

    The number of labels is part of it: an export under this name exists only where the model
    was seen to have that many outputs.
    """
    return f"{file_digest(model_path)}-{labels}"


def int8_folder(model_path: Path, key: str) -> Path:
    """Say where the int8 version of a model belongs: beside it, under its key.

    A model that has changed has another key, and never meets the int8 version of the old one.
    """
    return model_path.with_name(f"{model_path.name}.{key[:16]}.int8")


def file_digest(path: Path) -> str:
    """Hash a file's content: SHA-256, as 64 hexadecimal digits.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"cannot read the model {path}: {error.strerror or error}") from error


def _int8_version(model_path: Path, key: str) -> Path:
    path = int8_folder(model_path, key) / EXPORT_NAME
    if not path.is_file():
        raise UserError(
            f"there is no int8 version of {model_path} as it is now: train.py --int8 writes one"
        )
    return path


def _check_shapes(model: "keras.Model", path: Path, labels: int) -> None:
    expected = (None, INPUT_SIZE, INPUT_SIZE, 3)
    if getattr(model, "input_shape", None) != expected:
        raise UserError(
            f"the model {path} takes {getattr(model, 'input_shape', 'something unknown')}, "
            f"not photos of shape {expected}: give --model a model of train.py"
        )
    if model.output_shape != (None, labels):
        raise UserError(
            f"the model {path} gives {model.output_shape[-1]} probabilities, but the label "
            f"binarizer names {labels} activities: give the two files of one training run"
        )


def _with_preprocessing(model: "keras.Model") -> "keras.Model":
    """Put the mean subtraction before a model that has no preprocessing inside.

    The source tutorial's script saved such models; they expect RGB minus the ImageNet mean.
    """
    import keras

    from activity.network.backbone import IMAGENET_MEAN_RGB, PREPROCESSING, frozen_convolution

    if any(layer.name == PREPROCESSING for layer in model.layers):
        return model
    pixels = keras.Input(model.input_shape[1:], name="pixels")
    mean = np.array(IMAGENET_MEAN_RGB, np.float32)
    keep_rgb = np.eye(3, dtype=np.float32)
    centred = frozen_convolution(PREPROCESSING, keep_rgb, -mean)(pixels)
    return keras.Model(pixels, model(centred))
