"""Run a command as a whole process and say what it took."""

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Run(NamedTuple):
    """What a command took, from its start to its end, and what it printed."""

    seconds: float
    peak_megabytes: float
    output: str


def measure(*arguments: object) -> Run:
    """Run this Python with the arguments, in the project's root; stop everything if it fails."""
    command = [sys.executable, *map(str, arguments)]
    print("$ python", " ".join(command[1:]), file=sys.stderr, flush=True)
    start = time.perf_counter()
    # Into a file: a pipe that nobody empties would stop the command.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as printed:
        process = subprocess.Popen(command, cwd=ROOT, stdout=printed, stderr=subprocess.DEVNULL)
        peak = _wait(process)
        seconds = time.perf_counter() - start
        printed.seek(0)
        output = printed.read()
    if process.returncode != 0:
        raise SystemExit(f"exit code {process.returncode}\n{output}")
    return Run(seconds, peak, output)


def _wait(process: subprocess.Popen[bytes]) -> float:
    """Wait for a process to end, and say how many megabytes it held at most (Windows: nan)."""
    if sys.platform == "win32":
        process.wait()
        return math.nan
    # wait4 gives the operating system's own account of this one process.
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table."""
    for row in [header, ["---"] * len(header), *rows]:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
