"""How many cores this process may use, and that libraries start no more threads than that."""

import math
import os
from pathlib import Path, PurePosixPath

# What libraries take the number of their threads from, when they are loaded.
_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)

_promised: int | None = None


def usable_cores() -> int:
    """Count the cores that this process may use.

    They are fewer than the machine has where the process is bound to some of them, in a container
    with a quota of their time, and in a worker of a cluster.
    """
    if hasattr(os, "sched_getaffinity"):  # not on macOS, nor on Windows
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    bounds = [allowed, cores_of_quota(), _promised]
    return max(1, min(bound for bound in bounds if bound is not None))


def fewer_cores() -> int | None:
    """Count them where they are fewer than the machine has; None where libraries know best."""
    cores = usable_cores()
    return cores if cores < (os.cpu_count() or 1) else None


def use_at_most(cores: int) -> None:
    """Use no more than so many cores in this process, with this project's threads and OpenCV's.

    Libraries that are loaded later use no more, either.
    """
    import cv2

    global _promised
    _promised = cores
    os.environ.update(dict.fromkeys(_VARIABLES, str(usable_cores())))
    cv2.setNumThreads(usable_cores())


def limit_libraries() -> None:
    """Have libraries that are loaded after this start no more threads than cores may be used.

    They go by the cores of the machine, or at best by those that the process is bound to, and not
    by quotas. What a person has set stays.
    """
    if cores := fewer_cores():
        for name in _VARIABLES:
            os.environ.setdefault(name, str(cores))


def cores_of_quota(
    groups: Path = Path("/proc/self/cgroup"), mounted: Path = Path("/sys/fs/cgroup")
) -> int | None:
    """Read how many cores' worth of time the control groups of this process grant it.

    Args:
        groups: lists the groups (``man 7 cgroups``); Linux has it.
        mounted: where control groups are found, of version 1 or 2.

    Returns:
        The number, rounded up; None where there is no quota.
    """
    try:
        lines = groups.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    quotas = []
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        group = PurePosixPath(name.lstrip("/"))
        # A quota of a group above holds, too; and a container may see its own as the topmost.
        for folder in (group, *group.parents):
            if controllers:
                quota = _read(mounted / "cpu" / folder / "cpu.cfs_quota_us")
                period = _read(mounted / "cpu" / folder / "cpu.cfs_period_us")
            else:
                quota, _, period = _read(mounted / folder / "cpu.max").partition(" ")
            if quota.isdecimal() and period.isdecimal() and int(period):
                quotas.append(math.ceil(int(quota) / int(period)))
    return min(quotas, default=None)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
