"""``predict_video.py --unknown``, and what ``train.py`` writes for it, run as a person does."""

import csv
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import cv2
import numpy as np
import pytest
from sklearn.preprocessing import LabelBinarizer

from tests.conftest import COLOURS_BGR, RunScript, Trained

Predict = Callable[..., CompletedProcess[str]]


@pytest.fixture
def predict(run_script: RunScript, trained: Trained) -> Predict:
    def run(*arguments: object, label_bin: Path = trained.label_bin) -> CompletedProcess[str]:
        return run_script(
            *("predict_video.py", "--model", trained.model, "--label-bin", label_bin),
            *("--cache", trained.cache, "--display", "off", *arguments),
        )

    return run


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds of red, two of a grey that is no activity, two of blue."""
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 30, (160, 120))
    for colour in (COLOURS_BGR["red"], (110, 100, 105), COLOURS_BGR["blue"]):
        for number in range(60):
            frame = np.full((120, 160, 3), colour, np.uint8)
            frame[:, number % 160] = 255
            writer.write(frame)
    writer.release()
    return path


@pytest.mark.parametrize("smoothing", ["viterbi", "rolling"])
def test_other_footage_is_unknown(
    predict: Predict, clip: Path, tmp_path: Path, smoothing: str
) -> None:
    table, summary, output = tmp_path / "t.csv", tmp_path / "s.json", tmp_path / "o.mp4"
    done = predict(
        *("--input", clip, "--csv", table, "--json", summary, "--output", output, "--bars"),
        *("--smoothing", smoothing, "--size", 16, "--unknown"),
    )
    assert done.returncode == 0, done.stderr
    segments = json.loads(summary.read_text())["segments"]
    assert [segment["label"] for segment in segments] == ["red", "unknown", "blue"]
    if smoothing == "viterbi":
        assert [segment["first_frame"] for segment in segments] == [0, 60, 120]
    rows = list(csv.DictReader(table.open()))
    assert list(rows[0])[-4:] == ["p_blue", "p_green", "p_red", "p_unknown"]
    assert [float(rows[frame]["p_unknown"]) for frame in (30, 90, 150)] == [0, 1, 0]
    assert json.loads(summary.read_text())["settings"]["unknown"] is True


def test_without_it_everything_is_one_of_the_activities(
    predict: Predict, clip: Path, tmp_path: Path
) -> None:
    summary = tmp_path / "s.json"
    done = predict("--input", clip, "--json", summary, "--smoothing", "viterbi", "--size", 16)
    assert done.returncode == 0, done.stderr
    labels = {segment["label"] for segment in json.loads(summary.read_text())["segments"]}
    assert labels <= {"red", "green", "blue"}


def test_labels_that_cannot_have_it_are_one_line(
    predict: Predict, clip: Path, tmp_path: Path
) -> None:
    old = tmp_path / "old.pickle"
    old.write_bytes(pickle.dumps(LabelBinarizer().fit(["blue", "green", "red"])))
    done = predict("--input", clip, "--csv", tmp_path / "t.csv", "--unknown", label_bin=old)
    assert done.returncode == 2
    assert "which --unknown needs: train it again with train.py" in done.stderr
    own = LabelBinarizer().fit(["blue", "red", "unknown"])
    own.known_confidence_ = [0.5]
    old.write_bytes(pickle.dumps(own))
    done = predict("--input", clip, "--csv", tmp_path / "t.csv", "--unknown", label_bin=old)
    assert done.returncode == 2
    assert "the model has an activity named unknown: leave out --unknown" in done.stderr
    assert not (tmp_path / "t.csv").exists()
