"""Labels clips on the cluster of this host, with a classifier that does as it is told on each host.

    python sleepy_driver.py FOLDER CLIP ...

Before each frame, a worker runs the lines of FOLDER/<its host's name>.py, where there is such a
file. Results go into FOLDER/tables.
"""

import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from activity.cluster.clips import label_on_cluster
from activity.cluster.ray_cluster import ClusterOptions
from activity.common.errors import UserError
from activity.common.interruption import delay_interrupts
from activity.common.script import run_script
from activity.labelling.jobs import Settings
from activity.labelling.outputs import Outputs
from activity.labelling.planning import plan_jobs
from activity.network.classifier import Classifier, OpenClassifier
from activity.network.engine import EngineOptions
from activity.temporal.smoothing import Rolling


class Told(Classifier):
    """Classifies by the mean colour, and does what it is told before."""

    def open(self, options: EngineOptions, frames: int | None = None) -> OpenClassifier:
        def classify(stream: Any) -> Iterator[tuple[Any, np.ndarray]]:
            for tag, pixels in stream:
                told = self.label_bin / f"{platform.node()}.py"
                if told.exists():
                    exec(told.read_text())
                means = pixels.reshape(-1, 3).mean(axis=0, dtype=np.float32)[::-1]
                yield tag, means / means.sum()

        return OpenClassifier(self, classify)


def main() -> None:
    folder = Path(sys.argv[1])
    jobs = plan_jobs(sys.argv[2:], Outputs(csv=folder / "tables"))
    settings = Settings(Rolling(1), options=EngineOptions("openvino"))
    classifier = Told(Path("activity.model"), folder, "0" * 64, ("blue", "green", "red"))
    with delay_interrupts() as interrupted:
        for job, outcome in label_on_cluster(
            ClusterOptions("auto"), jobs, classifier, settings, None, interrupted
        ):
            if isinstance(outcome, UserError):
                print("failed", job.clip, outcome, flush=True)
            elif outcome is not None:
                print("done", job.clip, outcome.summary.label, flush=True)


if __name__ == "__main__":
    run_script(main)
