"""``predict_video.py --stats``: the numbers of all clips of a run."""

import csv
import json
from contextlib import nullcontext
from pathlib import Path

import cv2
import pytest

from activity.common.errors import UserError
from activity.temporal.stats_tables import ALL_CLIPS, COLUMNS
from tests.conftest import RunMain, Trained, write_clip
from tests.temporal.formats.test_oracles import boris_says


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    write_clip(folder / "a.mp4", ["red"] * 60 + ["blue"] * 30 + ["red"] * 30)
    write_clip(folder / "b.mp4", ["green"] * 30 + ["blue"] * 30)
    return folder


@pytest.fixture
def common(trained: Trained, clips: Path) -> tuple[object, ...]:
    files = ("--input", clips, "--model", trained.model, "--label-bin", trained.label_bin)
    return (*files, "--cache", trained.cache, "--size", 1)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_numbers_of_clips_and_of_all(
    run_predict: RunMain, common: tuple[object, ...], clips: Path, tmp_path: Path
) -> None:
    table, picture = tmp_path / "stats.csv", tmp_path / "stats.png"
    said = run_predict(*common, "--stats", table, picture, "--json", tmp_path / "out")
    after = tmp_path / "stats_transitions.csv"
    assert f"wrote {table}, {after}, {picture}" in said
    rows = rows_of(table)
    assert tuple(rows[0]) == COLUMNS
    found = {(row["clip"], row["label"]): row for row in rows}
    assert len(found) == len(rows) == 12  # two clips and all; three labels and unknown
    red = found[str(clips / "a.mp4"), "red"]
    assert {name: float(red[name]) for name in COLUMNS[4:12]} == {
        **{"seconds": 3, "share": 0.75, "bouts": 2, "mean": 1.5, "median": 1.5, "longest": 2},
        **{"latency": 0, "per_minute": 30},
    }
    assert red["share_corrected"] == ""
    blue = found[ALL_CLIPS, "blue"]
    assert (float(blue["seconds"]), blue["bouts"], float(blue["latency"])) == (2, "2", 1.5)
    assert float(blue["share"]) == pytest.approx(2 / 6, abs=1e-6)
    assert found[ALL_CLIPS, "unknown"]["longest"] == ""
    follows = {row["after"]: row for row in rows_of(after)}
    assert (follows["red"]["blue"], follows["blue"]["red"], follows["green"]["blue"]) == tuple(
        "111"
    )
    assert cv2.imread(str(picture)).shape[1] > 1000
    summary = json.loads((tmp_path / "out/a.json").read_text())
    assert summary["bouts"]["red"]["longest"] == 2


def test_bins_of_time(run_predict: RunMain, common: tuple[object, ...], tmp_path: Path) -> None:
    run_predict(*common, "--stats", tmp_path / "stats.csv", "--stats-bins", 1)
    rows = [row for row in rows_of(tmp_path / "stats.csv") if row["label"] == "blue"]
    per_bin = [
        (float(row["start"]), float(row["end"]), float(row["share"]))
        for row in rows
        if row["clip"] == ALL_CLIPS
    ]
    assert per_bin[0][:2] == (0, 4)
    assert per_bin[1:] == [(0, 1, 0), (1, 2, 0.5), (2, 3, 1), (3, 4, 0)]


def test_shares_are_corrected_by_the_truth(
    run_predict: RunMain, common: tuple[object, ...], tmp_path: Path
) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text("clip,start,end,label\na.mp4,0,2,red\na.mp4,2,4,blue\n")
    said = run_predict(*common, "--truth", truth, "--stats", tmp_path / "stats.csv")
    # Of three seconds of red, one is blue.
    assert "share of red: 0.500, corrected 0.333" in said
    assert "share of blue: 0.333, corrected 0.500" in said
    confusion = {row["predicted"]: row for row in rows_of(tmp_path / "stats_confusion.csv")}
    assert [float(confusion["red"][label]) for label in ("red", "blue")] == [2, 1]
    rows = {(row["clip"], row["label"]): row for row in rows_of(tmp_path / "stats.csv")}
    assert float(rows[ALL_CLIPS, "red"]["share_corrected"]) == pytest.approx(1 / 3, abs=1e-6)
    assert rows[ALL_CLIPS, "red"]["share_low"] == ""  # one clip gives no interval


def test_a_run_that_went_on_counts_all_clips(
    run_predict: RunMain, common: tuple[object, ...], tmp_path: Path
) -> None:
    run_predict(*common, "--csv", tmp_path / "out")
    run_predict(*common, "--csv", tmp_path / "out", "--stats", tmp_path / "stats.csv")
    assert len({row["clip"] for row in rows_of(tmp_path / "stats.csv")}) == 3


@pytest.mark.parametrize("names", [["a.txt"], ["a.csv", "b.csv"], ["a.csv", "b"]])
def test_other_endings_are_refused(
    run_predict: RunMain, common: tuple[object, ...], tmp_path: Path, names: list[str]
) -> None:
    with pytest.raises(UserError, match=r"--stats writes a table and a picture"):
        run_predict(*common, "--stats", *(tmp_path / name for name in names))


def test_a_table_of_numbers_is_not_written_over_the_truth(
    run_predict: RunMain, common: tuple[object, ...], tmp_path: Path
) -> None:
    truth = tmp_path / "stats_confusion.csv"
    truth.write_text("clip,start,end,label\na.mp4,0,2,red\n")
    with pytest.raises(UserError, match=r"would overwrite .*stats_confusion.csv, which is read"):
        run_predict(*common, "--truth", truth, "--stats", tmp_path / "stats.csv")


def test_boris_counts_the_same(
    run_predict: RunMain, common: tuple[object, ...], clips: Path, tmp_path: Path
) -> None:
    project, table = tmp_path / "clips.boris", tmp_path / "stats.csv"
    run_predict(*common, "--segments", project, "--stats", table)
    budgets = boris_says(project)["budgets"]
    for row in rows_of(table):
        if row["clip"] != ALL_CLIPS and row["label"] in budgets[Path(row["clip"]).stem]:
            seconds, bouts, mean = budgets[Path(row["clip"]).stem][row["label"]]
            assert float(row["seconds"]) == pytest.approx(seconds, abs=0.001)
            assert int(row["bouts"]) == bouts
            if bouts:
                assert float(row["mean"]) == pytest.approx(mean, abs=0.001)


def test_a_run_that_ends_early_leaves_the_numbers_of_all_clips_as_they_were(
    run_predict: RunMain,
    common: tuple[object, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = tmp_path / "stats.csv"
    run_predict(*common, "--stats", table)
    was = table.read_bytes()
    ended = iter([False] * 150)  # Ctrl-C in the second clip
    monkeypatch.setattr(
        "predict_video.delay_interrupts",
        lambda: nullcontext(lambda: next(ended, True)),
    )
    said = run_predict(*common, "--stats", table)
    assert "would be about 1 of 2 clips: not written" in said
    assert table.read_bytes() == was
