"""Which backend Keras gets: the lightest that can do what a command asks for."""

import itertools
import json
import os
import sys
from pathlib import Path

import pytest

import predict_video
import train
from activity.common import keras_settings
from activity.common.errors import UserError
from activity.common.keras_settings import choose_backend

pytest.importorskip("openvino", reason="OpenVINO is not installed")


@pytest.fixture(autouse=True)
def _before_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has not imported Keras, on a machine without a GPU."""
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setattr(sys, "meta_path", sys.meta_path[:])
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(keras_settings, "_GPU_DRIVERS", (str(tmp_path / "gpu"),))
    monkeypatch.setattr(keras_settings, "_GPU_PACKAGES", ())


@pytest.mark.parametrize(
    ("command", "backend"),
    [
        ("train.py", "openvino"),
        ("train.py --int8", "openvino"),
        ("train.py --engine openvino", "openvino"),
        ("train.py --engine keras", "tensorflow"),
        ("train.py --fine-tune 2", "tensorflow"),
        ("train.py --weights random", "tensorflow"),
        ("predict_video.py", "openvino"),
        ("predict_video.py --engine openvino", "openvino"),
        ("predict_video.py --engine int8", "openvino"),
        ("predict_video.py --engine keras", "tensorflow"),
    ],
)
def test_what_each_command_takes(
    command: str, backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, *flags = command.split()
    files = ["-m", str(tmp_path / "m"), "-l", str(tmp_path / "l")]
    missing = str(tmp_path / "missing")
    files += ["-d", missing] if script == "train.py" else ["-i", missing, "--csv", f"{missing}.csv"]
    monkeypatch.setattr(sys, "argv", [script, *files, *flags])
    with pytest.raises(UserError, match=r"missing|cannot read"):
        (train if script == "train.py" else predict_video).main()
    assert os.environ["KERAS_BACKEND"] == backend


def test_what_a_person_has_named_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    if pytest.importorskip("jax"):
        assert choose_backend("auto") == "jax"
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert choose_backend("auto") == "tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "openvino")
    assert choose_backend("auto") == "openvino"
    for asked in ({"engine": "keras"}, {"engine": "auto", "trains": True}):
        with pytest.raises(UserError, match=r"'openvino' .* is not one that trains and predicts"):
            choose_backend(**asked)


def test_the_settings_that_keras_itself_writes_name_nothing(tmp_path: Path) -> None:
    written = {"floatx": "float32", "epsilon": 1e-7, "backend": "tensorflow"}
    (tmp_path / "keras.json").write_text(json.dumps(written))
    assert choose_backend("auto") == "openvino"


def test_where_there_may_be_a_gpu_keras_can_compute(tmp_path: Path) -> None:
    (tmp_path / "gpu").touch()
    assert choose_backend("auto") == "tensorflow"
    os.environ.pop("KERAS_BACKEND")
    assert choose_backend("openvino") == "openvino"


@pytest.mark.parametrize("package", ["openvino", "scipy"])
def test_what_the_exporting_backend_needs_is_not_installed(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert choose_backend("auto") == "tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "openvino")
    with pytest.raises(UserError, match=f"pip install {package}"):
        choose_backend("auto")


def test_any_json_in_the_settings_is_taken_or_refused_in_one_line(tmp_path: Path) -> None:
    keys = ("backend", "floatx", "epsilon", "image_data_format", "nnx_enabled", "other")
    values = (None, True, False, 0, -3, 1.5, "", "name", [], ["jax"], {}, {"a": {}})
    contents = [*values, *({key: value} for key, value in itertools.product(keys, values))]
    refusals = []
    for content in contents:
        (tmp_path / "keras.json").write_text(json.dumps(content))
        os.environ.pop("KERAS_BACKEND", None)
        try:
            assert choose_backend("auto") == "openvino"
        except UserError as error:
            refusals.append(str(error))
    # Of each key that Keras reads, all values but those of its type; of the file, all but objects.
    assert len(refusals) > 50
    for refusal in refusals:
        assert refusal.count("keras.json") == 1
        assert "\n" not in refusal
    for text in ("[" * 100_000, "not json", '{"epsilon": NaN}'):
        (tmp_path / "keras.json").write_text(text)
        os.environ.pop("KERAS_BACKEND", None)
        if text.startswith("["):
            with pytest.raises(UserError, match="nested too deeply"):
                choose_backend("auto")
        else:
            assert choose_backend("auto") == "openvino"


def test_settings_that_are_a_folder_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "keras.json").mkdir()
    with pytest.raises(UserError, match=r"keras\.json: "):
        choose_backend("auto")
