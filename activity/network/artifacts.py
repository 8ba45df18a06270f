"""The model and the label binarizer on disk: written together, read safely."""

import errno
import math
import os
import pickle
import re
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING

from activity.common.errors import UserError
from activity.common.keras_settings import load_keras
from activity.common.regular_file import hash_file
from activity.common.stores import local_copy
from activity.common.writing import give_second_name, replace_when_complete
from activity.media.frame import Framing
from activity.network.label_pickle import (
    FRAMING,
    KNOWN_CONFIDENCE,
    LEARNED,
    LIKENESS,
    MOST_BYTES,
    UNSURE_SHARE,
    PickledLabels,
    as_pickled,
    read_labels,
)
from activity.network.model_file import (
    HDF5,
    ZIP,
    check_model_file,
    in_own_process,
    read_format,
    read_input_side,
)
from activity.network.profiles import Likeness
from activity.network.unknown import UNSURE
from activity.temporal.learned import LearnedSpan, format_spans

if TYPE_CHECKING:
    import keras
    from sklearn.preprocessing import LabelBinarizer


def save_classifier(
    model: "keras.Model",
    binarizer: "LabelBinarizer",
    *,
    known_confidence: Sequence[float] = (),
    unsure: float = UNSURE,
    framing: Framing = "centre",
    learned: Sequence[LearnedSpan] | None = None,
    likeness: Likeness | None = None,
    model_path: Path,
    label_bin_path: Path,
) -> None:
    """Write a model and its label binarizer; both files change, or neither does.

    ``.h5`` and ``.hdf5`` give HDF5, any other name the Keras zip format. What this project adds is
    stored as attributes of the binarizer, which other programs ignore.

    Args:
        model: from RGB pixels to probabilities.
        binarizer: names the model's outputs.
        known_confidence: the model's confidence in photos that it was not trained on, ascending.
            Not stored if it is empty (default): ``--unknown`` then refuses the model.
        unsure: share of these photos that counts as unsure, 0..1.
        framing: how the model was trained to see a photo.
        learned: stretches of clips that the model was trained on; None (default) if unknown. Not
            stored if they are more than a binarizer has room for.
        likeness: what tells how much a photo looks like those of each label; None (default) if
            there is nothing to tell it by. Likewise not stored if it is too much, or says nothing
            of known photos.
        model_path, label_bin_path: the files to write.

    Raises:
        UserError: the file system refuses to write.
    """
    suffix = HDF5 if model_path.suffix.lower() in (".h5", ".hdf5") else ZIP
    with (
        replace_when_complete(model_path, label_bin_path) as (model_part, labels_part),
        warnings.catch_warnings(),
    ):
        # Keras warns about HDF5, but the person asked for it by the file name.
        warnings.simplefilter("ignore")
        # Keras chooses the format by the ending of the name.
        named = model_part.with_name(model_part.name + suffix)
        try:
            _save(model, named)
            named.replace(model_part)
        finally:
            named.unlink(missing_ok=True)
        kept = copy(binarizer)
        setattr(kept, FRAMING, framing)
        if known_confidence:
            setattr(kept, KNOWN_CONFIDENCE, list(known_confidence))
            setattr(kept, UNSURE_SHARE, unsure)
        if likeness is not None and likeness.known:
            pickled = as_pickled(likeness)
            if sum(map(len, pickled.values())) <= MOST_BYTES // 3:
                setattr(kept, LIKENESS, pickled)
        stretches = "" if learned is None else format_spans(learned)
        if learned is not None and len(stretches) <= MOST_BYTES // 2:
            setattr(kept, LEARNED, stretches)
        labels_part.write_bytes(pickle.dumps(kept))


def _save(model: "keras.Model", path: Path) -> None:
    # A full disk makes HDF5 print pages of messages: reserve the space first.
    size = sum(math.prod(weight.shape) * 4 for weight in model.weights)
    with path.open("wb") as file:
        if not hasattr(os, "posix_fallocate"):  # Linux has it
            if shutil.disk_usage(path.parent).free < size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        elif size:
            os.posix_fallocate(file.fileno(), 0, size)
    path.unlink()
    try:
        model.save(path)
    except RuntimeError as error:
        # HDF5's error if the disk is full after all.
        found = re.search(r"errno = (\d+)", str(error))
        if found is None:
            raise
        raise OSError(int(found[1]), os.strerror(int(found[1]))) from error


def load_model(path: Path, digest: str | None = None) -> "keras.Model":
    """Load a saved model without running code in it.

    The file is checked before Keras opens it, in Keras's safe mode. Its format is read from its
    first bytes, never from its name.

    Args:
        path: path of the model.
        digest: SHA-256 that it had when it was looked at, 64 hexadecimal digits; None if it was
            not. A run may have waited for hours since, and somebody may have trained meanwhile.

    Raises:
        UserError: the file is missing, is not a Keras model, is damaged, carries code, or has
            changed since.
    """
    with local_copy(path) as local:
        model = _load_local_model(path, local)
        # After it was read: a file that is written over meanwhile is noticed, too.
        if digest is not None and hash_model(path, local) != digest:
            raise UserError(f"the model {path} was replaced while this run was on: start it again")
        return model


def hash_model(path: Path, local: Path) -> str:
    """Hash a model's file, of which ``local`` is the copy on this disk.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return hash_file(local)
    except OSError as error:
        raise UserError(f"cannot read the model {path}: {error.strerror or error}") from error


def _load_local_model(path: Path, local: Path) -> "keras.Model":
    try:
        suffix = in_own_process(check_model_file, local)
    except OSError as error:
        raise UserError(f"cannot read the model {path}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(
            f"cannot load the model {path}: {error}; give --model the file that train.py wrote"
        ) from error
    keras = load_keras()  # takes seconds: only after the path has been checked

    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            # Keras chooses the format by the name's ending; a person's file may have any.
            named = Path(folder) / f"model{suffix}"
            give_second_name(local, named)
            return keras.models.load_model(named, compile=False, safe_mode=True)
    except Exception as error:
        # Keras raises many kinds of exception on a damaged or foreign file.
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(f"cannot load the model {path}: {reason[0]}") from error


def load_input_side(path: Path) -> int | None:
    """Read the input size of a saved model, without Keras and in a fraction of a second.

    Args:
        path: path of the model, on local disk.

    Returns:
        Width and height in pixels of the square RGB photos it takes; None if it takes something
        else or is not a model. ``load_model`` then says what is wrong.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        if read_format(path) == HDF5:
            return in_own_process(read_input_side, path)
        return read_input_side(path)
    except OSError as error:
        raise UserError(f"cannot read the model {path}: {error.strerror or error}") from error
    except ValueError:
        return None


def load_label_file(path: Path) -> PickledLabels:
    """Read a pickled ``LabelBinarizer`` without running code in it (see ``label_pickle``).

    Returns:
        The class names, and what ``train.py`` adds to them.

    Raises:
        UserError: the file is missing, is not such a pickle, asks for anything else, or names fewer
            than two classes.
    """
    try:
        with path.open("rb") as file:
            labels = read_labels(file.read(MOST_BYTES + 1))
    except OSError as error:
        raise UserError(
            f"cannot read the label binarizer {path}: {error.strerror or error}"
        ) from error
    except ValueError as error:
        raise UserError(
            f"{path} is not a label binarizer of train.py: {error}; "
            "give --label-bin the file that was written with the model"
        ) from error
    if len(labels.classes) < 2:
        raise UserError(
            f"{path} names fewer than two activities: "
            "give --label-bin the file that was written with the model"
        )
    return labels
