"""Both scripts on another Keras backend: JAX, the lightest to install."""

import csv
import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

from activity.network.artifacts import load_model
from tests.conftest import RunScript, Trained

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is not installed"
)


@pytest.fixture
def on_jax() -> dict[str, str]:
    return os.environ | {"KERAS_BACKEND": "jax"}


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
    """What was trained on JAX tells the colours apart on JAX, and gives the same on TensorFlow."""
    model, labels, table = (tmp_path / name for name in ("a.keras", "lb", "frames.csv"))
    done = run_script(
        *("train.py", "-d", photo_folders, "-m", model, "-l", labels, "-p", tmp_path / "plot.png"),
        *("--backbone", "efficientnet-lite0", "-e", 20, "--views", 1, "--fine-tune", 1),
        *("--cache", "off", "--engine", "keras"),
        env=on_jax,
    )
    assert done.returncode == 0, done.stderr
    assert "fine-tuning: 24 images to learn from, 3 to choose by" in done.stdout
    done = run_script(
        *("predict_video.py", "-m", model, "-l", labels, "-i", flickering_clip, "--csv", table),
        *("--cache", "off", "--engine", "keras", "--size", 1),
        env=on_jax,
    )
    assert done.returncode == 0, done.stderr
    found = [row["label"] for row in rows(table)]
    assert found == ["red"] * 40 + ["green"] * 3 + ["red"] * 37 + ["blue"] * 2 + ["red"] * 38
    pixels = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3)).astype(np.float32)
    assert load_model(model).predict_on_batch(pixels).shape == (2, 3)


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
