"""A long clip, shared by the workers: cut by one, classified by all, written by one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from activity.cluster.workers import JobQueue, Part
from activity.common.stores import is_stored
from activity.labelling.jobs import Job
from activity.labelling.stretches import ClassifiedStretch, join_stretches
from activity.media.cutting import SEAM, CutClip, CutStretch, Seams, fit_together
from activity.temporal.predictions import Predictions

# A clip that all workers share is cut into this many stretches for each: if one is late, or dies,
# little is lost.
_EACH = 4

# In frames. Shorter ones would take long to begin, beside what they have to do.
_SHORTEST = 256


@dataclass(frozen=True, eq=False)
class ClipToCut(Part):
    """A job whose clip is to be cut, into about so many stretches of at least so many frames."""

    job: Job
    parts: float
    least: int


@dataclass(frozen=True, eq=False)
class StretchOfJob(Part):
    """A stretch of a job's clip, to be classified."""

    job: Job
    number: int
    stretch: CutStretch


@dataclass(frozen=True, eq=False)
class JoinedJob:
    """The rest of a job whose clip is classified.

    Attributes:
        job: the job.
        stretches: references to what the stretches gave, in order.
        end: when the last frame ceases to be shown, as ``CutClip`` says.
    """

    job: Job
    stretches: Sequence[Any]
    end: float

    def predictions(self, stride: int, labels: Sequence[str]) -> Predictions:
        """Bring the predictions of all stretches here and join them."""
        import ray

        return join_stretches(ray.get(list(self.stretches)), stride, labels, self.end)


def plan(jobs: Sequence[Job], workers: int, stride: int) -> Iterator[Job | ClipToCut]:
    """Yield jobs as they are to be given out: first long ones, which are to be cut.

    A clip is long if it would keep one of so many workers busy when others have nothing left to do.
    How large its file is stands for how long it takes: to open all clips would take minutes.
    """
    sizes = [0 if is_stored(job.clip) else _size(Path(job.clip)) for job in jobs]
    share = sum(sizes) / max(1, workers)  # none are there if all hosts are still to join
    least = max(_SHORTEST, 2 * SEAM, 2 * stride)
    for job, size in zip(jobs, sizes, strict=True):
        if size > share:
            yield ClipToCut(job, _EACH * size / share, least)
    yield from (job for job, size in zip(jobs, sizes, strict=True) if size <= share)


class LongClips:
    """What is known of the clips that were cut, until all of their stretches are classified.

    Attributes:
        unfinished: jobs of long clips that were begun; who ends a job removes it.
    """

    def __init__(self) -> None:
        self.unfinished: list[Job] = []
        self._clips: dict[Job, tuple[CutClip, dict[int, tuple[Seams, Any]]]] = {}

    @property
    def left(self) -> int:
        """Number of stretches that are still to be classified."""
        return sum(len(clip.stretches) - len(done) for clip, done in self._clips.values())

    def take(self, part: ClipToCut | StretchOfJob, result: object, queue: JobQueue) -> None:
        """Take in what became of a part, and add to the queue what is then to be done.

        Those are the stretches, once the clip is cut; and the rest of the job, once all stretches
        are classified. It is the whole job if the clip is not cut, or a stretch is not classified,
        or the stretches do not fit together.
        """
        import ray

        job = part.job
        if isinstance(part, ClipToCut):
            self.unfinished.append(job)
            if isinstance(result, CutClip):
                self._clips[job] = result, {}
                queue.add(*(StretchOfJob(job, *each) for each in enumerate(result.stretches)))
            else:
                queue.add(job)
        elif job in self._clips:
            clip, done = self._clips[job]
            rest: Job | JoinedJob = job
            if isinstance(result, ClassifiedStretch):
                done[part.number] = result.seams, ray.put(result)
                if len(done) < len(clip.stretches):
                    return
                seams, references = zip(*(done[number] for number in sorted(done)), strict=True)
                if fit_together(seams):
                    rest = JoinedJob(job, references, clip.end)
            del self._clips[job]
            queue.drop(lambda other: isinstance(other, StretchOfJob) and other.job is job)
            queue.add(rest)


def _size(clip: Path) -> int:
    try:
        return clip.stat().st_size
    except OSError:
        return 0
