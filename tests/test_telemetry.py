"""Nothing is reported to anyone: no socket is opened, and nothing is put into the home folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import RunScript, Trained, write_clip

WATCH = """
import sys

def watch(event, arguments, names=("socket.connect", "socket.getaddrinfo", "socket.sendto")):
    if event in names and not isinstance(arguments[-1], str):  # a path: a socket of this machine
        with open({log!r}, "a") as file:
            print(event, arguments, file=file)

sys.addaudithook(watch)
"""


@pytest.fixture
def watched(tmp_path: Path) -> dict[str, str]:
    """An environment in which each process, and each that it starts, is watched."""
    home, hook, log = tmp_path / "home", tmp_path / "hook", tmp_path / "sockets"
    home.mkdir()
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(WATCH.format(log=str(log)))
    # In CI, OpenVINO would be silent by itself.
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "TF_BUILD")}
    return kept | {
        **{name: str(home) for name in ("HOME", "USERPROFILE")},
        "XDG_CACHE_HOME": str(tmp_path / "caches"),
        "XDG_CONFIG_HOME": str(tmp_path / "settings"),
        "KERAS_HOME": str(tmp_path / "keras"),
        "PYTHONPATH": str(hook),
    }


def check_silent(tmp_path: Path) -> None:
    log = tmp_path / "sockets"
    assert not log.exists(), log.read_text()
    assert [path.name for path in (tmp_path / "home").iterdir()] == []


def test_the_watch_sees_what_it_should(watched: dict[str, str], tmp_path: Path) -> None:
    code = "import socket; socket.create_connection(('127.0.0.1', 9))"
    subprocess.run([sys.executable, "-c", code], env=watched, capture_output=True, timeout=60)
    assert "127.0.0.1" in (tmp_path / "sockets").read_text()


def test_training_int8_and_prediction_report_to_no_one(
    watched: dict[str, str],
    photo_folders: Path,
    trained: Trained,
    tmp_path: Path,
    run_script: RunScript,
) -> None:
    pytest.importorskip("nncf", reason="requirements-int8.txt is not installed")
    model, label_bin = tmp_path / "a.model", tmp_path / "lb.pickle"
    files = ["--model", model, "--label-bin", label_bin, "--cache", tmp_path / "cache"]
    flags = ["--labels", "all", "--backbone", "efficientnet-lite0", "--epochs", 1, "--views", 1]
    done = run_script(
        "train.py",
        *("--dataset", photo_folders, "--plot", tmp_path / "plot.png", *files, *flags),
        *("--engine", "openvino", "--int8"),
        env=watched,
    )
    assert done.returncode == 0, done.stderr
    assert "int8" in done.stdout
    check_silent(tmp_path)
    clip = write_clip(tmp_path / "clip.avi", ["red"] * 5)
    for engine in ("openvino", "int8"):
        done = run_script(
            "predict_video.py",
            *("--input", clip, "--csv", tmp_path / f"{engine}.csv", "--engine", engine, *files),
            env=watched,
        )
        # A network trained this briefly may be too unsure to keep its labels in int8.
        if engine == "openvino" or "there is no int8 version" not in done.stderr:
            assert done.returncode == 0, done.stderr
    check_silent(tmp_path)
