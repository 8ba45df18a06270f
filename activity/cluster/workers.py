"""Jobs run on the workers of a Ray cluster: none is lost, and no bad host spoils them."""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, NamedTuple

from activity.cluster.answers import (
    Failed,
    WorkerDiedError,
    is_death,
    last_line,
    name_in_ray,
    nobody_left,
    result_of,
)
from activity.cluster.crew import Crew, Host, Places
from activity.cluster.head import Head
from activity.cluster.queue import SEVERAL, Attempt, JobQueue
from activity.common.errors import UserError

_DEATHS = 3
# How often a person's Ctrl-C is looked for, and how long what is begun may take to be put away.
_LOOK_UP_SECONDS = 0.2
_PUT_AWAY_SECONDS = 60


class _Task(NamedTuple):
    """What a worker is at: a job, or None while it opens."""

    host: Host
    worker: Any
    attempt: Attempt | None


def run_on_workers(
    queue: JobQueue,
    worker: type,
    arguments: Sequence[object],
    places: Places,
    *,
    say: Callable[[str], None],
    lost: Callable[[str], None] = lambda worker: None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Generator[tuple[Any, Any], None, None]:
    """Have workers do jobs, each one job at a time, and yield each job with what came of it.

    A job whose worker dies (killed, out of memory, crashed, its machine gone) is given to another
    worker, once, before all other jobs. One that fails is given to another host. A host on which
    several in a row fail that succeed elsewhere gets no more, nor does one where no worker opens.
    Hosts that join meanwhile are used, too. Only the jobs at work are known to Ray, so that memory
    does not grow with jobs.

    Args:
        queue: what to do; results come in the order in which they are ready. When one has come,
            more may be added to it.
        worker: a class. ``open()`` is called once, ``run(job)`` for each job, and ``stop()``, in
            another thread, when ``run`` is to return early.
        arguments: what the class is called with.
        places: what a worker asks for.
        say: told, in a line, of hosts that are not used.
        lost: told of workers that died over a job, by their name in Ray.
        interrupted: tells whether to end early: nothing new is begun, and what is at work stopped.

    Yields:
        A job and what ``run`` returned, a ``Failed``, or a ``WorkerDiedError``; None if the job
        was at work when the run was interrupted, and its worker did not put it away in time.

    Raises:
        UserError: no worker on any host opens, or no host is left.
    """
    run = _Run(queue, Crew(worker, arguments, places), say, lost)
    try:
        while run.queue.left and not interrupted():
            run.start_workers()
            yield from run.hopeless()
            yield from run.take_results()
        yield from run.stopped()
    finally:
        run.end()


class _Run:
    """The jobs, the workers, and what each of them is at."""

    def __init__(
        self,
        queue: JobQueue,
        crew: Crew,
        say: Callable[[str], None],
        lost: Callable[[str], None],
    ) -> None:
        self.queue = queue
        self._crew = crew
        self._head = Head(queue.total)
        self._say = say
        self._lost = lost
        self._tasks: dict[Any, _Task] = {}
        self._reasons: list[BaseException] = []

    def start_workers(self) -> None:
        """Look for hosts, and start the workers that they have room for and that are of use."""
        if not self._head_answers():
            return
        self._crew.look_for_hosts()
        opening = sum(task.attempt is None for task in self._tasks.values())
        while started := self._crew.start_worker(self.queue.waiting_for, opening):
            host, worker = started
            self._tasks[worker.open.remote()] = _Task(host, worker, None)
            opening += 1
        if not self._tasks and not self.queue.has_failures() and self._head_answers(now=True):
            raise nobody_left(self._reasons, self._done, self.queue.total)

    def hopeless(self) -> Iterator[tuple[Any, Failed]]:
        """Yield the jobs that would do no better on any other host."""
        usable = [host.node for host in self._crew.hosts.values() if host.usable]
        for attempt in self.queue.hopeless(usable):
            errors = {self._crew.names[node]: error for node, error in attempt.errors.items()}
            yield attempt.job, Failed(errors, self._several_hosts)

    def take_results(self) -> Iterator[tuple[Any, Any]]:
        """Wait a moment for workers, give those that are ready another job, and yield."""
        import ray

        if not self._tasks:
            return
        ready, _ = ray.wait(list(self._tasks), timeout=_LOOK_UP_SECONDS)
        for reference in ready:
            task = self._tasks.pop(reference)
            result, error = result_of(reference)
            if task.attempt is None:
                self._has_opened(task, error)
            elif is_death(error):
                self._crew.end_worker(task.host, task.worker)
                self._lost(_name_of(task.worker))
                if not self.queue.crashed(task.attempt):
                    yield task.attempt.job, WorkerDiedError()
                self._look_again()
            elif isinstance(error, UserError):
                self.queue.failed(task.attempt, task.host.node, error)
                self._give_next(task)
            elif error is not None:
                raise error
            else:
                self._give_up(self.queue.succeeded(task.attempt, task.host.node), task.attempt)
                yield task.attempt.job, result
                self._give_next(task)

    def stopped(self) -> Iterator[tuple[Any, Any]]:
        """Have workers put away what they are at, and yield what came of it."""
        at_work = [(ref, task) for ref, task in self._tasks.items() if task.attempt is not None]
        for _, task in at_work:
            task.worker.stop.remote()
        deadline = time.monotonic() + _PUT_AWAY_SECONDS
        for reference, task in at_work:
            result, error = result_of(reference, max(0, deadline - time.monotonic()))
            assert task.attempt is not None
            if isinstance(error, UserError):
                result = Failed({task.host.name: error}, self._several_hosts)
            yield task.attempt.job, result

    def end(self) -> None:
        """End all workers."""
        import ray

        if self._head.answers():
            for task in self._tasks.values():
                ray.kill(task.worker)
        for task in self._tasks.values():
            self._lost(_name_of(task.worker))

    @property
    def _done(self) -> int:
        return self.queue.total - self.queue.left

    @property
    def _several_hosts(self) -> bool:
        return len(self._crew.names) > 1

    def _head_answers(self, *, now: bool = False) -> bool:
        return self._head.check(self._done, now=now)

    def _look_again(self) -> None:
        if self._head_answers(now=True):
            self._crew.look_for_hosts(now=True)

    def _has_opened(self, task: _Task, error: BaseException | None) -> None:
        """Give a worker that has opened its first job; leave out a host where it does not open."""
        host = task.host
        if error is None:
            host.opened += 1
            host.deaths = 0
            self._give_next(task)
            return
        self._crew.end_worker(host, task.worker)
        host.deaths += is_death(error)
        self._look_again()
        gone = host.node not in self._crew.hosts
        if not gone and (host.deaths >= _DEATHS or not is_death(error)):
            what = "gets no further worker" if host.opened else "is not used"
            self._close(host, error, what)

    def _give_next(self, task: _Task) -> None:
        attempt = None if task.host.bad else self.queue.take(task.host.node)
        if attempt is None:
            self._crew.end_worker(task.host, task.worker)
        else:
            reference = task.worker.run.remote(attempt.job)
            self._tasks[reference] = task._replace(attempt=attempt)

    def _give_up(self, nodes: Sequence[str], attempt: Attempt) -> None:
        """Give nothing more to hosts on which a job failed that has succeeded elsewhere."""
        for host in [self._crew.hosts[node] for node in nodes if node in self._crew.hosts]:
            what = f"gets no more: {SEVERAL} in a row failed there and not elsewhere"
            self._close(host, attempt.errors[host.node], what)
            host.bad = True

    def _close(self, host: Host, error: BaseException, what: str) -> None:
        """Start no more workers on a host, and say why, once."""
        self._reasons.append(error)
        if host.room > 0 and self._several_hosts:
            self._say(f"{host.name} {what}: {last_line(error)}")
        host.room = 0


def _name_of(worker: Any) -> str:
    return name_in_ray(worker._actor_id.hex())
