"""Run a command as a whole process and say what it took."""

import os
import subprocess
import sys
import time
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
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    output = process.stdout.read()
    # wait4 gives the operating system's own account of this one process.
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"exit code {process.returncode}\n{output}")
    return Run(seconds, usage.ru_maxrss / 1024, output)


def print_table(header: list[str], rows: list[list[object]]) -> None:
    """Print a Markdown table."""
    for row in (header, ["---"] * len(header), *rows):
        print("| " + " | ".join(str(cell) for cell in row) + " |")
