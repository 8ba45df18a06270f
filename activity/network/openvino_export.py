"""Export a network for OpenVINO, on any backend of Keras."""

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from activity.common.errors import UserError
from activity.common.writing import alone_in, folder_when_complete

if TYPE_CHECKING:
    import keras

EXPORT_NAME = "network.xml"

# OpenVINO can always read an export from TensorFlow. It refuses one from JAX, and one from PyTorch
# has no fixed input shape.
_EXPORTING_BACKEND = "tensorflow"
_EXPORT_IN_OWN_PROCESS = """
import sys
import keras
network = keras.models.load_model(sys.argv[1], compile=False)
network.export(sys.argv[2], format="openvino", verbose=False)
"""


def can_export() -> bool:
    """Return whether networks can be exported here, which takes TensorFlow besides OpenVINO."""
    return importlib.util.find_spec(_EXPORTING_BACKEND) is not None


def export(model: "keras.Model", folder: Path) -> Path:
    """Export a model for OpenVINO into ``folder``, completely or not at all.

    An export that is there already is kept. If several processes of a machine ask for the same one,
    only one makes it. On JAX and PyTorch, a process on TensorFlow makes it.

    Returns:
        Path of the export; its weights are in a file beside it.

    Raises:
        UserError: TensorFlow is not installed, or cannot export the model.
    """
    with alone_in(folder.parent):
        if not folder.is_dir():
            _export(model, folder)
    return folder / EXPORT_NAME


def _export(model: "keras.Model", folder: Path) -> None:
    import keras

    with folder_when_complete(folder) as part:
        if keras.config.backend() == _EXPORTING_BACKEND:
            model.export(str(part / EXPORT_NAME), format="openvino", verbose=False)
        else:
            _export_in_own_process(model, part / EXPORT_NAME)


def _export_in_own_process(model: "keras.Model", target: Path) -> None:
    if not can_export():
        raise UserError(
            "exporting a network for OpenVINO needs TensorFlow: pip install tensorflow, or take "
            "--engine keras"
        )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        saved = Path(folder) / "network.keras"
        model.save(saved)
        done = subprocess.run(
            [sys.executable, "-c", _EXPORT_IN_OWN_PROCESS, str(saved), str(target)],
            env=os.environ | {"KERAS_BACKEND": _EXPORTING_BACKEND},
            capture_output=True,
            text=True,
            errors="replace",
        )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise UserError(
            f"the network cannot be exported for OpenVINO: {reason}; take --engine keras"
        )
