"""How much of an ideal one long clip comes to, that more and more workers of a cluster share.

    python -m benchmarks.long_clip

The classifier only sleeps, so that workers can be simulated: it is what the cluster adds that is
measured, from when all workers are there to when the table is written. Ray runs on this machine.
"""

import argparse
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from activity.cluster.clips import label_on_cluster
from activity.cluster.ray_cluster import ClusterOptions
from activity.cluster.workers import CORES
from activity.labelling.jobs import Job, Settings
from activity.labelling.outputs import Outputs
from activity.labelling.results import Outcome
from activity.network.arguments import positive
from activity.network.classifier import Classifier, OpenClassifier
from activity.network.engine import EngineOptions, Stream, Tag
from activity.temporal.smoothing import Rolling
from benchmarks.measuring import in_own_process, print_table

LABELS = ("football", "tennis", "weight_lifting")


def main() -> None:
    args = parse_arguments()
    with tempfile.TemporaryDirectory() as temporary:
        print_long_clip(args, Path(temporary))


def print_long_clip(args: argparse.Namespace, folder: Path) -> None:
    """Have one clip labelled by more and more workers."""
    clip = write_drawn(folder / "long.mp4", args.frames)
    rows: list[list[object]] = []
    for workers in args.workers:
        with in_own_process() as process:
            seconds = process.submit(label_long, clip, workers, args.pause).result()
        ideal = args.frames * args.pause / workers
        rows.append([workers, f"{ideal:.1f}", f"{seconds:.1f}", f"{ideal / seconds:.2f}"])
    head = f"workers of a clip of {args.frames:,} frames, {args.pause * 1000:g} ms each"
    print_table([head, "ideal s", "s", "ideal / s"], rows)


def label_long(clip: Path, workers: int, pause: float) -> float:
    """Label a clip on workers that only sleep, and say how long it took once all were there."""
    # Ray reads them when it is imported.
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    import ray
    from ray.cluster_utils import Cluster

    import benchmarks.long_clip as importable

    ray.cloudpickle.register_pickle_by_value(importable)
    limits = {"num_cpus": CORES * workers, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=limits)
    try:
        with tempfile.TemporaryDirectory() as folder:
            opened = Path(folder) / "opened"
            opened.mkdir()
            classifier = importable.Slow(
                Path("m"), opened, "0" * 64, LABELS, workers=workers, pause=pause
            )
            job = Job(str(clip), Outputs(csv=Path(folder) / "table.csv"))
            settings = Settings(Rolling(128), options=EngineOptions("openvino"))
            joined = ClusterOptions(cluster.address)
            outcomes = label_on_cluster(joined, [job], classifier, settings, None, lambda: False)
            [(_, outcome)] = outcomes
            end = time.time()
            if not isinstance(outcome, Outcome):
                raise SystemExit(f"the clip was not labelled: {outcome}")
            return end - max(path.stat().st_mtime for path in opened.iterdir())
    finally:
        cluster.shutdown()


@dataclass(frozen=True)
class Slow(Classifier):
    """A classifier that takes its time, and none of a core; workers meet in ``label_bin``."""

    workers: int = 1
    pause: float = 0.0

    def open(self, options: EngineOptions, frames: int | None = None) -> OpenClassifier:
        """Wait for all others, and open."""
        tempfile.mkstemp(dir=self.label_bin)
        while len(list(self.label_bin.iterdir())) < self.workers:
            time.sleep(0.1)

        def classify(stream: Stream[Tag]) -> Iterator[tuple[Tag, NDArray[np.float32]]]:
            for tag, _ in stream:
                time.sleep(self.pause)
                yield tag, np.full(len(LABELS), 1 / len(LABELS), np.float32)

        return OpenClassifier(self, classify)


def write_drawn(path: Path, frames: int) -> Path:
    """Write a small clip that takes next to no time to decode."""
    fourcc = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(path), fourcc, 30, (160, 120))
    for number in range(frames):
        writer.write(np.full((120, 160, 3), number % 200, np.uint8))
    writer.release()
    return path


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=positive, default=10_000)
    parser.add_argument("--workers", type=positive, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--pause", type=float, default=0.01, help="seconds to classify a frame")
    return parser.parse_args()


if __name__ == "__main__":
    main()
