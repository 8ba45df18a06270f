"""Export a network for OpenVINO, on any backend of Keras."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from activity.common.errors import UserError
from activity.common.keras_settings import EXPORTING_BACKEND, choose_backend, load_keras
from activity.common.writing import alone_in, folder_when_complete

if TYPE_CHECKING:
    import keras

EXPORT_NAME = "network.xml"


def export(model: "keras.Model", folder: Path) -> Path:
    """Export a model for OpenVINO into ``folder``, completely or not at all.

    An export that is there already is kept. If several processes of a machine ask for the same one,
    only one makes it. The export is Keras's own, on its OpenVINO backend: where Keras runs on
    another, in a process of its own.

    Returns:
        Path of the export; its weights are in a file beside it.

    Raises:
        UserError: OpenVINO or SciPy is not installed, or cannot export the model.
    """
    with alone_in(folder.parent):
        if not folder.is_dir():
            with folder_when_complete(folder) as part:
                _export(model, part / EXPORT_NAME)
    return folder / EXPORT_NAME


def _export(model: "keras.Model", target: Path) -> None:
    import keras

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if keras.config.backend() == EXPORTING_BACKEND:
            try:
                _export_here(model, Path(folder), target)
            except OSError:
                raise
            except Exception as error:
                # Keras raises many kinds of exception for what a backend cannot do.
                raise _refusal(str(error) or type(error).__name__) from error
        else:
            saved = Path(folder) / "network.keras"
            model.save(saved)
            _export_in_own_process(saved, target)


def _export_here(model: "keras.Model", folder: Path, target: Path) -> None:
    import openvino

    from activity.network.channels_first import without_transpositions

    as_keras_writes_it = folder / EXPORT_NAME
    model.export(str(as_keras_writes_it), format="openvino", verbose=False)
    network = openvino.Core().read_model(as_keras_writes_it)
    without_transpositions(network)
    openvino.serialize(network, target)


def _export_in_own_process(saved: Path, target: Path) -> None:
    project = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [project, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-P", "-m", __name__, str(saved), str(target)],
        env=os.environ | {"KERAS_BACKEND": EXPORTING_BACKEND, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        raise _refusal((done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1])


def _refusal(reason: str) -> UserError:
    first = reason.strip().splitlines()[0]
    return UserError(f"the network cannot be exported for OpenVINO: {first}; take --engine keras")


if __name__ == "__main__":  # the process that _export_in_own_process starts
    choose_backend("openvino")
    saved, target = map(Path, sys.argv[1:])
    _export_here(load_keras().models.load_model(saved, compile=False), saved.parent, target)
