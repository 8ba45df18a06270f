"""Both scripts where folders are missing that libraries take for granted."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Trained, write_clip

if os.name != "posix":
    pytest.skip("users and mounts of POSIX", allow_module_level=True)

# A user of whom no list of users says anything, who may read and write what root may.
AS_A_NUMBER = [
    *("setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups"),
    *("--inh-caps=+dac_override", "--ambient-caps=+dac_override"),
]

# All that Python tries for temporary files can only be read; /mnt can be written to.
WITHOUT_TEMPORARY_FOLDER = """
for folder in /tmp /var/tmp; do
    mount --bind $folder $folder && mount -o remount,ro,bind $folder || exit 99
done
mount -t tmpfs none /mnt && cd /proc && exec "$@"
"""
IN_OWN_MOUNTS = ["unshare", "-m", "sh", "-c", WITHOUT_TEMPORARY_FOLDER, "sh"]


def run(
    prefix: list[str], *command: object, cwd: Path = ROOT, **environment: object
) -> subprocess.CompletedProcess[str]:
    """Run a Python command with nothing in its environment but what is named."""
    path = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*prefix, sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=cwd,
        env=path | {name: str(value) for name, value in environment.items()},
    )


def works(prefix: list[str]) -> bool:
    return shutil.which(prefix[0]) is not None and run(prefix, "-c", "").returncode == 0


@pytest.fixture
def as_a_number() -> list[str]:
    if not works(AS_A_NUMBER):
        pytest.skip("only root can take another user's number")
    return AS_A_NUMBER


@pytest.fixture
def in_own_mounts() -> list[str]:
    if not works(IN_OWN_MOUNTS):
        pytest.skip("only root can mount, and not in every container")
    return IN_OWN_MOUNTS


@pytest.mark.parametrize("script", ["train.py", "predict_video.py"])
def test_a_user_without_a_home_gets_help(as_a_number: list[str], script: str) -> None:
    done = run(as_a_number, ROOT / script, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "(default: off)" in done.stdout


def test_a_user_without_a_home_labels_a_clip_and_finds_nothing_left_over(
    as_a_number: list[str], trained: Trained, tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / "clip.avi", ["red"] * 5)
    empty, temporary = tmp_path / "empty", tmp_path / "temporary"
    for folder in (empty, temporary):
        folder.mkdir()
    done = run(
        as_a_number,
        *(ROOT / "predict_video.py", "--model", trained.model, "--label-bin", trained.label_bin),
        *("--input", clip, "--review", tmp_path / "page", "--cache", trained.cache),
        cwd=empty,
        TMPDIR=temporary,
    )
    assert done.returncode == 0, done.stderr
    assert "clip.avi: red" in done.stdout
    assert [*empty.iterdir(), *temporary.glob("home-*")] == []


def test_what_training_imports_finds_a_home(as_a_number: list[str], tmp_path: Path) -> None:
    pytest.importorskip("nncf", reason="requirements-int8.txt is not installed")
    code = (
        "import train; train.provide_home(); train.check_backend()\n"
        "import keras, matplotlib.pyplot, nncf, openvino"
    )
    done = run(as_a_number, "-c", code, cwd=tmp_path, PYTHONPATH=ROOT, TMPDIR=tmp_path)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("script", ["train.py", "predict_video.py"])
def test_without_a_folder_for_temporary_files_there_is_one_line(
    in_own_mounts: list[str], trained: Trained, photo_folders: Path, tmp_path: Path, script: str
) -> None:
    asked = {
        "train.py": ["--dataset", photo_folders, "--plot", "/mnt/p.png"],
        "predict_video.py": ["--input", write_clip(tmp_path / "clip.avi", ["red"] * 5)],
    }
    files = {
        "train.py": ["--model", "/mnt/m", "--label-bin", "/mnt/lb"],
        "predict_video.py": [
            *("--model", trained.model, "--label-bin", trained.label_bin, "--csv", "/mnt/a.csv"),
        ],
    }
    home = {"HOME": "/proc"}
    helped = run(in_own_mounts, ROOT / script, "--help", **home)
    assert (helped.returncode, helped.stderr) == (0, "")
    done = run(in_own_mounts, ROOT / script, *asked[script], *files[script], **home)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: there is no folder for temporary files: ")
    assert done.stderr.endswith("; set TMPDIR to a folder that can be written to\n")
    assert done.stderr.count("\n") == 1
