"""``predict_video.py --unknown``, and what ``train.py`` writes for it, run as a person does."""

import csv
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import cv2
import numpy as np
import pytest
from sklearn.preprocessing import LabelBinarizer

from activity.network.artifacts import load_label_file
from tests.conftest import COLOURS_BGR, RunMain, RunScript, Trained, write_clip

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


def test_what_lies_beside_the_activities_is_learned_as_none_of_them(
    run_train: RunMain, photo_folders: Path, tmp_path: Path
) -> None:
    dataset = Path(shutil.copytree(photo_folders, tmp_path / "photos"))
    random = np.random.default_rng(1)
    for folder, colour in (("chess", (0, 200, 200)), ("go", (200, 200, 0)), ("unknown", (99,) * 3)):
        (dataset / folder).mkdir()
        for number in range(12):
            noise = random.normal(0, 40, (90, 120, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            cv2.imwrite(str(dataset / folder / f"{number}.jpg"), pixels)
    (dataset / "unknown/7.jpg").write_bytes(b"not a photo")
    write_clip(dataset / "match.avi", ["red"] * 60 + ["green"] * 60, size=(64, 48))
    (dataset / "match.csv").write_text("start,end,label\n0,2,red\n2,4,unknown\n")

    def train(*flags: object) -> tuple[str, dict[str, Any]]:
        said = run_train(
            *("--dataset", dataset, "--labels", *COLOURS_BGR, "--epochs", 5),
            *("--backbone", "efficientnet-lite0", "--engine", "keras", "--views", 1),
            *("--cache", tmp_path / "cache", "-m", tmp_path / "a.keras", "-l", tmp_path / "lb"),
            *("-p", tmp_path / "plot.png", "--report", tmp_path / "report.json", *flags),
        )
        return said, json.loads((tmp_path / "report.json").read_text())

    said, report = train()
    assert "learning 3 activities:" in said
    learned, kept = ("chess", "go") if "12 photos of go" in said else ("go", "chess")
    assert f"set aside to evaluate --unknown: 12 photos of {kept}" in said
    assert "learned as none of the activities: 24 photos and 12 frames of 1 clips" in said
    assert f"(photos of {learned}, unknown; --outliers 0 leaves them out)" in said
    assert "skipped 1 photos that cannot be read:\n[INFO]   unknown/7.jpg" in said
    assert "% of 12 photos of activities never seen; of the " in said
    figures = report["unknown"]
    assert len(figures["unseen_photos"]) == 12
    assert figures["outliers_learned"][-1] == "match.avi at 3.875 s"
    assert len(figures["outliers_learned"]) == 23 + 12
    assert 0 <= figures["known_called_unknown"] <= 1
    assert 0 <= figures["unseen_called_unknown"] <= 1
    classes = load_label_file(tmp_path / "lb").classes
    assert classes == sorted(COLOURS_BGR)

    without, plain = train("--outliers", 0)
    for words in ("none of the activities", "never seen", "unknown/7.jpg", "judge --unknown by"):
        assert words not in without
    assert "of the 12 frames that are labelled unknown" in without
    assert plain["unknown"]["outliers_learned"] == []
    assert plain["history"]["loss"] != report["history"]["loss"]
