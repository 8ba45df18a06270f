"""Whatever settings Keras was given, both scripts do the same, or say why they cannot."""

import csv
import json
import os
import zipfile
from pathlib import Path

import pytest

from tests.conftest import RunScript, Trained

FOREIGN = {"image_data_format": "channels_first", "floatx": "float16", "epsilon": 1e-3}
REFUSED = {
    "it is not an object": [],
    "floatx is none of": {"floatx": "bfloat16"},
    "image_data_format is none of": {"image_data_format": "channels_middle"},
    "epsilon is not a number": {"epsilon": "small"},
    "backend is not a name": {"backend": ["tensorflow"]},
}


def environment(home: Path, settings: object = None, backend: str | None = None) -> dict[str, str]:
    if settings is not None:
        text = settings if isinstance(settings, str) else json.dumps(settings)
        (home / "keras.json").write_text(text)
    given = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"}
    return given | {"KERAS_HOME": str(home)} | ({"KERAS_BACKEND": backend} if backend else {})


def test_settings_of_keras_change_no_prediction(
    run_script: RunScript, trained: Trained, flickering_clip: Path, tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    done = run_script(
        *("predict_video.py", "-m", trained.model, "-l", trained.label_bin, "--size", 1),
        *("--cache", "off", "--engine", "keras", "-i", flickering_clip, "--csv", table),
        env=environment(tmp_path, FOREIGN),
    )
    assert done.returncode == 0, done.stderr
    with table.open(encoding="utf-8", newline="") as file:
        found = [row["label"] for row in csv.DictReader(file)]
    assert found == ["red"] * 40 + ["green"] * 3 + ["red"] * 37 + ["blue"] * 2 + ["red"] * 38


def test_settings_of_keras_change_no_training(
    run_script: RunScript, photo_folders: Path, tmp_path: Path
) -> None:
    done = run_script(
        *("train.py", "-d", photo_folders, "-m", tmp_path / "a.keras", "-l", tmp_path / "lb"),
        *("-p", tmp_path / "plot.png", "--backbone", "efficientnet-lite0", "-e", 1),
        *("--cache", "off", "--engine", "keras", "--views", 1),
        env=environment(tmp_path, FOREIGN),
    )
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "a.keras") as model:
        assert dtypes_in(json.loads(model.read("config.json"))) == {"float32"}


def dtypes_in(config: object) -> set[str]:
    if isinstance(config, list):
        return set().union(*map(dtypes_in, config))
    if not isinstance(config, dict):
        return set()
    named = config.get("dtype")
    found = {named} if isinstance(named, str) else set()
    if isinstance(named, dict) and named.get("class_name") == "DTypePolicy":
        found = {named["config"]["name"]}
    return found.union(*map(dtypes_in, config.values()))


@pytest.mark.parametrize("problem", REFUSED)
def test_settings_that_keras_cannot_read_are_one_line(
    problem: str, run_script: RunScript, tmp_path: Path
) -> None:
    done = run_script(
        *("train.py", "-d", tmp_path, "-m", tmp_path / "m", "-l", tmp_path / "l"),
        env=environment(tmp_path, REFUSED[problem]),
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: Keras cannot read its settings ")
    assert problem in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("script", ["train.py", "predict_video.py"])
@pytest.mark.parametrize(
    ("backend", "settings", "message"),
    [
        ("numpy", None, "'numpy' (from KERAS_BACKEND) is not one that trains and predicts"),
        ("pytorch", None, "'pytorch' (from KERAS_BACKEND) is not one that trains and predicts"),
        (None, {"backend": "theano"}, "keras.json) is not one that trains and predicts"),
    ],
)
def test_an_unknown_backend_is_one_line(
    script: str,
    backend: str | None,
    settings: object,
    message: str,
    run_script: RunScript,
    tmp_path: Path,
) -> None:
    flag = "-d" if script == "train.py" else "-i"
    done = run_script(
        *(script, flag, tmp_path, "-m", tmp_path / "m", "-l", tmp_path / "l"),
        env=environment(tmp_path, settings, backend),
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert "use one of tensorflow, jax, torch" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("script", ["train.py", "predict_video.py"])
def test_a_backend_that_is_not_installed_is_one_line(
    script: str, run_script: RunScript, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['torch'] = None")
    flag = "-d" if script == "train.py" else "-i"
    done = run_script(
        *(script, flag, tmp_path, "-m", tmp_path / "m", "-l", tmp_path / "l"),
        env=environment(tmp_path, backend="torch") | {"PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 2
    assert "torch (from KERAS_BACKEND) is not installed: pip install torch" in done.stderr
    assert done.stderr.count("\n") == 1
