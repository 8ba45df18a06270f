"""A model of train.py in a program of one's own, as docs/own_program.md has it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from activity.network.artifacts import load_model
from activity.training.remarks import remark_on_model
from tests.conftest import ROOT, RunTrain, Trained, draw_photo


def test_the_lines_in_the_docs_label_a_photo(trained: Trained, tmp_path: Path) -> None:
    text = (ROOT / "docs/own_program.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "model").mkdir()
    shutil.copy(trained.model, tmp_path / "model/activity.keras")
    shutil.copy(trained.label_bin, tmp_path / "model/lb.pickle")
    cv2.imwrite(str(tmp_path / "photo.jpg"), draw_photo("green", np.random.default_rng(0)))
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "green"


@pytest.mark.parametrize("name", ["activity.model", "activity.h5"])
def test_the_last_line_of_training_says_how_to_open_the_model(
    name: str, run_train: RunTrain, photo_folders: Path, tmp_path: Path
) -> None:
    model = tmp_path / name
    printed = run_train(
        *("-d", photo_folders, "-m", model, "-l", tmp_path / "lb", "-p", tmp_path / "plot.png"),
        *("--backbone", "mobilenetv3-small", "--weights", "random", "-e", 1, "--views", 1),
        *("--cache", "off", "--engine", "keras"),
    )
    last = printed.splitlines()[-1]
    assert "RGB pixels 0..255, subtract nothing" in last
    named = Path(re.findall(r'keras\.models\.load_model\("(.*?)"\)', last)[0])
    if named != model:
        assert f"a copy of {model}" in last
        shutil.copy(model, named)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3)).astype(np.float32)
    np.testing.assert_array_equal(
        keras.models.load_model(named).predict_on_batch(pixels),
        load_model(model).predict_on_batch(pixels),
    )


def test_a_model_that_keras_can_open_needs_no_copy() -> None:
    assert 'load_model("model/a.keras");' in remark_on_model(Path("model/a.keras")).replace(
        "\\", "/"
    )
    assert "copy" not in remark_on_model(Path("a.hdf5"))
