"""``train.py`` on regions of clips, as a person runs it."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from activity.network.label_pickle import read_labels
from tests.conftest import RunScript, write_halves
from tests.test_train import train_arguments

HALVES = ["--region", "left=0,0,0.5,1", "--region", "right=0.5,0,0.5,1"]
HEADER = "clip,region,left,top,width,height\n"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four clips, each half red for two seconds and blue for two, the other one in turn."""
    dataset = tmp_path_factory.mktemp("halves")
    lines = ["clip,region,start,end,label"]
    for number in range(4):
        name = f"{number}.avi"
        # Of different sizes, or they would be one clip under several names.
        colours = [("red", "blue")] * 60 + [("blue", "red")] * 60
        write_halves(dataset / name, colours, size=(160, 80 + 4 * number))
        lines += [f"{name},left,0,2,red", f"{name},left,2,4,blue"]
        lines += [f"{name},right,0,2,blue", f"{name},right,2,4,red"]
    (dataset / "labels.csv").write_text("\n".join(lines) + "\n")
    return dataset


def known_features(cache: Path) -> int:
    with closing(sqlite3.connect(cache / "features.sqlite")) as table:
        count: int = table.execute("SELECT count(*) FROM features").fetchone()[0]
    return count


def test_the_halves_of_a_frame_are_learned_apart(
    run_script: RunScript, halves: Path, tmp_path: Path, cache: Path
) -> None:
    report = tmp_path / "report.json"
    arguments = [*train_arguments(halves, tmp_path, cache), *HALVES, "--every", "0.5"]
    done = run_script("train.py", *arguments, "--report", report)
    assert done.returncode == 0, done.stderr
    assert f"  red: 8 regions of clips in {halves}" in done.stdout
    assert "regions that tables are about: left (of 4 clips), right (of 4 clips)" in done.stdout
    # Each half gives 25 frames, and those of both are on one side.
    assert "150 frames of 3 clips to train on, 50 frames of 1 clips to test with" in done.stdout
    found = json.loads(report.read_text())
    assert found["accuracy_of_frames"] > 0.8  # of whole frames it would be 0.5
    assert found["settings"]["region"] == ["left=0,0,0.5,1", "right=0.5,0,0.5,1"]
    assert any(" (left) at " in each["photo"] for each in found["looks_like"][0]["strangest"])
    labels = read_labels((tmp_path / "model/lb.pickle").read_bytes())
    spans = labels.learned or ()
    assert {(span.window.left, span.window.width) for span in spans if span.window} == {
        (0, 80),
        (80, 80),
    }
    assert len(spans) == 3 * 2 * 2
    # What was computed is found again, by the pixels and not by what regions are called.
    features = known_features(cache)
    renamed = Path(shutil.copytree(halves, tmp_path / "renamed"))
    text = (halves / "labels.csv").read_text()
    (renamed / "labels.csv").write_text(text.replace(",left,", ",cage 1,"))
    named = [each.replace("left=", "cage 1=") for each in HALVES]
    arguments = [*train_arguments(renamed, tmp_path, cache), *named, "--every", "0.5"]
    done = run_script("train.py", *arguments)
    assert done.returncode == 0, done.stderr
    assert "150 frames of 3 clips to train on, 50 frames of 1 clips to test with" in done.stdout
    assert known_features(cache) == features == 150 * 2 + 50


def test_tables_of_regions_without_a_place_say_what_to_give(
    run_script: RunScript, halves: Path, tmp_path: Path, cache: Path
) -> None:
    done = run_script("train.py", *train_arguments(halves, tmp_path, cache))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "give --region left=LEFT,TOP,WIDTH,HEIGHT, or a line of it in the table" in done.stderr
    assert not (tmp_path / "model/activity.model").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--region", "left=0,0,0.5"], "give four numbers, LEFT,TOP,WIDTH,HEIGHT"),
        (["--region", "left=0.6,0,0.5,1"], "reaches beyond the frame, which ends at 1"),
        ([*HALVES, "--region", "Left=0,0,0.5,1"], "two regions are called Left"),
        (["--region", "left=90,0,80,80"], "is not inside the frames of 0.avi, which are 160x80"),
        (["--region", "left=0,0,0.05,1"], "has 8x80 of the 160x80 pixels of 0.avi: it should have"),
        (["--region", "left=0,0,80,80"], "frames of 0.avi are 160x80, those of 1.avi 160x84"),
        (["--regions", "{folder}/gone.csv"], "no table of regions at "),
        (["--regions", "{folder}/bad.csv"], "line 2: the region left=0,0,0,1 lies outside"),
        (["--regions", "{folder}/other.csv"], "other.avi is neither where the table says nor one"),
    ],
)
def test_a_bad_region_is_one_line_before_anything_is_learned(
    run_script: RunScript,
    halves: Path,
    tmp_path: Path,
    cache: Path,
    flags: list[str],
    message: str,
) -> None:
    (tmp_path / "bad.csv").write_text(f"{HEADER}{halves}/0.avi,left,0,0,0,1\n")
    (tmp_path / "other.csv").write_text(f"{HEADER}other.avi,left,0,0,0.5,1\n")
    named = [flag.format(folder=tmp_path) for flag in flags]
    done = run_script("train.py", *train_arguments(halves, tmp_path, cache), *named)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "features" not in done.stdout
    assert not (tmp_path / "model/activity.model").exists()


def test_no_result_takes_the_place_of_the_table_of_regions(
    run_script: RunScript, halves: Path, tmp_path: Path, cache: Path
) -> None:
    dataset = Path(shutil.copytree(halves, tmp_path / "data"))
    places = [("left", 0), ("right", 80)]
    text = HEADER + "".join(f"{n}.avi,{r},{x},0,80,80\n" for n in range(4) for r, x in places)
    table = tmp_path / "regions.csv"
    table.write_text(text)
    flags = ["--regions", table, "--report", table]
    done = run_script("train.py", *train_arguments(dataset, tmp_path, cache), *flags)
    assert done.returncode == 2
    assert "would overwrite" in done.stderr
    assert table.read_text() == text
