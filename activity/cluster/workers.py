"""Jobs run on the workers of a Ray cluster: none is lost, and none done twice at once."""

import os
import platform
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from activity.common.errors import UserError

Job = TypeVar("Job")

# A clip is decoded in one thread, drawn and encoded in another; more cores than these would wait
# for them (docs/cluster.md).
CORES = 2

_TRIES = 2
# How often a person's Ctrl-C is looked for, and how long what is begun may take to be put away.
_LOOK_UP_SECONDS = 0.2
_PUT_AWAY_SECONDS = 60


class WorkerDiedError(Exception):
    """Each of the workers that were given a job died over it."""


def enter_folder(folder: Path) -> None:
    """Have a worker stand where the run was started: paths may be relative to that folder.

    Raises:
        UserError: this machine does not see it.
    """
    try:
        os.chdir(folder)
    except OSError as error:
        raise UserError(
            f"{platform.node()} does not see the folder {folder}: "
            "the machines of a cluster need a shared folder"
        ) from error


def last_line(error: BaseException) -> str:
    """Say what went wrong on another machine, without how it came there."""
    return str(error).strip().splitlines()[-1].strip()


class Places(NamedTuple):
    """How many workers there is room for, and what each asks Ray for."""

    workers: int
    cores: int
    options: dict[str, float]


def find_places(*, gpu: bool) -> Places:
    """Count the workers that fit on a cluster: one for each GPU, where these are wanted and there
    are any, or one for every ``CORES`` cores of a machine.

    Raises:
        UserError: there is no core to work on.
    """
    import ray

    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    gpus = sum(int(node.get("GPU", 0)) for node in alive)
    if gpu and gpus:
        return Places(gpus, CORES, {"num_cpus": 1, "num_gpus": 1})
    cpus = [int(node.get("CPU", 0)) for node in alive]
    cores = min(CORES, max(cpus, default=0))
    if not cores:
        raise UserError("no machine of the cluster has a core to work on: start one with some")
    return Places(sum(cpu // cores for cpu in cpus), cores, {"num_cpus": cores})


class _Task(NamedTuple):
    """What a worker is at: a job and which try of it this is, or None while it opens."""

    worker: Any
    job: Any
    tries: int


def run_on_workers(
    jobs: Sequence[Job],
    worker: Callable[..., object],
    arguments: Sequence[object],
    places: Places,
    interrupted: Callable[[], bool] = lambda: False,
) -> Generator[tuple[Job, Any], None, None]:
    """Have workers do jobs, each one job at a time, and yield each job with what came of it.

    A job whose worker dies (killed, out of memory, crashed, its machine gone) is given to a fresh
    worker, once. Only the jobs at work are known to Ray, so that memory does not grow with jobs.

    Args:
        jobs: what to do, in this order; results come in the order in which they are ready.
        worker: a class. ``open()`` is called once, ``run(job)`` for each job, and ``stop()``, in
            another thread, when ``run`` is to return early.
        arguments: of the class.
        places: how many workers to start, at most.
        interrupted: tells whether to end early: nothing new is begun, and what is at work stopped.

    Yields:
        A job and what ``run`` returned, the ``UserError`` it raised, or a ``WorkerDiedError``.

    Raises:
        UserError: ``open`` raised it, or no worker lives to open.
    """
    import ray

    # A worker that has run out of memory is of no more use, even where it lives.
    dead = (ray.exceptions.RayActorError, ray.exceptions.OutOfMemoryError, MemoryError)
    remote = ray.remote(max_concurrency=2, **places.options)(worker)
    # Once for all workers: a network among them is large.
    given = [ray.put(argument) for argument in arguments]
    count = min(places.workers, len(jobs))
    new = iter(jobs)
    again: deque[Job] = deque()
    tasks: dict[Any, _Task] = {}
    left, died_opening = len(jobs), 0

    def start() -> None:
        actor = remote.remote(*given)
        tasks[actor.open.remote()] = _Task(actor, None, 0)

    def give_next(actor: Any, fresh: bool) -> None:
        job, tries = (again.popleft(), _TRIES) if fresh and again else (next(new, None), 1)
        if job is not None:
            tasks[actor.run.remote(job)] = _Task(actor, job, tries)
            return
        ray.kill(actor)
        if again:
            start()

    try:
        for _ in range(count):
            start()
        while left and not interrupted():
            ready, _ = ray.wait(list(tasks), timeout=_LOOK_UP_SECONDS)
            for reference in ready:
                actor, job, tries = tasks.pop(reference)
                try:
                    result = _result_of(reference)
                except dead as error:
                    ray.kill(actor)
                    if job is None:
                        died_opening += 1
                        if died_opening > 2 * count:
                            raise UserError(
                                "the workers of the cluster die before they have opened the "
                                f"model: {last_line(error)}"
                            ) from error
                    elif tries < _TRIES:
                        again.append(job)
                    else:
                        left -= 1
                        yield job, WorkerDiedError()
                    if left:
                        start()
                    continue
                if job is None:
                    died_opening = 0
                    if isinstance(result, UserError):
                        raise result
                else:
                    left -= 1
                    yield job, result
                give_next(actor, fresh=job is None)
        yield from _stopped({ref: task for ref, task in tasks.items() if task.job is not None})
    finally:
        for task in tasks.values():
            ray.kill(task.worker)


def _stopped(tasks: dict[Any, _Task]) -> Iterator[tuple[Any, Any]]:
    """Have workers put away what they are at, and yield what came of it."""
    import ray

    for task in tasks.values():
        task.worker.stop.remote()
    for reference, task in tasks.items():
        try:
            result = _result_of(reference, _PUT_AWAY_SECONDS)
        except (ray.exceptions.RayActorError, ray.exceptions.GetTimeoutError):
            continue
        yield task.job, result


def _result_of(reference: Any, timeout: float | None = None) -> Any:
    """What a worker's method returned, or the UserError it raised; a bug keeps its traceback."""
    import ray

    try:
        return ray.get(reference, timeout=timeout)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, UserError):
            return error.cause
        raise
