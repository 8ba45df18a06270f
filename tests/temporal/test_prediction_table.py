"""The table of a clip's predictions: one row for each frame."""

import csv
from pathlib import Path

import numpy as np
import pytest

from activity.temporal.prediction_table import write_table
from activity.temporal.predictions import Predictions
from activity.temporal.smoothing import Rolling
from tests.predictions import predictions_of
from tests.temporal.test_summary import one_hot


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, clip: Predictions, size: int = 1) -> None:
    smoothing = Rolling(size)
    write_table(path, clip, smoothing, smoothing.numbers(clip), clip.frames)


def test_table_has_one_row_a_frame(tmp_path: Path) -> None:
    clip = predictions_of(one_hot([0, 1, 1]), stride=2, frames=5)
    write(tmp_path / "table.csv", clip, size=4)
    rows = read_table(tmp_path / "table.csv")
    assert [int(row["frame"]) for row in rows] == [0, 1, 2, 3, 4]
    assert [float(row["time"]) for row in rows] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    assert [row["raw_label"] for row in rows] == ["football", "", "tennis", "", "tennis"]
    assert [row["p_tennis"] for row in rows] == ["0.100000", "", "0.800000", "", "0.800000"]
    assert [row["label"] for row in rows] == [*["football"] * 4, "tennis"]
    assert float(rows[-1]["probability"]) == pytest.approx(0.8)


@pytest.mark.parametrize("label", ["a,b", 'say "hi"', "two\nlines", "テニス", "Fußball", "frame"])
def test_any_label_survives_the_table(tmp_path: Path, label: str) -> None:
    write(tmp_path / "table.csv", predictions_of(np.array([[0.9, 0.1]]), [label, "other"]))
    (row,) = read_table(tmp_path / "table.csv")
    assert row["raw_label"] == row["label"] == label
    assert row[f"p_{label}"] == "0.900000"
    assert row["frame"] == "0"


def test_a_table_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    clip = predictions_of(one_hot([0, 1]), ["football"])
    with pytest.raises(IndexError):  # a label without a name
        write(tmp_path / "table.csv", clip)
    assert list(tmp_path.iterdir()) == []
