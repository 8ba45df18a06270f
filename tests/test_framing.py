"""A frame is seen by the network as the photos were when it was trained."""

import csv
import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import COLOURS_BGR, RunScript, Trained


@pytest.fixture
def wide_clip(tmp_path: Path) -> Path:
    """Frames three times as wide as high: green, with a red square in the middle."""
    path = tmp_path / "wide.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (360, 120))
    for number in range(12):
        frame = np.full((120, 360, 3), COLOURS_BGR["green"], np.uint8)
        frame[:, 120:240] = COLOURS_BGR["red"]
        frame[:, number] = 255
        writer.write(frame)
    writer.release()
    return path


@pytest.mark.parametrize("smoothing", ["rolling", "viterbi"])
@pytest.mark.parametrize(("framing", "label"), [("centre", "red"), (None, "green")])
def test_old_labels_get_squashed_frames_and_new_ones_the_centre(
    run_script: RunScript,
    trained: Trained,
    wide_clip: Path,
    tmp_path: Path,
    framing: str | None,
    label: str,
    smoothing: str,
) -> None:
    label_bin = trained.label_bin
    if framing is None:
        binarizer = pickle.loads(trained.label_bin.read_bytes())
        del binarizer.framing_
        label_bin = tmp_path / "old.pickle"
        label_bin.write_bytes(pickle.dumps(binarizer))
    done = run_script(
        *("predict_video.py", "--model", trained.model, "--label-bin", label_bin),
        *("--cache", trained.cache, "--display", "off", "--input", wide_clip),
        *("--csv", tmp_path / "t.csv", "--json", tmp_path / "s.json", "--smoothing", smoothing),
    )
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((tmp_path / "t.csv").open()))
    assert {row["label"] for row in rows} == {label}
    settings = json.loads((tmp_path / "s.json").read_text())["settings"]
    assert settings["framing"] == (framing or "squashed")


def test_a_framing_of_a_later_version_ends_in_one_line(
    run_script: RunScript, trained: Trained, wide_clip: Path, tmp_path: Path
) -> None:
    binarizer = pickle.loads(trained.label_bin.read_bytes())
    binarizer.framing_ = "round"
    (tmp_path / "later.pickle").write_bytes(pickle.dumps(binarizer))
    done = run_script(
        *("predict_video.py", "--model", trained.model, "--label-bin", tmp_path / "later.pickle"),
        *("--cache", trained.cache, "--display", "off", "--input", wide_clip),
        *("--csv", tmp_path / "t.csv"),
    )
    assert done.returncode == 2
    assert "later version" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "t.csv").exists()
