"""No more threads than there are cores that the process may use."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from activity.common.cores import cores_of_quota
from tests.conftest import ROOT, write_clip

# Opens a clip for reading and another for writing, and tells what has how many threads.
COUNT_THREADS = """
import json, os, sys
import activity
from pathlib import Path
import cv2, numpy
from threadpoolctl import threadpool_info
from activity.common import cores
from activity.media.clip import VideoSource
from activity.media.sink import open_sink
if len(sys.argv) > 2:
    cores.use_at_most(int(sys.argv[2]))

def threads():
    return len(os.listdir("/proc/self/task"))

clip = Path(sys.argv[1])
before = threads()
source = VideoSource(clip)
reading = threads() - before
frames = list(source.frames())
before = threads()
with open_sink(clip.with_name("out.mp4"), source.info, None) as sink:
    for frame in frames:
        sink.write(frame)
    writing = threads() - before
blas = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
counts = [cores.usable_cores(), cv2.getNumThreads(), max(blas, default=1), reading, writing]
print(json.dumps(counts))
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="what Linux says of threads and cores")


def count_threads(
    clip: Path, *arguments: object, prefix: Sequence[str] = (), **options: object
) -> str:
    environment = {
        name: value for name, value in os.environ.items() if not name.endswith("NUM_THREADS")
    }
    done = subprocess.run(
        [*prefix, sys.executable, "-c", COUNT_THREADS, str(clip), *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment | {"PYTHONPATH": str(ROOT)},
        timeout=100,
        **options,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", ["red"] * 20)


@linux
def test_a_process_that_is_bound_to_one_core_starts_no_threads(clip: Path) -> None:
    core = min(os.sched_getaffinity(0))
    bound = count_threads(clip, preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    assert bound == "[1, 1, 1, 0, 0]"


@linux
def test_a_worker_starts_no_more_threads_than_it_was_promised_cores(clip: Path) -> None:
    cores, opencv, _, reading, writing = count_threads(clip, 1).strip("[]").split(", ")
    assert (cores, opencv, reading, writing) == ("1", "1", "0", "0")


def joining(group: Path) -> list[str]:
    """What stands before a command that is to run in a control group."""
    return ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(group)]


@pytest.fixture
def group_of_one_core() -> Iterator[Path]:
    """A control group that grants its processes the time of one core, but binds them to none."""
    first = Path("/sys/fs/cgroup/cpu")
    version_1 = (first / "cpu.cfs_quota_us").exists() or (first / "cgroup.procs").exists()
    group = (first if version_1 else first.parent) / f"activity-{secrets.token_hex(4)}"
    try:
        group.mkdir()
        if version_1:
            (group / "cpu.cfs_quota_us").write_text("100000")
        else:
            (group / "cpu.max").write_text("100000 100000")
        subprocess.run([*joining(group), "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        with suppress(OSError):
            group.rmdir()
        pytest.skip(f"no control group can be made here: {error}")
    yield group
    group.rmdir()


@linux
def test_a_container_with_a_quota_starts_no_more_threads_than_that(
    clip: Path, group_of_one_core: Path
) -> None:
    assert count_threads(clip, prefix=joining(group_of_one_core)) == "[1, 1, 1, 0, 0]"


@pytest.mark.parametrize(
    ("groups", "files", "cores"),
    [
        ("0::/pod/box\n", {"pod/box/cpu.max": "150000 100000\n"}, 2),
        ("0::/pod/box\n", {"pod/cpu.max": "100000 100000", "pod/box/cpu.max": "max 100000"}, 1),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/elsewhere\n", {}, None),
        (
            # A container may see its own group as the topmost.
            "7:pids:/\n3:cpu,cpuacct:/docker/a:b\n0::/\n",
            {"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"},
            3,
        ),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "9", "cpu/cpu.cfs_period_us": "0"}, None),
        ("", {}, None),
    ],
)
def test_quotas_of_both_versions_are_read(
    groups: str, files: dict[str, str], cores: int | None, tmp_path: Path
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    listed = tmp_path / "groups"
    listed.write_text(groups)
    assert cores_of_quota(listed, tmp_path) == cores


def test_a_system_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    assert cores_of_quota(tmp_path / "missing") is None
