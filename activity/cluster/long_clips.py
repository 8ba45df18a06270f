"""Long clips on a Ray cluster: which are cut, and what follows when a stretch is done."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from activity.cluster.queue import JobQueue
from activity.common.errors import UserError
from activity.common.interruption import LeftUnfinishedError
from activity.common.stores import is_stored
from activity.labelling.jobs import Job
from activity.labelling.prediction import ClassifiedStretch, join_stretches
from activity.media.cutting import SEAM, CutClip, Stretch, cut
from activity.media.stretches import Seams, fit_together
from activity.temporal.predictions import Predictions

# A clip that all workers share is cut into this many stretches for each: if one is late, or dies,
# little is lost.
_EACH = 4

# In frames. Shorter ones would take long to begin, beside what they have to do.
_SHORTEST = 256


@dataclass(frozen=True, eq=False)
class StretchOfJob:
    """A part of a job, as a worker gets it: one stretch of its clip, to be classified."""

    job: Job
    number: int
    stretch: Stretch


@dataclass(frozen=True, eq=False)
class JoinedJob:
    """The rest of a job, as a worker gets it: all of its clip is classified.

    Attributes:
        job: the job.
        stretches: references to what the stretches gave, in order.
        end: when the last one ceases to be shown, as ``CutClip`` says.
    """

    job: Job
    stretches: Sequence[Any]
    end: float

    def predictions(self, stride: int, labels: Sequence[str]) -> Predictions:
        """Bring the predictions of all stretches here and join them."""
        import ray

        return join_stretches(ray.get(list(self.stretches)), stride, labels, self.end)


class LongClips:
    """The clips that are cut, until all of their stretches are classified."""

    def __init__(
        self,
        jobs: Sequence[Job],
        workers: int,
        stride: int,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        """Choose the clips that would keep a worker busy when others have nothing to do; cut them.

        Args:
            jobs: all jobs of the run.
            workers: how many there are to share them; none, where hosts are still to join.
            stride: every how many frames one is classified.
            interrupted: tells whether to end early: no further clip is cut.
        """
        least = max(_SHORTEST, 2 * SEAM, 2 * stride)
        long = _long_ones(jobs, workers)
        found = {job: _cut(job, parts, least, interrupted) for job, parts in long}
        self._clips = {job: clip for job, clip in found.items() if clip is not None}
        self._done: dict[Job, dict[int, tuple[Seams, Any]]] = {job: {} for job in self._clips}

    def __contains__(self, job: Job) -> bool:
        """Tell whether a job waits for stretches."""
        return job in self._clips

    @property
    def left(self) -> int:
        """Number of stretches that are still to be classified."""
        return sum(len(clip.stretches) - len(self._done[job]) for job, clip in self._clips.items())

    def stretches(self) -> Iterator[StretchOfJob]:
        """Yield all stretches of all clips."""
        for job, clip in self._clips.items():
            for number, stretch in enumerate(clip.stretches):
                yield StretchOfJob(job, number, stretch)

    def take(self, part: StretchOfJob, result: object, queue: JobQueue) -> None:
        """Take in what became of a stretch, and add to the queue what is then to be done.

        That is the rest of its job, where all stretches are classified, or the whole job, where one
        could not be or they do not fit together.
        """
        import ray

        job = part.job
        if job not in self._clips:
            return
        clip, done = self._clips[job], self._done[job]
        if not isinstance(result, ClassifiedStretch):
            self._end(job, job, queue)
            return
        done[part.number] = (result.seams, ray.put(result))
        if len(done) == len(clip.stretches):
            seams, references = zip(*(done[number] for number in sorted(done)), strict=True)
            rest = JoinedJob(job, references, clip.end)
            self._end(job, rest if fit_together(seams) else job, queue)

    def _end(self, job: Job, following: Job | JoinedJob, queue: JobQueue) -> None:
        del self._clips[job], self._done[job]
        queue.drop_parts(lambda part: part.job == job)
        queue.add(following)


def _long_ones(jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, float]]:
    """Yield jobs with more to do than a worker's share, and into how many parts to cut each.

    How large a clip's file is stands for how long it takes: to open all clips would take minutes.
    """
    sizes = [0 if is_stored(job.clip) else _size(Path(job.clip)) for job in jobs]
    share = sum(sizes) / max(1, workers)
    for job, size in zip(jobs, sizes, strict=True):
        if size > share:
            yield job, _EACH * size / share


def _size(clip: Path) -> int:
    try:
        return clip.stat().st_size
    except OSError:
        return 0


def _cut(job: Job, parts: float, least: int, interrupted: Callable[[], bool]) -> CutClip | None:
    try:
        return cut(Path(job.clip), parts, least, interrupted)
    except UserError:
        return None  # the worker that gets it says what is wrong
    except LeftUnfinishedError:
        return None  # no worker gets it
