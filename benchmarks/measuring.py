"""What benchmarks share: commands run as whole processes, clips made, tables printed."""

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import av

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


def peak_megabytes() -> float:
    """How many megabytes this process has held at most so far (Windows: nan)."""
    if sys.platform == "win32":
        return math.nan
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def in_own_process() -> ProcessPoolExecutor:
    """Run functions elsewhere: a process starts out as large as the one that starts it."""
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table."""
    for row in [header, ["---"] * len(header), *rows]:
        print("| " + " | ".join(str(cell) for cell in row) + " |")


def write_looped(clip: Path, path: Path, frames: int) -> Path:
    """Write the clip's own packets again and again: decoding costs what it costs a person."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        video = source.streams.video[0]
        stream = target.add_stream_from_template(video)
        packets = [
            (packet, packet.pts, packet.dts)
            for packet in source.demux(video)
            if packet.pts is not None and packet.dts is not None
        ]
        once = max(pts + (packet.duration or 0) for packet, pts, _ in packets)
        for number in range(frames):
            lap, place = divmod(number, len(packets))
            original, pts, dts = packets[place]
            packet = av.Packet(bytes(original))
            packet.stream = stream
            packet.pts = pts + lap * once
            packet.dts = dts + lap * once
            packet.duration = original.duration
            packet.time_base = original.time_base
            packet.is_keyframe = original.is_keyframe
            target.mux(packet)
    return path
