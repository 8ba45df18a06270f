"""The table of a clip's predictions: one row for each frame."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given

from activity.common.tables import from_text, read_rows
from activity.temporal.prediction import Prediction
from activity.temporal.prediction_table import open_table
from tests.common.test_tables import NAMES
from tests.temporal.test_summary import LABELS, predictions


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_table_has_one_row_a_frame(tmp_path: Path) -> None:
    frames = predictions([0, 1, None, 1], size=2)
    with open_table(tmp_path / "table.csv", LABELS) as write:
        for prediction in frames:
            write(prediction)
    rows = read_table(tmp_path / "table.csv")
    assert [int(row["frame"]) for row in rows] == [0, 1, 2, 3]
    assert [float(row["time"]) for row in rows] == pytest.approx([0, 0.04, 0.08, 0.12])
    assert [row["raw_label"] for row in rows] == ["football", "tennis", "", "tennis"]
    assert [row["p_tennis"] for row in rows] == ["0.100000", "0.800000", "", "0.800000"]
    assert [row["label"] for row in rows] == ["football", "football", "football", "tennis"]
    assert float(rows[-1]["probability"]) == pytest.approx(0.8)


@given(NAMES)
@example("frame")
@example("テニス")
def test_any_label_survives_the_table(tmp_path_factory: pytest.TempPathFactory, label: str) -> None:
    path = tmp_path_factory.getbasetemp() / "table.csv"
    with open_table(path, [label, "some other"]) as write:
        write(Prediction(0, 0.0, np.array([0.9, 0.1], np.float32), np.array([0.9, 0.1]), 0))
    (row,) = read_table(path)
    assert from_text(row["raw_label"]) == from_text(row["label"]) == label
    (column,) = [name for name in row if row[name] == "0.900000" and name.startswith("p_")]
    assert from_text(column.removeprefix("p_")) == label
    assert row["frame"] == "0"
    header, cells = (values for _, values in read_rows(path, "table", "a header"))
    assert dict(zip(header, cells, strict=True)) == row


def test_a_table_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail_half_way() -> None:
        with open_table(tmp_path / "table.csv", LABELS) as write:
            write(predictions([0])[0])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert list(tmp_path.iterdir()) == []


def test_rows_are_written_as_they_come(tmp_path: Path) -> None:
    frame = predictions([0])[0]
    with open_table(tmp_path / "table.csv", LABELS) as write:
        for _ in range(1000):
            write(frame)
        (part,) = tmp_path.iterdir()
        assert part.stat().st_size > 10_000
    assert len(read_table(tmp_path / "table.csv")) == 1000
