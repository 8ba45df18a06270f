"""A model of train.py in a program of one's own, as docs/own_program.md has it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from activity.training.results.remarks import remark_on_model
from tests.conftest import ROOT, Trained, draw_photo


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


def test_a_model_that_keras_can_open_needs_no_copy() -> None:
    assert 'load_model("model/a.keras");' in remark_on_model(Path("model/a.keras")).replace(
        "\\", "/"
    )
    assert "copy" not in remark_on_model(Path("a.hdf5"))
