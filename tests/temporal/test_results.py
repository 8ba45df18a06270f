"""The table and the summary of a clip: what other programs read."""

import csv
import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.temporal.results import Prediction, Summary, open_table, write_json
from activity.temporal.smoothing import RollingAverage, count_switches

LABELS = ["football", "tennis", "weight_lifting"]
FPS = 25.0

winners_of_frames = st.lists(st.sampled_from([0, 1, 2, None]), max_size=60).map(
    lambda winners: winners and [winners[0] or 0, *winners[1:]]
)


def predictions(winners: list[int | None], size: int = 4) -> list[Prediction]:
    """One prediction a winner; None is a frame that was not classified."""
    average = RollingAverage(size)
    mean = np.zeros(3)
    made = []
    for frame, winner in enumerate(winners):
        raw = None
        if winner is not None:
            raw = np.full(3, 0.1, np.float32)
            raw[winner] = 0.8
            mean = average.push(raw)
        made.append(Prediction(frame, frame / FPS, raw, mean, int(mean.argmax())))
    return made


def summarise(frames: list[Prediction]) -> Summary:
    summary = Summary(LABELS)
    for prediction in frames:
        summary.add(prediction)
    return summary


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@given(winners_of_frames, st.integers(1, 8))
def test_segments_tile_the_clip(winners: list[int | None], size: int) -> None:
    frames = predictions(winners, size)
    segments = summarise(frames).as_dict(end=len(frames) / FPS)["segments"]
    covered = [n for s in segments for n in range(s["first_frame"], s["last_frame"] + 1)]
    assert covered == list(range(len(frames)))
    for segment, following in pairwise(segments):
        assert segment["end"] == following["start"]
        assert segment["label"] != following["label"]
    if frames:
        assert segments[0]["start"] == 0
        assert segments[-1]["end"] == len(frames) / FPS
    for segment in segments:
        drawn = LABELS[frames[segment["first_frame"]].label]
        assert segment["label"] == drawn


@given(winners_of_frames, st.integers(1, 8))
def test_switches_are_those_of_the_labels(winners: list[int | None], size: int) -> None:
    frames = predictions(winners, size)
    summary = summarise(frames)
    assert summary.raw_switches == count_switches([w for w in winners if w is not None])
    assert summary.switches == count_switches([p.label for p in frames])


def test_overall_label_is_that_of_the_mean_raw_prediction() -> None:
    outcome = summarise(predictions([1, 1, 1, 2])).as_dict(end=4 / FPS)
    assert outcome["overall"]["label"] == "tennis"
    assert outcome["overall"]["probability"] == pytest.approx((0.8 * 3 + 0.1) / 4)
    assert outcome["overall"]["probabilities"]["weight_lifting"] == pytest.approx(1.1 / 4)


def test_frames_not_classified_count_as_read_only() -> None:
    outcome = summarise(predictions([1, None, None, 2, None])).as_dict(end=5 / FPS)
    assert outcome["frames"] == {"read": 5, "classified": 2}
    assert outcome["overall"]["probability"] == pytest.approx(0.45)


def test_summary_of_no_frames_has_no_label() -> None:
    outcome = summarise([]).as_dict(end=0)
    assert outcome["overall"]["label"] is None
    assert outcome["overall"]["probability"] is None
    assert outcome["segments"] == []


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


@pytest.mark.parametrize("label", ["a,b", 'say "hi"', "two\nlines", "テニス", "Fußball", "frame"])
def test_any_label_survives_the_table(tmp_path: Path, label: str) -> None:
    with open_table(tmp_path / "table.csv", [label, "other"]) as write:
        write(Prediction(0, 0.0, np.array([0.9, 0.1], np.float32), np.array([0.9, 0.1]), 0))
    (row,) = read_table(tmp_path / "table.csv")
    assert row["raw_label"] == row["label"] == label
    assert row[f"p_{label}"] == "0.900000"
    assert row["frame"] == "0"


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


def test_json_holds_what_was_given(tmp_path: Path) -> None:
    content = {"label": 'テニス "a", b', "figures": [1, 0.5, None], "path": "caf\udce9.mp4"}
    write_json(tmp_path / "summary.json", content)
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8")) == content


@pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf])
def test_json_has_null_for_what_is_no_number(tmp_path: Path, figure: float) -> None:
    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not JSON")

    write_json(tmp_path / "summary.json", {"fps": figure, "loss": [1.0, np.float64(figure)]})
    text = (tmp_path / "summary.json").read_text()
    assert json.loads(text, parse_constant=refuse) == {"fps": None, "loss": [1.0, None]}
