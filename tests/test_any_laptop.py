"""The scripts where calls of Linux are missing: as on a Mac, on Windows, on a memory stick."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from activity.common import writing
from activity.common.errors import UserError
from activity.common.writing import check_apart, give_second_name, replace_when_complete
from activity.media.images import Image
from activity.training.features.views import FeatureCache, View
from tests.conftest import ROOT, RunScript, Trained

# Python imports a module of this name when it starts.
WITHOUT_LINUX = """
import os, pathlib
for name in ("posix_fallocate", "link", "symlink", "mkfifo", "wait4", "geteuid"):
    if hasattr(os, name):
        delattr(os, name)
def refuse(*arguments, **options):
    raise OSError(1314, "a required privilege is not held by the client")
pathlib.Path.symlink_to = pathlib.Path.hardlink_to = refuse
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, str]:
    """The environment of a process in which the calls are missing."""
    folder = tmp_path / "without"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(WITHOUT_LINUX)
    return {**os.environ, "PYTHONPATH": str(folder)}


def run_well(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_both_scripts_do_their_job_without_the_calls_of_linux(
    run_script: RunScript,
    photo_folders: Path,
    flickering_clip: Path,
    tmp_path: Path,
    elsewhere: dict[str, str],
) -> None:
    model, labels = tmp_path / "activity.model", tmp_path / "lb.pickle"
    few = tmp_path / "photos"
    for colour in ("red", "green"):
        (few / colour).mkdir(parents=True)
        for photo in sorted((photo_folders / colour).iterdir())[:4]:
            (few / colour / photo.name).write_bytes(photo.read_bytes())
    for path in (model, labels):
        path.write_bytes(b"of an earlier run")
    arguments = ["--dataset", few, "--labels", "all", "--epochs", "5", "--views", "1"]
    network = ["--backbone", "efficientnet-lite0", "--engine", "keras"]
    cache = ["--cache", tmp_path / "cache"]
    written = ["-m", model, "-l", labels, "-p", tmp_path / "plot.png"]
    run_well(run_script("train.py", *arguments, *network, *cache, *written, env=elsewhere))
    # No part of an unfinished file is left, nor one of the earlier files under another name.
    assert not list(tmp_path.glob(".*"))
    clip = ["-i", flickering_clip, "-o", tmp_path / "out.mp4"]
    given = ["-m", model, "-l", labels, "--engine", "keras", "--stride", "30", "--display", "off"]
    said = run_well(run_script("predict_video.py", *given, *cache, *clip, env=elsewhere))
    assert "over 120 frames" in said
    assert (tmp_path / "out.mp4").is_file()


def test_names_that_a_windows_terminal_does_not_know(
    run_script: RunScript, trained: Trained, flickering_clip: Path, tmp_path: Path
) -> None:
    clip = flickering_clip.rename(tmp_path / "网球 Übung.mp4")
    done = run_script(
        "predict_video.py",
        *("-m", trained.model, "-l", trained.label_bin, "--cache", trained.cache),
        *("-i", clip, "-o", tmp_path / "网球.avi", "--display", "off"),
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
        encoding="cp1252",
    )
    assert "\\u7f51\\u7403 Übung.mp4" in run_well(done)


@pytest.mark.skipif(os.name != "posix", reason="a shell of Windows cannot close a stream")
@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&-"])
def test_a_script_without_a_terminal(
    closed: str, run_script: RunScript, trained: Trained, flickering_clip: Path, tmp_path: Path
) -> None:
    done = run_script(
        "predict_video.py",
        *("-m", trained.model, "-l", trained.label_bin, "--cache", trained.cache),
        *("-i", flickering_clip, "-o", tmp_path / "out.avi", "--display", "off"),
        through=f'exec "$@" {closed}',
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out.avi").is_file()


def missing(*_: object) -> None:
    raise OSError("no links here")


def test_a_file_gets_a_second_name_where_there_are_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").write_text("content")
    monkeypatch.setattr(writing.os, "link", missing)
    give_second_name(tmp_path / "model", tmp_path / "refused.h5")
    monkeypatch.delattr(writing.os, "link")
    give_second_name(tmp_path / "model", tmp_path / "absent.h5")
    assert (tmp_path / "refused.h5").read_text() == (tmp_path / "absent.h5").read_text()
    with pytest.raises(FileNotFoundError):
        give_second_name(tmp_path / "nowhere", tmp_path / "name.h5")


def test_a_file_that_windows_holds_hides_no_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "used by another process", str(self))

    monkeypatch.setattr(Path, "unlink", held)
    with pytest.raises(UserError, match="the real one"), replace_when_complete(tmp_path / "a"):
        raise UserError("the real one")


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_names_that_differ_in_case_are_one_file(
    platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_apart([tmp_path / "Lb.pickle", tmp_path / "other"], [tmp_path / "LB.PICKLE"])
    monkeypatch.setattr(writing.sys, "platform", platform)
    with pytest.raises(UserError, match="one file"):
        check_apart([tmp_path / "Lb.pickle", tmp_path / "lb.pickle"])
    with pytest.raises(UserError, match="would overwrite"):
        check_apart([tmp_path / "Lb.pickle"], [tmp_path / "LB.PICKLE"])


def test_a_damaged_cache_that_cannot_be_deleted_does_not_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "features.sqlite").write_bytes(b"no table at all" * 1000)

    def held(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "used by another process", str(self))

    monkeypatch.setattr(Path, "unlink", held)
    cache = FeatureCache(tmp_path, "backbone")
    assert cache.problem is not None
    assert list(cache.find([View(Image("1.jpg", digest="digest"), 0)])) == []


def test_chatter_is_hidden_where_standard_error_is_closed() -> None:
    script = """
import os
from activity.common.quiet import hide_stderr
os.close(2)
with hide_stderr():
    print("still here")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, cwd=ROOT, timeout=60)
    assert done.stdout.strip() == b"still here"
