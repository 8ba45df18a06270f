"""The table of a clip's predictions: one row for each frame."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given

from activity.common.tables import from_text, read_rows
from activity.temporal.prediction_table import write_table
from activity.temporal.predictions import Predictions
from activity.temporal.smoothing import Rolling
from tests.common.test_tables import NAMES
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


@given(NAMES)
@example("frame")
@example("テニス")
def test_any_label_survives_the_table(tmp_path_factory: pytest.TempPathFactory, label: str) -> None:
    path = tmp_path_factory.getbasetemp() / "table.csv"
    write(path, predictions_of(np.array([[0.9, 0.1]]), [label, "some other"]))
    (row,) = read_table(path)
    assert from_text(row["raw_label"]) == from_text(row["label"]) == label
    (column,) = [name for name in row if row[name] == "0.900000" and name.startswith("p_")]
    assert from_text(column.removeprefix("p_")) == label
    assert row["frame"] == "0"
    header, cells = (values for _, values in read_rows(path, "table", "a header"))
    assert dict(zip(header, cells, strict=True)) == row


def test_a_table_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    clip = predictions_of(one_hot([0, 1]), ["football"])
    with pytest.raises(IndexError):  # a label without a name
        write(tmp_path / "table.csv", clip)
    assert list(tmp_path.iterdir()) == []
