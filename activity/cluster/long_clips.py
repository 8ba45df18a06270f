"""A long clip, shared by the workers: cut by one, classified by all, written by one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from activity.cluster.stretches import ClassifiedStretch, join_stretches
from activity.cluster.workers import JobQueue, Part
from activity.common.stores import is_stored
from activity.labelling.jobs import Job, of_one_clip
from activity.media.cutting import SEAM, CutClip, CutStretch, Seams, fit_together
from activity.temporal.predictions import Predictions

# A clip that all workers share is cut into this many stretches for each: if one is late, or dies,
# little is lost.
_EACH = 4

# In frames. Shorter ones would take long to begin, beside what they have to do.
_SHORTEST = 256


Regions = tuple[Job, ...]
"""The jobs of one clip: the clip itself, or each of its regions."""


@dataclass(frozen=True, eq=False)
class ClipToCut(Part):
    """A clip that is to be cut, into about so many stretches of at least so many frames."""

    jobs: Regions
    parts: float
    least: int


@dataclass(frozen=True, eq=False)
class StretchOfClip(Part):
    """A stretch of a clip, to be classified."""

    jobs: Regions
    number: int
    stretch: CutStretch


@dataclass(frozen=True, eq=False)
class JoinedClip:
    """What is left to do of a clip that is classified.

    Attributes:
        jobs: its jobs.
        stretches: references to what the stretches gave, in order.
        end: when the last frame ceases to be shown, as ``CutClip`` says.
    """

    jobs: Regions
    stretches: Sequence[Any]
    end: float

    def predictions(self, stride: int, labels: Sequence[str]) -> list[Predictions]:
        """Bring the predictions of all stretches here and join them."""
        import ray

        return join_stretches(ray.get(list(self.stretches)), stride, labels, self.end)


def plan(jobs: Sequence[Job], workers: int, stride: int) -> Iterator[Regions | ClipToCut]:
    """Yield the jobs of each clip as they are to be given out: first long ones, to be cut.

    A clip is long if it would keep one of so many workers busy when others have nothing left to do.
    How large its file is stands for how long it takes: to open all clips would take minutes.
    """
    clips = [tuple(regions) for regions in of_one_clip(jobs)]
    sizes = [0 if is_stored(first.clip) else _size(Path(first.clip)) for first, *_ in clips]
    share = sum(sizes) / max(1, workers)  # none are there if all hosts are still to join
    least = max(_SHORTEST, 2 * SEAM, 2 * stride)
    for clip, size in zip(clips, sizes, strict=True):
        if size > share:
            yield ClipToCut(clip, _EACH * size / share, least)
    yield from (clip for clip, size in zip(clips, sizes, strict=True) if size <= share)


class LongClips:
    """What is known of the clips that were cut, until all of their stretches are classified.

    Attributes:
        unfinished: jobs of long clips that were begun; who ends them removes them.
    """

    def __init__(self) -> None:
        self.unfinished: list[Regions] = []
        self._clips: dict[Regions, tuple[CutClip, dict[int, tuple[Seams, Any]]]] = {}

    @property
    def left(self) -> int:
        """Number of stretches that are still to be classified."""
        return sum(len(clip.stretches) - len(done) for clip, done in self._clips.values())

    def take(self, part: ClipToCut | StretchOfClip, result: object, queue: JobQueue) -> None:
        """Take in what became of a part, and add to the queue what is then to be done.

        Those are the stretches, once the clip is cut; and what is left to do of the clip, once all
        stretches are classified. That is all if the clip is not cut, or a stretch is not
        classified, or the stretches do not fit together.
        """
        import ray

        jobs = part.jobs
        if isinstance(part, ClipToCut):
            self.unfinished.append(jobs)
            if isinstance(result, CutClip):
                self._clips[jobs] = result, {}
                queue.add(*(StretchOfClip(jobs, *each) for each in enumerate(result.stretches)))
            else:
                queue.add(jobs)
        elif jobs in self._clips:
            clip, done = self._clips[jobs]
            rest: Regions | JoinedClip = jobs
            if isinstance(result, ClassifiedStretch):
                done[part.number] = result.seams, ray.put(result)
                if len(done) < len(clip.stretches):
                    return
                seams, references = zip(*(done[number] for number in sorted(done)), strict=True)
                if fit_together(seams):
                    rest = JoinedClip(jobs, references, clip.end)
            del self._clips[jobs]
            queue.drop(lambda other: isinstance(other, StretchOfClip) and other.jobs == jobs)
            queue.add(rest)


def _size(clip: Path) -> int:
    try:
        return clip.stat().st_size
    except OSError:
        return 0
