"""Clips labelled on a Ray cluster: a worker opens the model once and labels one after another."""

import io
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, redirect_stdout
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from activity.cluster.ray_cluster import cluster_joined
from activity.cluster.workers import WorkerDiedError, enter_folder, find_places, run_on_workers
from activity.common.errors import UserError
from activity.labelling.jobs import Job
from activity.labelling.label_clip import Outcome, Outcomes, label_clip
from activity.labelling.labelled_frames import LeftUnfinishedError
from activity.labelling.settings import Settings
from activity.network.classifier import Classifier


def label_on_cluster(
    address: str,
    jobs: Sequence[Job],
    classifier: Classifier,
    settings: Settings,
    frames: int | None,
    interrupted: Callable[[], bool],
) -> Outcomes:
    """Label clips on the machines of a Ray cluster, which see the same folders as this one.

    Args:
        address: as in ``cluster_joined``.
        jobs: the clips, and what to write for each; the workers write it.
        classifier: each worker opens it.
        settings: how.
        frames: how many frames the clips have; None where nobody knows.
        interrupted: tells whether to end early.

    Raises:
        UserError: the cluster cannot be joined, or the model not be opened.
    """
    with cluster_joined(address):
        places = find_places(gpu=settings.options.engine in ("auto", "keras"))
        on_worker = replace(settings, options=replace(settings.options, cores=places.cores))
        arguments = (classifier, on_worker, frames, Path.cwd())
        done = run_on_workers(jobs, Worker, arguments, places, interrupted)
        with closing(done), tqdm(total=len(jobs), unit="clip", disable=None) as bar:
            for job, result in done:
                bar.update()
                bar.clear()
                if isinstance(result, WorkerDiedError):
                    result = UserError(
                        f"cannot label {job.clip}: each of the two workers that tried died "
                        "(killed, out of memory, or crashed in a library)"
                    )
                elif not isinstance(result, UserError):
                    printed, result = result
                    print(printed, end="")
                yield job, result


class Worker:
    """A process on some machine of the cluster."""

    def __init__(
        self, classifier: Classifier, settings: Settings, frames: int | None, folder: Path
    ) -> None:
        """``folder`` is where the run was started: paths may be relative to it."""
        self._saved = classifier
        self._settings = settings
        self._frames = frames
        self._folder = folder
        self._stop = threading.Event()

    def open(self) -> None:
        """Open the model.

        Raises:
            UserError: it cannot be opened, or this machine does not see the run's folder.
        """
        enter_folder(self._folder)
        self._classifier = self._saved.open(self._settings.options, self._frames)

    def run(self, job: Job) -> tuple[str, Outcome | None]:
        """Label a clip.

        Returns:
            What was printed meanwhile; and what became of the clip, None where it was left
            unfinished.

        Raises:
            UserError: as ``label_clip`` does.
        """
        printed = io.StringIO()
        with redirect_stdout(printed):
            try:
                outcome = label_clip(
                    job, self._classifier, self._settings, interrupted=self._stop.is_set
                )
            except LeftUnfinishedError:
                return printed.getvalue(), None
        return printed.getvalue(), outcome

    def stop(self) -> None:
        """Have ``run`` return early."""
        self._stop.set()
