"""``train.py`` with flawed photos, odd names, outputs that cannot be written, and interruptions."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.network.artifacts import load_label_file, load_model
from tests.conftest import ROOT, RunMain, RunScript, draw_photo, posix


def arguments(dataset: Path, folder: Path, *more: object) -> list[str]:
    """Flags of a short run; later ones win."""
    return [
        *("--dataset", str(dataset), "--labels", "all", "--epochs", "2"),
        *("--backbone", "efficientnet-lite0", "--engine", "keras", "--cache", "off"),
        *("-m", str(folder / "activity.model"), "-l", str(folder / "lb.pickle")),
        *("-p", str(folder / "plot.png"), *map(str, more)),
    ]


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """A folder with a model, labels and a plot of an earlier run."""
    folder = tmp_path / "earlier"
    folder.mkdir()
    for name in ("activity.model", "lb.pickle", "plot.png"):
        (folder / name).write_text("good")
    return folder


def is_untouched(folder: Path, leftovers: bool = False) -> bool:
    """Tell whether the earlier run's files are there, and nothing that looks like another."""
    files = {path.name: path for path in folder.iterdir()}
    shown = {name for name in files if not (leftovers and name.startswith(".") and "part" in name)}
    whole = {"activity.model", "lb.pickle", "plot.png"}
    return shown == whole and all(files[name].read_text() == "good" for name in whole)


@posix
def test_a_flaw_in_a_photo_is_skipped_counted_and_named(
    run_train: RunMain, photo_folders: Path, tmp_path: Path
) -> None:
    dataset = tmp_path / "photos"
    odd = ["--help", "all", 'new\nline "quoted"', "网球", "\udcff"]
    for place, name in enumerate(odd):
        shutil.copytree(sorted(photo_folders.iterdir())[place % 3], dataset / name)
    flawed = {
        "empty.jpg": b"",
        "text.jpg": b"no photo",
        "cut.png": cv2.imencode(".png", np.zeros((50, 50), np.uint8))[1].tobytes()[:60],
        "two\nlines\x1b[2J.jpg": b"x",
        "caf\udce9.jpg": b"x",
    }
    for name, content in flawed.items():
        (dataset / "all" / name).write_bytes(content)
    (dataset / "all/itself.jpg").symlink_to("itself.jpg")
    os.mkfifo(dataset / "all/pipe.jpg")
    (dataset / "all/really a GIF.jpg").write_bytes(
        cv2.imencode(".gif", draw_photo("red", np.random.default_rng(0)))[1].tobytes()
    )
    printed = run_train(*arguments(dataset, tmp_path))
    assert "skipped 7 photos that cannot be read" in printed
    assert r"all/two\nlines\x1b[2J.jpg" in printed
    assert r"all/caf\udce9.jpg" in printed
    assert all(f"all/{name}" in printed for name in ("empty.jpg", "cut.png", "pipe.jpg"))
    assert "really a GIF" not in printed
    assert load_label_file(tmp_path / "lb.pickle").classes == sorted(odd)
    assert load_model(tmp_path / "activity.model").output_shape == (None, 5)


def test_a_class_without_a_readable_photo_is_named(
    run_train: RunMain, photo_folders: Path, tmp_path: Path, earlier: Path
) -> None:
    dataset = Path(shutil.copytree(photo_folders, tmp_path / "photos"))
    for photo in (dataset / "red").iterdir():
        photo.write_bytes(b"x")
    with pytest.raises(UserError, match=r"nothing to learn red from: no photo for training can"):
        run_train(*arguments(dataset, earlier))
    assert is_untouched(earlier)


def test_a_test_set_without_a_readable_photo_gives_no_score(
    run_train: RunMain, photo_folders: Path, tmp_path: Path, earlier: Path
) -> None:
    from activity.training.data.dataset import find_images
    from activity.training.data.split import split_images

    dataset = Path(shutil.copytree(photo_folders, tmp_path / "photos"))
    for image in split_images(find_images([dataset], ["all"]).photos, [], {}, {}).test:
        image.file.write_bytes(b"x")
    said = run_train(*arguments(dataset, earlier))
    assert "none of the test images can be read: there is no score" in said
    assert "weighted avg" not in said


def test_a_wrong_data_set_is_one_line_and_exit_code_2(
    run_script: RunScript, earlier: Path, tmp_path: Path
) -> None:
    done = run_script("train.py", *arguments(tmp_path / "no\nwhere", earlier))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no folder of photos at ")
    assert done.stderr.count("\n") == 1
    assert is_untouched(earlier)


@posix
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-m", "{folder}"], "it is a folder"),
        (["-l", "{folder}/plot.png/lb.pickle"], "cannot write the label binarizer"),
        (["-p", "/dev/null"], "it is a device"),
        (["-m", "{folder}/../earlier/lb.pickle"], "are one file"),
        (["-p", "{photo}"], "would overwrite"),
        (["-p", "{folder}/link"], "would overwrite"),
    ],
)
def test_outputs_that_cannot_be_written_are_named_at_once(
    run_train: RunMain,
    flags: list[str],
    message: str,
    photo_folders: Path,
    earlier: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "activity.network.backbone.build_with_classifier", lambda *_: pytest.fail("too late")
    )
    photo = next((photo_folders / "red").iterdir())
    before = photo.read_bytes()
    (earlier / "link").symlink_to(photo)
    named = [flag.format(folder=earlier, photo=photo) for flag in flags]
    with pytest.raises(UserError, match=message):
        run_train(*arguments(photo_folders, earlier, *named))
    assert photo.read_bytes() == before
    (earlier / "link").unlink()
    assert is_untouched(earlier)


def test_no_result_takes_the_place_of_a_table_that_a_person_has_corrected(
    run_train: RunMain, photo_folders: Path, tmp_path: Path
) -> None:
    dataset = Path(shutil.copytree(photo_folders, tmp_path / "photos"))
    (dataset / "match.avi").write_bytes(b"")
    table = dataset / "match.csv"
    table.write_text("start,end,label\n0,9,red\n")
    with pytest.raises(UserError, match="would overwrite"):
        run_train(*arguments(dataset, tmp_path, "--report", table))
    assert table.read_text() == "start,end,label\n0,9,red\n"


@posix
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 130), ("SIGKILL", -9)])
def test_an_interrupted_run_leaves_the_earlier_model(
    name: str, code: int, photo_folders: Path, earlier: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-u", ROOT / "train.py", *arguments(photo_folders, earlier, "-e", 10**6)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in process.stdout:
        if "training the head" in line:
            break
    process.send_signal(signal.Signals[name])
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert errors == ("" if name == "SIGKILL" else "interrupted\n")
    assert is_untouched(earlier, leftovers=name == "SIGKILL")


@posix
def test_runs_killed_at_any_moment_leave_nothing_broken(
    photo_folders: Path, earlier: Path, run_script: RunScript
) -> None:
    flags = ["--cache", earlier.parent / "cache", "--views", 1]
    random = np.random.default_rng(0)
    # The test above does the same to a run that trains its head.
    for said in ("computing features", "evaluating"):
        with subprocess.Popen(
            [sys.executable, "-u", ROOT / "train.py", *arguments(photo_folders, earlier, *flags)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        ) as process:  # fmt: skip
            for line in process.stdout:
                if said in line:
                    break
            time.sleep(random.uniform(0, 0.3))
            process.kill()
        assert process.returncode == -9
        assert is_untouched(earlier, leftovers=True)
    done = run_script("train.py", *arguments(photo_folders, earlier, *flags))
    assert (done.returncode, done.stderr) == (0, "")
    assert load_label_file(earlier / "lb.pickle").classes == ["blue", "green", "red"]
    assert load_model(earlier / "activity.model").output_shape == (None, 3)
