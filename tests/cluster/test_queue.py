"""Which job goes to which host."""

from activity.cluster.workers import SEVERAL, JobQueue, Part
from activity.common.errors import UserError

ERROR = UserError("no clip")


def jobs_for(queue: JobQueue, host: str) -> list[object]:
    taken = []
    while attempt := queue.take(host):
        taken.append(attempt.job)
    return taken


def test_jobs_are_given_out_in_their_order_and_a_lost_one_goes_first() -> None:
    queue = JobQueue(["a", "b", "c"])
    first = queue.take("one")
    assert first is not None
    assert queue.crashed(first)
    assert jobs_for(queue, "two") == ["a", "b", "c"]
    assert not queue.crashed(first)
    assert queue.left == 2


def test_a_job_that_fails_goes_to_another_host_and_fails_for_good_where_there_is_none() -> None:
    queue = JobQueue(["a"])
    attempt = queue.take("one")
    assert attempt is not None
    queue.failed(attempt, "one", ERROR)
    assert list(queue.hopeless(["one", "two"])) == []
    assert (queue.waiting_for("one"), queue.waiting_for("two")) == (0, 1)
    assert queue.take("one") is None
    assert queue.take("two") is attempt
    queue.failed(attempt, "two", ERROR)
    assert list(queue.hopeless(["one", "two"])) == [attempt]
    assert queue.left == 0


def test_a_job_that_a_good_host_fails_on_too_is_not_tried_on_all() -> None:
    hosts = ["one", "two", "three", "four"]
    queue = JobQueue(["good", "bad"])
    good, bad = queue.take("two"), queue.take("one")
    assert good is not None
    assert bad is not None
    queue.succeeded(good, "two")
    queue.failed(bad, "one", ERROR)
    assert list(queue.hopeless(hosts)) == []
    assert queue.take("two") is bad
    queue.failed(bad, "two", ERROR)
    assert list(queue.hopeless(hosts)) == [bad]


def test_a_host_that_fails_on_all_gets_no_new_job_until_another_host_has_tried() -> None:
    queue = JobQueue(range(10))
    for _ in range(SEVERAL):
        attempt = queue.take("bad")
        assert attempt is not None
        queue.failed(attempt, "bad", ERROR)
    assert queue.take("bad") is None
    found = []
    for _ in range(SEVERAL):
        attempt = queue.take("good")
        assert attempt is not None
        found += queue.succeeded(attempt, "good")
    assert found == ["bad"]


def test_clips_that_are_damaged_are_not_the_fault_of_a_host() -> None:
    queue = JobQueue(range(10))
    for _ in range(SEVERAL):
        attempt = queue.take("one")
        assert attempt is not None
        queue.failed(attempt, "one", ERROR)
    for _ in range(SEVERAL):
        attempt = queue.take("two")
        assert attempt is not None
        queue.failed(attempt, "two", ERROR)
    assert len(list(queue.hopeless(["one", "two"]))) == SEVERAL
    assert queue.take("one") is not None


class Piece(Part):
    """A part of a job."""


def test_parts_count_as_no_jobs_and_what_is_added_goes_before_all_that_is_new() -> None:
    first, second, third = Piece(), Piece(), Piece()
    queue = JobQueue([first, "a", "b"], total=3)
    assert (queue.total, queue.left, queue.waiting_for("one")) == (3, 3, 3)
    part = queue.take("one")
    assert part is not None
    assert part.job is first
    queue.succeeded(part, "one")
    assert queue.left == 3
    queue.add(second, third)
    queue.drop(lambda part: part is second)
    queue.add("c")
    assert queue.waiting_for("one") == 4
    assert jobs_for(queue, "one") == ["c", third, "a", "b"]


def test_a_host_that_fails_on_all_gets_no_part_either() -> None:
    queue = JobQueue([Piece() for _ in range(10)], total=1)
    for _ in range(SEVERAL):
        attempt = queue.take("bad")
        assert attempt is not None
        queue.failed(attempt, "bad", ERROR)
    assert queue.take("bad") is None
    assert len(list(queue.hopeless(["bad"]))) == SEVERAL
    assert queue.left == 1
