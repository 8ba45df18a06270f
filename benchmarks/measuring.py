"""What benchmarks share: running commands as processes, writing clips, printing tables."""

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import av

ROOT = Path(__file__).resolve().parent.parent


class Run(NamedTuple):
    """The time and memory that a command took from start to end, and what it printed."""

    seconds: float
    peak_megabytes: float
    output: str


def measure(*arguments: object) -> Run:
    """Run Python with these arguments in the project's root folder; exit if it fails."""
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


class Cost(NamedTuple):
    """Seconds of the processor, of all cores together, and of the clock on the wall."""

    processor: float
    wall: float


def spent(work: Callable[[], object], rounds: int = 2) -> Cost:
    """Measure some work; the quickest of several rounds counts."""
    processor = wall = math.inf
    for _ in range(rounds):
        begun, at = time.process_time(), time.perf_counter()
        work()
        processor = min(processor, time.process_time() - begun)
        wall = min(wall, time.perf_counter() - at)
    return Cost(processor, wall)


def processor_seconds_of(command: Sequence[str]) -> float:
    """Run a command, and return the processor time that it took (Windows: 0)."""
    before = os.times()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    after = os.times()
    user = after.children_user - before.children_user
    return user + after.children_system - before.children_system


def _wait(process: subprocess.Popen[bytes]) -> float:
    """Wait for a process to end, and return its peak memory in megabytes (Windows: nan)."""
    if sys.platform == "win32":
        process.wait()
        return math.nan
    # wait4 gives the operating system's own account of this one process.
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def peak_megabytes() -> float:
    """Return the peak memory of this process so far, in megabytes (Windows: nan)."""
    if sys.platform == "win32":
        return math.nan
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def in_own_process() -> ProcessPoolExecutor:
    """Run functions in a new process, because a fork starts as large as its parent."""
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table."""
    for row in [header, ["---"] * len(header), *rows]:
        print("| " + " | ".join(str(cell) for cell in row) + " |")


def write_looped(clip: Path, path: Path, frames: int) -> Path:
    """Write the packets of the clip repeatedly, so that decoding costs the same as for the clip."""
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
