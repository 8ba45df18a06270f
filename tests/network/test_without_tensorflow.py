"""Both scripts without TensorFlow: Keras's OpenVINO backend, and the same answers."""

import importlib.util
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from activity.network.artifacts import load_model
from activity.network.classifier import Classifier
from activity.network.engine import EngineOptions
from activity.network.openvino_export import export
from tests.conftest import ROOT, RunScript, Trained
from tests.network.test_classifier import LEGACY, LEGACY_PROBABILITIES, photos

pytest.importorskip("openvino", reason="OpenVINO is not installed")

# Written into a sitecustomize.py: these packages are not installed.
NOT_INSTALLED = """
import sys
from importlib.abc import MetaPathFinder
class Absent(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""


def without(folder: Path, *names: str, **more: str) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(NOT_INSTALLED.format(names=names))
    kept = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    path = os.pathsep.join([str(folder), str(ROOT)])
    return kept | {"PYTHONPATH": path, "KERAS_HOME": str(folder)} | more


def weights_of(model: Path) -> dict[str, tuple[str, bytes]]:
    found = {}

    def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = (str(item.dtype), item[()].tobytes())

    with (
        zipfile.ZipFile(model) as archive,
        h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file,
    ):
        file.visititems(add)
    return found


def predicted_on(backend: str, model: Path, folder: Path) -> np.ndarray:
    """Predict the photos in a program of one's own, which knows Keras alone."""
    pixels, answers = folder / "pixels.npy", folder / f"{backend}.npy"
    np.save(pixels, photos()[:2].astype(np.float32))
    program = (
        "import sys, keras, numpy as np\n"
        "model = keras.models.load_model(sys.argv[1])\n"
        "np.save(sys.argv[3], model.predict_on_batch(np.load(sys.argv[2])))"
    )
    subprocess.run(
        [sys.executable, "-c", program, str(model), str(pixels), str(answers)],
        env=os.environ | {"KERAS_BACKEND": backend},
        check=True,
        capture_output=True,
    )
    return np.load(answers)


@pytest.mark.parametrize("name", ["a.keras", "a.h5"])
def test_a_model_trained_without_tensorflow_is_one_like_any_other(
    name: str,
    run_script: RunScript,
    photo_folders: Path,
    flickering_clip: Path,
    tmp_path: Path,
) -> None:
    """And its first labels need no Keras at all: train.py has exported it."""
    model, labels, cache = tmp_path / name, tmp_path / "lb", tmp_path / "cache"
    done = run_script(
        *("train.py", "-d", photo_folders, "-m", model, "-l", labels, "-p", tmp_path / "plot.png"),
        *("--backbone", "efficientnet-lite0", "-e", 2, "--views", 1, "--cache", cache),
        env=without(tmp_path / "no tensorflow", "tensorflow"),
    )
    assert done.returncode == 0, done.stderr
    for unknown in ([], ["--unknown"]):
        done = run_script(
            *("predict_video.py", "-m", model, "-l", labels, "-i", flickering_clip),
            *("--csv", tmp_path / "a.csv", "--cache", cache, *unknown),
            env=without(tmp_path / "no keras", "tensorflow", "keras"),
        )
        assert done.returncode == 0, done.stderr
    assert "p_unknown" in (tmp_path / "a.csv").read_text()

    here = load_model(model).predict_on_batch(photos()[:2].astype(np.float32))
    opened = Classifier.load(model, labels).open(EngineOptions("auto", cache_folder=cache))
    answers = [answer for _, answer in opened(enumerate(photos()[:2]))]
    np.testing.assert_allclose(answers, here, atol=1e-5)
    if name == "a.keras":
        for backend in ("jax", "torch"):
            if importlib.util.find_spec(backend) is not None:
                np.testing.assert_allclose(predicted_on(backend, model, tmp_path), here, atol=1e-5)
        keras.models.load_model(model).save(tmp_path / "again.keras")
        assert weights_of(model) == weights_of(tmp_path / "again.keras")


OPEN = """
import sys, numpy as np
from pathlib import Path
from activity.common.keras_settings import choose_backend
from activity.network.classifier import Classifier
from activity.network.engine import EngineOptions
choose_backend("auto")
pixels = np.load(sys.argv[1])
for model in sys.argv[3:]:
    opened = Classifier.load(Path(model), Path(sys.argv[2])).open(EngineOptions())
    np.save(Path(model).name + ".npy", [answer for _, answer in opened(enumerate(pixels))])
print(sys.modules["keras"].config.backend(), "tensorflow" in sys.modules)
"""


def test_old_and_new_models_are_opened_without_tensorflow(trained: Trained, tmp_path: Path) -> None:
    np.save(tmp_path / "pixels.npy", photos())
    models = [*(LEGACY / name for name in LEGACY_PROBABILITIES), trained.model]
    done = subprocess.run(
        [sys.executable, "-c", OPEN, "pixels.npy", trained.label_bin, *models],
        env=without(tmp_path / "hooks", "tensorflow"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["openvino", "False"]
    expected = LEGACY_PROBABILITIES | {
        trained.model.name: load_model(trained.model).predict_on_batch(photos().astype(np.float32))
    }
    for name, probabilities in expected.items():
        found = np.load(tmp_path / f"{name}.npy")
        np.testing.assert_allclose(found, probabilities, atol=2e-6)


def layers_of_a_model_file() -> dict[str, keras.Layer]:
    """Every layer that a model file may have and that computes something."""
    layers = keras.layers
    activations = ("relu6", "elu", "selu", "gelu", "swish", "sigmoid", "tanh", "softplus", "mish")
    activations += ("softsign", "hard_sigmoid", "hard_swish", "exponential", "log_softmax")
    return {
        **{name: layers.Activation(name) for name in activations},
        "convolution": layers.Conv2D(6, 3, strides=2, padding="same", groups=3),
        "dilated": layers.Conv2D(4, 3, dilation_rate=2),
        "depthwise": layers.DepthwiseConv2D(3, 2, "same", depth_multiplier=2),
        "separable": layers.SeparableConv2D(5, 3),
        "dense": layers.Dense(4),
        "batch": layers.BatchNormalization(),
        "layer": layers.LayerNormalization(),
        "mean": layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[2.0, 3.0, 4.0]),
        "rescaling": layers.Rescaling(0.5, offset=[1.0, 2.0, 3.0]),
        "padding": layers.ZeroPadding2D(((1, 2), (0, 1))),
        "cropping": layers.Cropping2D(((1, 2), (0, 1))),
        "relu": layers.ReLU(6, 0.1, 0.2),
        "leaky": layers.LeakyReLU(),
        "prelu": layers.PReLU(shared_axes=[1, 2]),
        "unit": layers.ELU(),
        "softmax": layers.Softmax(),
        "dropout": layers.Dropout(0.5),
        "spatial": layers.SpatialDropout2D(0.5),
        "noise": layers.GaussianNoise(0.5),
        "identity": layers.Identity(),
        "maximum": layers.MaxPooling2D(3, 2, "same"),
        "average": layers.AveragePooling2D(3, 2, "same"),
        "whole_maximum": layers.GlobalMaxPooling2D(),
        "whole_average": layers.GlobalAveragePooling2D(keepdims=True),
        "reshape": layers.Reshape((3, -1)),
        "permute": layers.Permute((3, 1, 2)),
        "sequential": keras.Sequential([layers.Conv2D(4, 3), layers.Flatten()]),
    }


def test_every_layer_that_a_model_file_may_have_is_exported_exactly(tmp_path: Path) -> None:
    import openvino

    random = np.random.default_rng(0)
    pixels = keras.Input((17, 17, 3))
    outputs = {name: layer(pixels) for name, layer in layers_of_a_model_file().items()}
    for merge in ("Add", "Multiply", "Concatenate", "Average"):
        outputs[merge] = getattr(keras.layers, merge)()([pixels, keras.layers.Conv2D(3, 1)(pixels)])
    model = keras.Model(pixels, [keras.layers.Flatten()(output) for output in outputs.values()])
    for weight in model.weights:
        if "float" in str(weight.dtype):
            weight.assign(random.uniform(0.1, 1, weight.shape))
    photo = random.uniform(0, 4, (1, 17, 17, 3)).astype(np.float32)
    network = openvino.Core().read_model(export(model, tmp_path / "export"))
    network.reshape([1, 17, 17, 3])
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    found = openvino.Core().compile_model(network, "CPU", exact)(photo)
    for number, (name, expected) in enumerate(
        zip(outputs, model.predict_on_batch(photo), strict=True)
    ):
        np.testing.assert_allclose(found[number], expected, rtol=1e-4, atol=1e-4, err_msg=name)
