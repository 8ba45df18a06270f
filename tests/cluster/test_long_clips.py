"""Which clips of a run are cut for a cluster."""

from dataclasses import replace
from pathlib import Path

import pytest

from activity.cluster.long_clips import ClipToCut, LongClips, StretchOfClip, plan
from activity.cluster.workers import JobQueue
from activity.labelling.jobs import Job
from activity.labelling.outputs import Outputs
from activity.media.cutting import cut
from activity.temporal.judgement import Truth
from activity.temporal.segments import Segment
from tests.conftest import write_clip
from tests.labelling.test_label_clip import job_of


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> list[Job]:
    """A clip of 1,200 frames, three of 100, one that is gone and one in a store."""
    folder = tmp_path_factory.mktemp("clips")
    long = write_clip(folder / "long.mp4", ["red"] * 1200, size=(64, 48))
    short = [write_clip(folder / f"{number}.mp4", ["red"] * 100, size=(64, 48)) for number in "abc"]
    clips = [*short, long, folder / "gone.mp4"]
    return [*(job_of(clip, folder, "csv") for clip in clips), Job("s3://x/y.mp4", Outputs())]


def stretches_of(jobs: list[Job], workers: int, stride: int) -> list[StretchOfClip]:
    """Cut the clips that are to be cut, and give their stretches."""
    queue = JobQueue(plan(jobs, workers, stride), len(jobs))
    long = LongClips()
    found = []
    while attempt := queue.take("host"):
        if isinstance(attempt.job, ClipToCut):
            part = attempt.job
            long.take(part, cut(Path(part.jobs[0].clip), part.parts, part.least), queue)
        elif isinstance(attempt.job, StretchOfClip):
            found.append(attempt.job)
    assert long.left == len(found)
    return found


@pytest.mark.parametrize(
    ("workers", "stride", "parts"), [(0, 1, 0), (1, 1, 0), (2, 1, 5), (2, 300, 2)]
)
def test_a_clip_that_is_longer_than_the_share_of_a_worker_is_cut(
    jobs: list[Job], workers: int, stride: int, parts: int
) -> None:
    stretches = stretches_of(jobs, workers, stride)
    assert len(stretches) == parts
    assert {stretch.jobs[0] for stretch in stretches} == ({jobs[3]} if parts else set())
    assert sum(len(part.stretch.seconds) for part in stretches) == (1200 if parts else 0)


def test_clips_are_not_cut_where_there_are_enough_for_all(jobs: list[Job]) -> None:
    short = [*jobs[:3], *jobs[:3]] * 2
    assert list(plan(short, 4, 1)) == [(job,) for job in short]


def test_a_clip_that_is_named_twice_and_judged_is_two_jobs(jobs: list[Job]) -> None:
    """Without files to write, nothing else tells the two apart."""
    truth = Truth(Path("truth.csv"), [Segment(0, 4, "red")])
    twice = [replace(jobs[3], outputs=Outputs(), truth=truth) for _ in range(2)]
    stretches = stretches_of(twice, 3, 1)
    of_each = [[part.stretch for part in stretches if part.jobs == (job,)] for job in twice]
    assert [sum(len(stretch.seconds) for stretch in some) for some in of_each] == [1200, 1200]


def test_a_clip_that_cannot_be_cut_is_labelled_whole(jobs: list[Job]) -> None:
    queue = JobQueue(plan(jobs, 2, 1), len(jobs))
    attempt = queue.take("host")
    assert attempt is not None
    assert isinstance(attempt.job, ClipToCut)
    LongClips().take(attempt.job, None, queue)
    following = queue.take("host")
    assert following is not None
    assert following.job == (jobs[3],)
