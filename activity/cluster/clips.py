"""Clips labelled on a Ray cluster: a worker opens the model once and labels one after another."""

import io
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from activity.cluster import workers
from activity.cluster.checks import Check, for_hosts, on_host, placed, prepare_check
from activity.cluster.long_clips import ClipToCut, JoinedJob, LongClips, StretchOfJob, plan
from activity.cluster.ray_cluster import ClusterOptions, cluster_joined
from activity.common.cores import use_at_most
from activity.common.errors import UserError
from activity.common.interruption import LeftUnfinishedError
from activity.common.publishing import Unnamed, names_held_back, publish, remove_unnamed
from activity.common.stores import is_stored
from activity.labelling.jobs import Job
from activity.labelling.label_clip import Outcome, Outcomes, label_clip
from activity.labelling.settings import Settings
from activity.labelling.stretches import ClassifiedStretch, classify_stretch
from activity.media.cutting import CutClip, cut
from activity.network.classifier import Classifier
from activity.temporal.predictions import Predictions


class Done(NamedTuple):
    """What a worker has printed over a clip, and made: no outcome if it was left unfinished.

    The files have no names yet. A worker that is cut off from the cluster may work on, beside the
    one that has its clip now: only the machine that started the run gives names.
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
    gone: list[str] = []
    try:
        with (
            prepare_check(folders) as check,
            cluster_joined(cluster),
            tqdm(total=len(jobs), unit="clip", disable=None) as bar,
        ):
            gpu = settings.options.engine in ("auto", "keras")
            on_hosts = replace(settings, options=for_hosts(settings.options, here))
            room = sum(host.room for host in workers.find_hosts(gpu=gpu))
            queue = workers.JobQueue(plan(jobs, room, settings.stride), len(jobs))
            long = LongClips()
            arguments = (check, classifier, on_hosts, frames, here)
            done = workers.run_on_workers(
                queue, Worker, arguments, gpu=gpu, lost=gone.append, interrupted=interrupted
            )
            with closing(done):
                for work, result in done:
                    if isinstance(work, ClipToCut | StretchOfJob):
                        long.take(work, result, queue)
                        bar.set_postfix_str(f"stretches left: {long.left}")
                        continue
                    job = work.job if isinstance(work, JoinedJob) else work
                    if job in long.unfinished:
                        long.unfinished.remove(job)
                    bar.update()
                    bar.clear()
                    yield job, _outcome(job, result)
            for job in long.unfinished:  # interrupted between its stretches
                yield job, None
    finally:
        # Only now: a worker that was killed may have written on for a moment.
        remove_unnamed(folders, gone)


def _outcome(
    job: Job, result: Done | UserError | workers.WorkerDiedError | None
) -> Outcome | UserError | None:
    """Publish what a worker has made, and say what became of the clip."""
    if isinstance(result, workers.WorkerDiedError):
        return UserError(
            f"cannot label {job.name}: each of the two workers that tried died "
            "(killed, out of memory, or crashed in a library)"
        )
    if not isinstance(result, Done):
        return result
    print(result.printed, end="")
    try:
        with workers.errors_in_a_line(job.name):
            publish(result.files)
    except UserError as error:
        return error
    return result.outcome


@dataclass
class Worker:
    """A process on some machine of the cluster: the arguments are those of ``label_on_cluster``.

    ``folder`` is where the run was started: paths may be relative to it.
    """

    check: Check
    saved: Classifier
    settings: Settings
    frames: int | None
    folder: Path
    _stop: threading.Event = field(default_factory=threading.Event)

    def open(self) -> None:
        """Open the model.

        Raises:
            UserError: it cannot be opened, or this machine is not as the one that started the run.
        """
        with workers.errors_in_a_line("the model"):
            self.check.make()
            use_at_most(workers.cores_of_worker())
            options = on_host(self.settings.options, workers.cores_of_worker())
            opened = placed(self.saved, self.folder).open(options, self.frames)
        # Results name the model as it was given.
        self._classifier = replace(opened, saved=self.saved)

    def run(
        self, work: Job | JoinedJob | ClipToCut | StretchOfJob
    ) -> Done | CutClip | ClassifiedStretch | None:
        """Label a clip, or do a part of that.

        Raises:
            UserError: as ``label_clip`` does.
        """
        job = work if isinstance(work, Job) else work.job
        stride = self.settings.stride
        # The table of truth was read before; results name it as it was given.
        there = replace(placed(job, self.folder), truth=job.truth)
        try:
            with workers.errors_in_a_line(there.name), suppress(LeftUnfinishedError):
                if isinstance(work, ClipToCut):
                    return cut(Path(there.clip), work.parts, work.least, self._stop.is_set)
                if isinstance(work, StretchOfJob):
                    return classify_stretch(
                        Path(there.clip), work.stretch, self._classifier, stride, self._stop.is_set
                    )
                predictions = None
                if isinstance(work, JoinedJob):
                    predictions = work.predictions(stride, self.saved.labels)
                return self._label(job, there, predictions)
        except UserError as error:
            raise UserError(_as_given(str(error), there, job)) from error
        return None

    def stop(self) -> None:
        """Have ``run`` return early."""
        self._stop.set()

    def _label(self, job: Job, there: Job, predictions: Predictions | None) -> Done:
        import ray

        name = workers.name_in_ray(ray.get_runtime_context().get_actor_id())
        printed = io.StringIO()
        model, settings, stop = self._classifier, self.settings, self._stop.is_set
        with (
            redirect_stdout(printed),
            suppress(LeftUnfinishedError),
            names_held_back(name) as files,
        ):
            outcome = label_clip(
                there,
                model,
                settings,
                interrupted=stop,
                source_name=job.name,
                predictions=predictions,
            )
            return Done(_as_given(printed.getvalue(), there, job), outcome, files)
        return Done(_as_given(printed.getvalue(), there, job), None, [])


def _as_given(text: str, there: Job, job: Job) -> str:
    """Name paths as they were given."""
    for path, given in zip(there.outputs.paths, job.outputs.paths, strict=True):
        text = text.replace(str(path), str(given))
    return text.replace(there.name, job.name)
