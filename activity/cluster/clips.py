"""Clips labelled on a Ray cluster: a worker opens the model once and labels one after another."""

import io
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from activity.cluster import workers
from activity.cluster.checks import Check, for_hosts, on_host, placed, prepare_check
from activity.cluster.long_clips import (
    ClipToCut,
    JoinedClip,
    LongClips,
    Regions,
    StretchOfClip,
    plan,
)
from activity.cluster.ray_cluster import ClusterOptions, cluster_joined
from activity.cluster.stretches import ClassifiedStretch, classify_stretch
from activity.common.cores import use_at_most
from activity.common.errors import UserError
from activity.common.interruption import LeftUnfinishedError
from activity.common.stores import is_stored
from activity.common.writing import Unnamed, keep_temporary_names, publish, remove_unnamed
from activity.labelling.jobs import Job, Settings, of_one_clip
from activity.labelling.label_clip import Outcomes, label_clip
from activity.labelling.results import Outcome
from activity.media.cutting import CutClip, cut
from activity.network.classifier import Classifier
from activity.temporal.predictions import Predictions


class Done(NamedTuple):
    """What a worker has printed over a clip, and made: no outcomes if it was left unfinished.

    The files have no names yet. A worker that is cut off from the cluster may work on, beside the
    one that has its clip now: only the machine that started the run gives names.
    """

    printed: str
    outcomes: Sequence[Outcome | None]
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
            tqdm(total=len(of_one_clip(jobs)), unit="clip", disable=None) as bar,
        ):
            gpu = settings.options.engine in ("auto", "keras")
            on_hosts = replace(settings, options=for_hosts(settings.options, here))
            room = sum(host.room for host in workers.find_hosts(gpu=gpu))
            queue = workers.JobQueue(plan(jobs, room, settings.stride), len(of_one_clip(jobs)))
            long = LongClips()
            arguments = (check, classifier, on_hosts, frames, here)
            done = workers.run_on_workers(
                queue, Worker, arguments, gpu=gpu, lost=gone.append, interrupted=interrupted
            )
            with closing(done):
                for work, result in done:
                    if isinstance(work, ClipToCut | StretchOfClip):
                        long.take(work, result, queue)
                        bar.set_postfix_str(f"stretches left: {long.left}")
                        continue
                    regions = work.jobs if isinstance(work, JoinedClip) else work
                    if regions in long.unfinished:
                        long.unfinished.remove(regions)
                    bar.update()
                    bar.clear()
                    yield from zip(regions, _outcomes(regions, result), strict=True)
            for job in chain.from_iterable(long.unfinished):  # interrupted between its stretches
                yield job, None
    finally:
        # Only now: a worker that was killed may have written on for a moment.
        remove_unnamed(folders, gone)


def _outcomes(
    jobs: Regions, result: Done | UserError | workers.WorkerDiedError | None
) -> Sequence[Outcome | UserError | None]:
    """Publish what a worker has made, and say what became of the clip, or of each region."""
    name = jobs[0].name
    if isinstance(result, workers.WorkerDiedError):
        result = UserError(
            f"cannot label {name}: each of the two workers that tried died "
            "(killed, out of memory, or crashed in a library)"
        )
    if not isinstance(result, Done):
        return [result] * len(jobs)
    print(result.printed, end="")
    try:
        with workers.errors_in_a_line(name):
            publish(result.files)
    except UserError as error:
        return [error] * len(jobs)
    return result.outcomes


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
        self, work: Regions | JoinedClip | ClipToCut | StretchOfClip
    ) -> Done | CutClip | ClassifiedStretch | None:
        """Label a clip, or do a part of that.

        Raises:
            UserError: as ``label_clip`` does.
        """
        jobs = work if isinstance(work, tuple) else work.jobs
        stride = self.settings.stride
        # The table of truth was read before; results name it as it was given.
        there = [replace(placed(job, self.folder), truth=job.truth) for job in jobs]
        clip = Path(there[0].clip)
        try:
            with workers.errors_in_a_line(there[0].name), suppress(LeftUnfinishedError):
                if isinstance(work, ClipToCut):
                    return cut(clip, work.parts, work.least, self._stop.is_set)
                if isinstance(work, StretchOfClip):
                    regions = [job.region for job in jobs]
                    return classify_stretch(
                        *(clip, work.stretch, self._classifier, stride, self._stop.is_set),
                        regions,
                    )
                predictions = None
                if isinstance(work, JoinedClip):
                    predictions = work.predictions(stride, self.saved.labels)
                return self._label(jobs, there, predictions)
        except UserError as error:
            raise UserError(_as_given(str(error), there, jobs)) from error
        return None

    def stop(self) -> None:
        """Have ``run`` return early."""
        self._stop.set()

    def _label(
        self, jobs: Regions, there: Sequence[Job], predictions: Sequence[Predictions] | None
    ) -> Done:
        import ray

        name = workers.name_in_ray(ray.get_runtime_context().get_actor_id())
        printed = io.StringIO()
        model, settings, stop = self._classifier, self.settings, self._stop.is_set
        with (
            redirect_stdout(printed),
            suppress(LeftUnfinishedError),
            keep_temporary_names(name) as files,
        ):
            outcomes = label_clip(
                there,
                model,
                settings,
                interrupted=stop,
                source_name=jobs[0].name,
                predictions=predictions,
            )
            return Done(_as_given(printed.getvalue(), there, jobs), outcomes, files)
        return Done(_as_given(printed.getvalue(), there, jobs), [None] * len(jobs), [])


def _as_given(text: str, there: Sequence[Job], jobs: Regions) -> str:
    """Name paths as they were given."""
    for placed_job, job in zip(there, jobs, strict=True):
        for path, given in zip(placed_job.outputs.paths, job.outputs.paths, strict=True):
            text = text.replace(str(path), str(given))
    return text.replace(there[0].name, jobs[0].name)
