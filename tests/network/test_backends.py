"""Both scripts on another Keras backend: JAX, the lightest to install."""

import csv
import importlib.util
import os
from pathlib import Path

import pytest

from tests.conftest import RunScript, Trained

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is not installed"
)


@pytest.fixture
def on_jax() -> dict[str, str]:
    # Compiling takes most of the time, and what is compiled runs once.
    return os.environ | {"KERAS_BACKEND": "jax", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}


def rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_training_and_fine_tuning_on_jax(
    run_script: RunScript,
    on_jax: dict[str, str],
    photo_folders: Path,
    flickering_clip: Path,
    tmp_path: Path,
) -> None:
    """What was trained on JAX gives the same labels on JAX and on TensorFlow."""
    model, labels, table = (tmp_path / name for name in ("a.keras", "lb", "frames.csv"))
    done = run_script(
        *("train.py", "-d", photo_folders, "-m", model, "-l", labels, "-p", tmp_path / "plot.png"),
        # The network that JAX compiles fastest, in batches that leave nothing to be filled up.
        *("--backbone", "mobilenetv3-small", "--weights", "random", "-e", 20, "--views", 1),
        *("--fine-tune", 1, "--cache", "off", "--engine", "keras", "--batch-size", 9),
        env=on_jax,
    )
    assert done.returncode == 0, done.stderr
    assert "fine-tuning: 24 images to learn from, 3 held out" in done.stdout
    found = []
    for environment in (on_jax, {**os.environ, "KERAS_BACKEND": "tensorflow"}):
        done = run_script(
            *("predict_video.py", "-m", model, "-l", labels, "-i", flickering_clip),
            *("--csv", table, "--stride", 30, "--cache", "off", "--engine", "keras"),
            env=environment,
        )
        assert done.returncode == 0, done.stderr
        found.append([row["raw_label"] for row in rows(table)])
    assert found[0] == found[1]
    assert {label for label in found[0] if label} <= {"blue", "green", "red"}


def test_a_network_on_jax_is_exported_for_openvino(
    run_script: RunScript,
    on_jax: dict[str, str],
    trained: Trained,
    flickering_clip: Path,
    tmp_path: Path,
) -> None:
    tables = []
    for engine in ("keras", "openvino"):
        table = tmp_path / f"{engine}.csv"
        done = run_script(
            *("predict_video.py", "-m", trained.model, "-l", trained.label_bin),
            *("-i", flickering_clip, "--csv", table, "--cache", "off", "--engine", engine),
            env=on_jax,
        )
        assert done.returncode == 0, done.stderr
        tables.append([row["label"] for row in rows(table)])
    assert tables[0] == tables[1] == ["red"] * 120
