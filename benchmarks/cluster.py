"""What a cluster costs: short clips with and without it, and its scheduling alone.

    python -m benchmarks.cluster --model model/activity.model --label-bin model/lb.pickle \\
        --input example_clips/*.mp4

The clips are cut short, to --frames frames each, and labelled by predict_video.py, with --cluster
local and without; a run of one clip alone says what the start takes. For the scheduling, workers
that need no core only sleep: how much of the time they do, and what the driver's memory comes to.
"""

import argparse
import os
import secrets
import tempfile
import time
from pathlib import Path

import numpy as np

from activity.cluster.ray_cluster import ClusterOptions, cluster_joined
from activity.cluster.workers import CORES, JobQueue, run_on_workers
from activity.labelling.jobs import Job
from activity.labelling.outputs import Outputs
from activity.network.arguments import add_cache_argument, positive
from activity.temporal.summary import LabelRun, Summary
from benchmarks.measuring import in_own_process, measure, peak_megabytes, print_table, write_looped

LABELS = ("football", "tennis", "weight_lifting")


def main() -> None:
    args = parse_arguments()
    with tempfile.TemporaryDirectory() as temporary:
        if args.model:
            print_clips(args, Path(temporary))
            print()
        print_scheduling(args, Path(temporary))


def print_clips(args: argparse.Namespace, folder: Path) -> None:
    """Label one clip and many, on this machine and on a cluster of it."""
    clips = folder / "clips"
    clips.mkdir()
    for number in range(args.clips):
        source = args.input[number % len(args.input)]
        write_looped(source, clips / f"{number:03}{source.suffix}", args.frames)
    files = ["--model", args.model, "--label-bin", args.label_bin, "--cache", args.cache]
    # One clip alone would be left to Keras, and many to an export: the same for both.
    engine = ["--engine", "openvino"]
    command = ["predict_video.py", *files, *engine, "--display", "off", "--overwrite"]
    results = ["--output", folder / "labelled", "--csv", folder / "tables"]
    one = [min(clips.iterdir()), "--output", folder / "one.mp4", "--csv", folder / "one.csv"]
    # Leaves the exported network in the cache, for all runs to come.
    measure(*command, "--input", *one)
    rows: list[list[object]] = []
    plain = 0.0
    for name, way in {"plain": [], "--cluster local": ["--cluster", "local"]}.items():
        start = measure(*command, "--input", *one, *way).seconds
        whole = measure(*command, "--input", clips, *results, *way).seconds
        plain = plain or whole - start
        ratio = (whole - start) / plain
        rows.append([name, f"{start:.1f}", f"{whole:.1f}", f"{whole - start:.1f}", f"{ratio:.2f}"])
    print_table(
        [
            f"{args.clips} clips of {args.frames} frames",
            "s for one clip",
            "s for all",
            "start-up aside",
            "of plain",
        ],
        rows,
    )


def print_scheduling(args: argparse.Namespace, folder: Path) -> None:
    """Give many workers jobs in which they only sleep."""
    rows: list[list[object]] = []
    for jobs in args.jobs:
        with in_own_process() as process:
            seconds, megabytes = process.submit(
                sleep_through, jobs, args.workers, args.seconds, folder
            ).result()
        ideal = jobs * args.seconds / args.workers
        rows.append(
            [f"{jobs:,}", f"{ideal:.1f}", f"{seconds:.1f}", f"{ideal / seconds:.1%}", megabytes]
        )
    print_table(
        [
            f"jobs of {args.seconds} s on {args.workers} workers",
            "ideal s",
            "s",
            "efficiency",
            "driver's peak MB",
        ],
        rows,
    )


def sleep_through(jobs: int, workers: int, seconds: float, folder: Path) -> tuple[float, int]:
    """Run jobs that sleep, and say how long it took from the first one on, and the peak memory."""
    # Ray reads them when it is imported.
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    # It would start a process for each of the cores that there are not.
    os.environ |= {"RAY_prestart_worker_first_driver": "0"}
    import ray
    from ray.cluster_utils import Cluster

    import benchmarks.cluster as importable

    ray.cloudpickle.register_pickle_by_value(importable)
    planned = [job_named(f"clip{number:06}.mp4") for number in range(jobs)]
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": CORES * workers, "include_dashboard": False},
    )
    try:
        with (
            tempfile.TemporaryDirectory(dir=folder) as opened,
            cluster_joined(ClusterOptions(cluster.address)),
        ):
            arguments = (Path(opened), workers, seconds)
            summaries: dict[str, Summary] = {}
            start = 0.0
            for job, summary in run_on_workers(JobQueue(planned), importable.Sleeper, arguments):
                start = start or time.perf_counter() - seconds
                summaries[job.clip] = summary
            took = time.perf_counter() - start
    finally:
        cluster.shutdown()
    if len(summaries) != jobs:
        raise SystemExit(f"{jobs - len(summaries)} jobs were lost")
    return took, round(peak_megabytes())


def job_named(clip: str) -> Job:
    outputs = Outputs(Path("labelled") / clip, csv=Path("tables") / f"{clip}.csv")
    return Job(clip, outputs, keep_unfinished=False)


class Sleeper:
    """A worker that takes its time, and none of a core."""

    def __init__(self, opened: Path, workers: int, seconds: float) -> None:
        self._opened = opened
        self._workers = workers
        self._seconds = seconds

    def open(self) -> None:
        """Wait for all the others: starting so many processes is no part of what is measured."""
        tempfile.mkstemp(dir=self._opened)
        while len(list(self._opened.iterdir())) < self._workers:
            time.sleep(0.2)

    def run(self, job: Job) -> Summary:
        """Sleep, and give a summary of the size that one has."""
        time.sleep(self._seconds)
        runs = [LabelRun(label, 0, 100, 0.0, 4.0) for label in LABELS]
        return Summary(LABELS, "averaged", 100, 100, np.zeros(len(LABELS)), 0, runs)

    def stop(self) -> None:
        """Let it sleep."""


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="without one, the scheduling alone is measured")
    parser.add_argument("--label-bin", type=Path)
    parser.add_argument("--input", type=Path, nargs="+")
    parser.add_argument("--clips", type=positive, default=60)
    parser.add_argument("--frames", type=positive, default=60)
    parser.add_argument("--jobs", type=positive, nargs="+", default=[1000, 10_000])
    parser.add_argument("--workers", type=positive, default=64)
    parser.add_argument("--seconds", type=float, default=1.0)
    add_cache_argument(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
