"""Clips labelled on a Ray cluster: a worker opens the model once and labels one after another."""

import io
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, redirect_stdout, suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from activity.cluster.answers import (
    Failed,
    WorkerDiedError,
    errors_in_a_line,
    name_in_ray,
)
from activity.cluster.checks import Check, prepare_check
from activity.cluster.crew import count_workers, find_places
from activity.cluster.long_clips import JoinedJob, LongClips, StretchOfJob
from activity.cluster.placing import for_hosts, on_host, placed
from activity.cluster.queue import JobQueue
from activity.cluster.ray_cluster import ClusterOptions, cluster_joined
from activity.cluster.workers import run_on_workers
from activity.common.cores import usable_cores, use_at_most
from activity.common.errors import UserError
from activity.common.interruption import LeftUnfinishedError
from activity.common.stores import is_stored
from activity.common.writing import Unnamed, keep_temporary_names, publish, remove_unnamed
from activity.labelling.jobs import Job, Settings
from activity.labelling.label_clip import Outcome, Outcomes, label_clip
from activity.labelling.prediction import ClassifiedStretch, classify_stretch
from activity.network.classifier import Classifier


class Done(NamedTuple):
    """A clip that a worker is done with.

    Attributes:
        printed: what was printed meanwhile.
        outcome: what became of it; None if it was left unfinished.
        files: its results, which have no names yet. A worker that is cut off from the cluster may
            work on, beside the one that has its clip now: only this machine gives names.
    """

    printed: str
    outcome: Outcome | None
    files: Sequence[Unnamed]


def label_on_cluster(
    cluster: ClusterOptions,
    jobs: Sequence[Job],
    classifier: Classifier,
    settings: Settings,
    frames: int | None,
    interrupted: Callable[[], bool],
) -> Outcomes:
    """Label clips on the machines of a Ray cluster, which see the same folders as this one.

    Args:
        cluster: which.
        jobs: the clips, and what to write for each; the workers write it.
        classifier: each worker opens it.
        settings: how.
        frames: how many frames the clips have; None if it is not known.
        interrupted: tells whether to end early.

    Raises:
        UserError: the cluster cannot be joined, or no worker can open the model.
    """
    here = Path.cwd()
    outputs = (path for job in jobs for path in placed(job, here).outputs.paths)
    folders = {path.parent for path in outputs if not is_stored(path)}
    gone: set[str] = set()

    def lost(worker: str) -> None:
        gone.add(worker)
        remove_unnamed(folders, [worker])

    try:
        with (
            prepare_check(folders) as check,
            cluster_joined(cluster),
            tqdm(total=len(jobs), unit="clip", disable=None) as bar,
        ):

            def say(line: str) -> None:
                bar.clear()
                print(f"[INFO] {line}")

            places = find_places(gpu=settings.options.engine in ("auto", "keras"))
            options = for_hosts(settings.options, here, places.cores)
            on_hosts = replace(settings, options=options)
            arguments = (check, classifier, on_hosts, frames, here)
            long = LongClips(jobs, count_workers(places), settings.stride, interrupted)
            unfinished = [job for job in jobs if job in long]
            whole = [job for job in jobs if job not in long]
            queue = JobQueue(whole, long.stretches(), len(unfinished))
            done = run_on_workers(
                queue, Worker, arguments, places, say=say, lost=lost, interrupted=interrupted
            )
            with closing(done):
                for work, result in done:
                    if isinstance(work, StretchOfJob):
                        long.take(work, result, queue)
                        bar.set_postfix_str(f"stretches left: {long.left}")
                        continue
                    job = work.job if isinstance(work, JoinedJob) else work
                    if job in unfinished:
                        unfinished.remove(job)
                    bar.update()
                    bar.clear()
                    yield job, _outcome(job, result)
            for job in unfinished:  # interrupted between its stretches
                yield job, None
    finally:
        # A worker that was killed may have written on for a moment.
        remove_unnamed(folders, gone)


def _outcome(
    job: Job, result: Done | Failed | WorkerDiedError | None
) -> Outcome | UserError | None:
    """Publish what a worker has made, and say what became of the clip."""
    if result is None:
        return None
    if isinstance(result, WorkerDiedError):
        return UserError(
            f"cannot label {job.name}: each of the two workers that tried died "
            "(killed, out of memory, or crashed in a library)"
        )
    if isinstance(result, Failed):
        return result.as_error()
    print(result.printed, end="")
    try:
        with errors_in_a_line(job.name):
            publish(result.files)
    except UserError as error:
        return error
    return result.outcome


class Worker:
    """A process on some machine of the cluster."""

    def __init__(
        self,
        check: Check,
        classifier: Classifier,
        settings: Settings,
        frames: int | None,
        folder: Path,
    ) -> None:
        """``folder`` is where the run was started: paths may be relative to it."""
        self._check = check
        self._saved = classifier
        self._settings = settings
        self._frames = frames
        self._folder = folder
        self._stop = threading.Event()

    def open(self) -> None:
        """Open the model.

        Raises:
            UserError: it cannot be opened, or this machine is not as the one that started the run.
        """
        with errors_in_a_line("the model"):
            self._check.make()
            use_at_most(self._settings.options.cores or usable_cores())
            there = placed(self._saved, self._folder)
            opened = there.open(on_host(self._settings.options), self._frames)
        # Results name the model as it was given.
        self._classifier = replace(opened, saved=self._saved)

    def run(self, work: Job | StretchOfJob | JoinedJob) -> Done | ClassifiedStretch | None:
        """Label a clip, or classify a stretch of one.

        Raises:
            UserError: as ``label_clip`` does.
        """
        import ray

        if isinstance(work, StretchOfJob):
            return self._classify(work)
        predictions = None
        if isinstance(work, JoinedJob):
            labels, stride = self._classifier.saved.labels, self._settings.stride
            predictions, work = work.predictions(stride, labels), work.job
        job = work
        name = name_in_ray(ray.get_runtime_context().get_actor_id())
        # The table of truth was read before; results name it as it was given.
        there = replace(placed(job, self._folder), truth=job.truth)
        outcome = None
        files: list[Unnamed] = []
        printed = io.StringIO()
        try:
            with (
                redirect_stdout(printed),
                errors_in_a_line(there.name),
                suppress(LeftUnfinishedError),
                keep_temporary_names(name) as files,
            ):
                outcome = label_clip(
                    there,
                    self._classifier,
                    self._settings,
                    interrupted=self._stop.is_set,
                    source_name=job.name,
                    predictions=predictions,
                )
        except UserError as error:
            raise UserError(_as_given(str(error), there, job)) from error
        return Done(_as_given(printed.getvalue(), there, job), outcome, files if outcome else [])

    def _classify(self, part: StretchOfJob) -> ClassifiedStretch | None:
        there = placed(part.job, self._folder)
        stride = self._settings.stride
        try:
            with errors_in_a_line(there.name):
                return classify_stretch(
                    Path(there.clip), part.stretch, self._classifier, stride, self._stop.is_set
                )
        except UserError as error:
            raise UserError(_as_given(str(error), there, part.job)) from error

    def stop(self) -> None:
        """Have ``run`` return early."""
        self._stop.set()


def _as_given(text: str, there: Job, job: Job) -> str:
    """Name paths as they were given."""
    for path, given in zip(there.outputs.paths, job.outputs.paths, strict=True):
        text = text.replace(str(path), str(given))
    return text.replace(there.name, job.name)
