"""OpenCV where the system lacks the libraries that its windows need."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

LACKING = 'raise ImportError("libxcb.so.1: cannot open shared object file")\n'


@pytest.mark.parametrize("command", [["train.py"], ["predict_video.py"], ["-m", "demo"]])
def test_a_system_without_libraries_for_windows_is_told_of_both_ways_out(
    command: list[str], tmp_path: Path
) -> None:
    (tmp_path / "cv2.py").write_text(LACKING)
    done = subprocess.run(
        [sys.executable, *command, "--help"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: OpenCV cannot be imported (libxcb.so.1: ")
    assert done.stderr.count("\n") == 1
    assert "apt-get install libxcb1 libgl1 libglib2.0-0" in done.stderr
    assert "pip install opencv-python-headless==" in done.stderr


def write_wheel(folder: Path, name: str, content: str) -> None:
    stem = f"{name.replace('-', '_')}-5.0.1"
    files = {
        "cv2/__init__.py": content,
        f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 5.0.1\n",
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{stem}.dist-info/RECORD"
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        wheel.writestr(record, "".join(f"{path},,\n" for path in [*files, record]))


def test_the_wheel_without_windows_takes_the_place_of_one_that_cannot_be_imported(
    tmp_path: Path,
) -> None:
    write_wheel(tmp_path, "opencv-python", LACKING)
    write_wheel(tmp_path, "opencv-python-headless", "imread = print\n")
    (tmp_path / "requirements.txt").write_text("# all of it\nopencv-python>=4.12,<5.1\n")
    (tmp_path / "more.txt").write_text("-r requirements.txt\n")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    only_here = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}

    def run(*command: object) -> str:
        done = subprocess.run(
            [python, *map(str, command)],
            env={**os.environ, **only_here},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def installed() -> list[str]:
        lines = run("-m", "pip", "list", "--format=freeze").splitlines()
        return [line for line in lines if line.startswith("opencv")]

    install = ROOT / "tools" / "install.py"
    said = run(install, tmp_path / "more.txt")
    assert "opencv-python-headless==5.0.1 takes its place" in said
    assert installed() == ["opencv-python-headless==5.0.1"]
    assert run(install, tmp_path / "more.txt") == ""  # it is known now
    assert installed() == ["opencv-python-headless==5.0.1"]
    run("-m", "pip", "install", "-r", tmp_path / "requirements.txt")
    assert len(installed()) == 2  # as pip alone does it: their files are the same
    run(install, tmp_path / "requirements.txt")
    assert installed() == ["opencv-python-headless==5.0.1"]
    run("-c", "import cv2; cv2.imread")
