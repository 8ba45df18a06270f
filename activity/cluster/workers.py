"""Jobs done by the workers of a Ray cluster: none is lost, and no bad host spoils them.

A host is asked for a worker, and Ray starts it there when cores are free. (Ray could choose the
host, too, but it does not say on which one a worker failed to start.)
"""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Generator, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tqdm import tqdm

from activity.cluster.ray_cluster import answers, head_of_cluster, last_line
from activity.common.errors import UserError, refusals_in_a_line
from activity.common.stores import refused_by_store

CORES = 2
"""What a worker asks of a host. A clip is decoded in one thread, drawn and encoded in another; more
cores would wait for these (docs/cluster.md)."""

SEVERAL = 3
"""This many jobs in a row that fail on a host and succeed on another are the host's fault."""

_CRASHES = 2  # of workers over one job
_DEATHS = 3  # of workers of one host, in a row, before they have opened

_WAIT_SECONDS = 0.2  # until a person's Ctrl-C is looked for
_LOOK_SECONDS = 3  # until the head of the cluster is asked for its hosts again
_GIVE_UP_SECONDS = 12  # Ray itself gives up a silent head after a minute, and ends this process
_START_SECONDS = 3  # A worker that has not started by then waits for cores: others are asked for
_NO_ROOM_SECONDS = 60  # without any worker: a job that has failed is then tried on no more hosts
_PUT_AWAY_SECONDS = 60  # that workers may take to end what they do when the run is interrupted


class WorkerDiedError(Exception):
    """Each of the workers that were given a job died over it."""


class Part:
    """Base of what is only a part of a job. Parts are done like jobs, and not counted."""


@dataclass(eq=False)
class Attempt:
    """A job that waits or is being done: what it failed with, by host, and how many crashed."""

    job: Any
    errors: dict[Any, UserError] = field(default_factory=dict)
    crashes: int = 0


class JobQueue:
    """Says which job goes to which host: one that failed on a host is tried on another.

    A host with ``SEVERAL`` failures of which it is not known yet whether they are its own fault
    gets no new job: only what has failed on another host, which decides it. Of ``total`` jobs,
    ``left`` have not come to an end.
    """

    def __init__(self, jobs: Iterable[Any], total: int | None = None) -> None:
        """``total`` says how many jobs there are, if some are added when parts are done."""
        self._new = deque(jobs)
        self.total = self.left = len(self._new) if total is None else total
        self._again: deque[Attempt] = deque()
        self._undecided: dict[Hashable, set[Attempt]] = defaultdict(set)
        self._faults: Counter[Hashable] = Counter()
        self._proven: set[Hashable] = set()

    def add(self, *jobs: Any) -> None:
        """Add jobs or parts, before all others that are new."""
        self._new.extendleft(reversed(jobs))

    def drop(self, unwanted: Callable[[Any], bool]) -> None:
        """Leave out parts that have not been begun."""
        self._new = deque(job for job in self._new if not unwanted(job))

    def waiting_for(self, host: Hashable) -> int:
        """Count the jobs that a worker of this host could be given now."""
        again = sum(host not in attempt.errors for attempt in self._again)
        return again + (len(self._new) if self._takes_new(host) else 0)

    def take(self, host: Hashable) -> Attempt | None:
        """Take the next job for a host; None if there is none for it."""
        for attempt in self._again:
            if host not in attempt.errors:
                self._again.remove(attempt)
                return attempt
        return Attempt(self._new.popleft()) if self._new and self._takes_new(host) else None

    def succeeded(self, attempt: Attempt, host: Hashable) -> list[Any]:
        """Note that a job is done, and return the hosts on which several in a row failed."""
        self._faults[host] = 0
        self._proven.add(host)
        self._faults.update(attempt.errors.keys())
        self._end(attempt)
        return [other for other in attempt.errors if self._faults[other] >= SEVERAL]

    def failed(self, attempt: Attempt, host: Hashable, error: UserError) -> None:
        """Note that a job failed on a host; it is given out again, or is among the hopeless."""
        attempt.errors[host] = error
        self._undecided[host].add(attempt)
        self._again.append(attempt)

    def crashed(self, attempt: Attempt) -> bool:
        """Note that a worker died over a job; tell whether it is tried again, before all others."""
        attempt.crashes += 1
        if attempt.crashes < _CRASHES:
            self._again.appendleft(attempt)
            return True
        self._end(attempt)
        return False

    def hopeless(self, hosts: Collection[Hashable]) -> Iterator[Attempt]:
        """Yield, and end, jobs that failed and would do no better on any of the hosts in use.

        Those are the ones that failed on all of them, or on two of which one has done others.
        """
        for attempt in list(self._again):
            failed_on = attempt.errors.keys()
            enough = len(failed_on) > 1 and failed_on & self._proven
            if failed_on and (enough or failed_on >= set(hosts)):
                self._again.remove(attempt)
                self._end(attempt)
                yield attempt

    def _takes_new(self, host: Hashable) -> bool:
        return len(self._undecided[host]) < SEVERAL

    def _end(self, attempt: Attempt) -> None:
        self.left -= not isinstance(attempt.job, Part)
        for host in attempt.errors:
            self._undecided[host].discard(attempt)


@dataclass(eq=False)
class Host:
    """A host of the cluster, until it is gone."""

    node: str  # its name in Ray
    name: str
    asks: dict[str, int]  # what a worker asks of it, as Ray's options
    room: int  # for so many workers at most; whether it has that now is for Ray to say
    workers: int = 0  # that it has, or is asked for
    opened: bool = False  # whether one has
    deaths: int = 0  # in a row, of workers that had not opened
    bad: bool = False  # it is given nothing more


def find_hosts(*, gpu: bool) -> list[Host]:
    """Find the hosts that are alive. ``gpu``: those that have any GPUs are asked for one each."""
    import ray

    hosts = []
    for node in ray.nodes():
        if node["Alive"]:
            name, address = node["NodeManagerHostname"], node["NodeManagerAddress"]
            cores, gpus = (int(node["Resources"].get(what, 0)) for what in ("CPU", "GPU"))
            asks, room = {"num_cpus": 1, "num_gpus": 1}, min(cores, gpus)
            if not gpu or not room:
                asks = {"num_cpus": min(CORES, cores)}
                room = cores // max(1, asks["num_cpus"])
            name = name if name == address else f"{name} ({address})"
            hosts.append(Host(node["NodeID"], name, asks, room))
    return hosts


@dataclass(eq=False)
class _Worker:
    """A worker that a host was asked for. It starts, opens, and does one job after another."""

    host: Host
    actor: Any
    asked_at: float
    has_started: bool = False
    attempt: Attempt | None = None


def run_on_workers(
    queue: JobQueue,
    worker: type,
    arguments: Sequence[object],
    *,
    gpu: bool = False,
    lost: Callable[[str], None] = lambda worker: None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Generator[tuple[Any, Any], None, None]:
    """Have workers do jobs, each one job at a time, and yield each job with what came of it.

    A job whose worker dies (killed, out of memory, crashed, its machine gone) is given to another
    worker, once, before all others. One that fails is given to another host. Only the jobs that are
    being done are known to Ray: memory does not grow with jobs.

    Args:
        queue: what to do. When a result has come, more may be added to it.
        worker: a class. ``open()`` is called once, ``run(job)`` for each job, and ``stop()``, in
            another thread, when ``run`` is to return early.
        arguments: what the class is called with.
        gpu: whether workers use GPUs, on hosts that have any.
        lost: told of workers that died over a job, by their name in Ray.
        interrupted: tells whether to end early.

    Yields:
        A job and what ``run`` returned, a ``UserError``, or a ``WorkerDiedError``; None if the run
        was interrupted, and the worker did not return in time.

    Raises:
        UserError: no worker on any host opens, no host is left, or the head of the cluster is gone.
    """
    import ray

    remote = ray.remote(max_concurrency=2)(worker)
    # Once for all workers: a network among them is large.
    given = [ray.put(argument) for argument in arguments]
    run = _Run(queue, remote, given, gpu, lost, head_of_cluster())
    try:
        while queue.left and not interrupted():
            yield from run.hopeless()
            run.start_workers()
            yield from run.take_result()
        yield from run.stopped()
    finally:
        run.end()


@dataclass(eq=False)
class _Run:
    """The hosts, their workers, and what each of them does."""

    queue: JobQueue
    worker: Any
    arguments: Sequence[object]
    gpu: bool
    lost: Callable[[str], None]
    head: str
    hosts: dict[str, Host] = field(default_factory=dict)
    several_hosts: bool = False
    looked_at: float = float("-inf")
    answered_at: float = field(default_factory=time.monotonic)
    tasks: dict[Any, _Worker] = field(default_factory=dict)  # by Ray's reference to what it does
    had_workers_at: float = field(default_factory=time.monotonic)
    has_said_no_room: bool = False
    reasons: list[BaseException] = field(default_factory=list)

    def hopeless(self) -> Iterator[tuple[Any, UserError]]:
        """Yield the jobs that would do no better on any other host."""
        hosts = [] if self._finds_no_room() else self.hosts.values()
        usable = [host for host in hosts if not host.bad and (host.room or host.workers)]
        for attempt in self.queue.hopeless(usable):
            yield attempt.job, self._with_hosts(attempt.errors)

    def start_workers(self) -> None:
        """Look for hosts, and ask those that have room for workers that are of use."""
        if not self._look_for_hosts():
            return
        opening = self._opening()
        while wanted := [
            host
            for host in self.hosts.values()
            if host.workers < host.room and self.queue.waiting_for(host) > opening
        ]:
            self._ask_for_worker(min(wanted, key=lambda host: host.workers))
            opening += 1
        if not self.tasks and self.queue.left and self._look_for_hosts(now=True):
            raise self._nobody_left()
        if self._finds_no_room() and not self.has_said_no_room:
            self.has_said_no_room = True
            tqdm.write("[INFO] no machine of the cluster has free cores: waiting for some")

    def take_result(self) -> Iterator[tuple[Any, Any]]:
        """Wait a moment for a worker, give it something to do, and yield what it has done."""
        import ray

        if not self.tasks:  # the head is silent, or a host has just been lost
            time.sleep(_WAIT_SECONDS)
            return
        ready, _ = ray.wait(list(self.tasks), timeout=_WAIT_SECONDS)
        for reference in ready:
            worker = self.tasks.pop(reference)
            result, error = result_of(reference)
            if worker.attempt is not None:
                yield from self._take_in(worker, worker.attempt, result, error)
            elif error is not None:
                self._has_not_opened(worker, error)
            elif worker.has_started:
                worker.host.opened, worker.host.deaths = True, 0
                self._give_job(worker)
            elif self.queue.waiting_for(worker.host) > self._opening():
                worker.has_started = True
                self.tasks[worker.actor.open.remote()] = worker
            else:
                self._end_worker(worker)

    def stopped(self) -> Iterator[tuple[Any, Any]]:
        """Have workers return early, and yield what came of what they did."""
        busy = [(ref, worker) for ref, worker in self.tasks.items() if worker.attempt is not None]
        for _, worker in busy:
            worker.actor.stop.remote()
        deadline = time.monotonic() + _PUT_AWAY_SECONDS
        for reference, worker in busy:
            assert worker.attempt is not None
            result, error = result_of(reference, max(0, deadline - time.monotonic()))
            if isinstance(error, UserError):
                result = self._with_hosts({worker.host: error})
            yield worker.attempt.job, result

    def end(self) -> None:
        """End all workers."""
        import ray

        answered = answers(self.head)
        for worker in self.tasks.values():
            if answered:
                ray.kill(worker.actor)
            self.lost(name_in_ray(worker.actor._actor_id.hex()))

    def _look_for_hosts(self, *, now: bool = False) -> bool:
        """Ask the head of the cluster for hosts every few seconds; tell whether it answered.

        Raises:
            UserError: it has not answered for some time.
        """
        if now or time.monotonic() - self.looked_at > _LOOK_SECONDS:
            self.looked_at = time.monotonic()
            # Ray's own calls would hang for a minute.
            if answers(self.head):
                self.answered_at = self.looked_at
                found = find_hosts(gpu=self.gpu)
                # What is known of a host is kept while it is alive.
                self.hosts = {host.node: self.hosts.get(host.node, host) for host in found}
                self.several_hosts |= len(found) > 1
            elif self.looked_at - self.answered_at > _GIVE_UP_SECONDS:
                raise UserError(
                    f"the head of the cluster, {self.head}, no longer answers: {self._progress} "
                    "once the cluster has been started again"
                )
        return self.answered_at == self.looked_at

    def _ask_for_worker(self, host: Host) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        there = NodeAffinitySchedulingStrategy(host.node, soft=False)
        remote = self.worker.options(scheduling_strategy=there, **host.asks)
        worker = _Worker(host, remote.remote(*self.arguments), time.monotonic())
        host.workers += 1
        self.tasks[worker.actor.__ray_ready__.remote()] = worker

    def _opening(self) -> int:
        """Count the workers that will soon take a job, unlike those that wait for cores."""
        lately = time.monotonic() - _START_SECONDS
        return sum(
            worker.attempt is None and (worker.has_started or worker.asked_at > lately)
            for worker in self.tasks.values()
        )

    def _finds_no_room(self) -> bool:
        """Tell whether hosts were asked for workers, and none has had any for some time."""
        if not self.tasks or any(worker.has_started for worker in self.tasks.values()):
            self.had_workers_at = time.monotonic()
        return time.monotonic() - self.had_workers_at > _NO_ROOM_SECONDS

    def _take_in(
        self, worker: _Worker, attempt: Attempt, result: object, error: BaseException | None
    ) -> Iterator[tuple[Any, Any]]:
        if _is_death(error):
            self._end_worker(worker)
            self.lost(name_in_ray(worker.actor._actor_id.hex()))
            if not self.queue.crashed(attempt):
                yield attempt.job, WorkerDiedError()
            self._look_for_hosts(now=True)
            return
        if isinstance(error, UserError):
            self.queue.failed(attempt, worker.host, error)
        elif error is not None:
            raise error
        else:
            for host in self.queue.succeeded(attempt, worker.host):
                what = f"gets no more: {SEVERAL} in a row failed there and not elsewhere"
                self._close(host, attempt.errors[host], what)
                host.bad = True
            yield attempt.job, result
        self._give_job(worker)

    def _has_not_opened(self, worker: _Worker, error: BaseException) -> None:
        """Ask a host for no more workers if they do not open there, unless it is gone."""
        host = worker.host
        self._end_worker(worker)
        host.deaths += _is_death(error)
        self._look_for_hosts(now=True)
        if host.node in self.hosts and (host.deaths >= _DEATHS or not _is_death(error)):
            self._close(host, error, "gets no further worker" if host.opened else "is not used")

    def _give_job(self, worker: _Worker) -> None:
        worker.attempt = None if worker.host.bad else self.queue.take(worker.host)
        if worker.attempt is None:
            self._end_worker(worker)
        else:
            self.tasks[worker.actor.run.remote(worker.attempt.job)] = worker

    def _end_worker(self, worker: _Worker) -> None:
        import ray

        ray.kill(worker.actor)
        worker.host.workers -= 1

    def _close(self, host: Host, error: BaseException, what: str) -> None:
        """Ask a host for no more workers, and say why, once."""
        self.reasons.append(error)
        if host.room and self.several_hosts:
            tqdm.write(f"[INFO] {host.name} {what}: {last_line(error)}")
        host.room = 0

    @property
    def _progress(self) -> str:
        done = self.queue.total - self.queue.left
        return f"{done} of {self.queue.total} are done, and the same command does the rest"

    def _nobody_left(self) -> BaseException:
        """Say why there is no worker any more, and none can be started."""
        import ray

        if self.queue.left < self.queue.total or not self.reasons:
            return UserError(f"no machine of the cluster is left to work on: {self._progress}")
        reason = self.reasons[-1]
        if isinstance(reason, UserError | ray.exceptions.RayTaskError):
            return reason  # the latter is a bug, and keeps its traceback
        do = "die before they have opened the model" if _is_death(reason) else "do not start"
        return UserError(f"the workers of the cluster {do}: {last_line(reason)}")

    def _with_hosts(self, errors: dict[Any, UserError]) -> UserError:
        """Say in one line what a job failed with, and on which hosts if there are several."""
        names: dict[str, set[str]] = defaultdict(set)
        for host, error in errors.items():
            names[str(error)].add(host.name)
        on = {error: f" (on {', '.join(sorted(hosts))})" for error, hosts in names.items()}
        return UserError("; ".join(e + on[e] if self.several_hosts else e for e in names))


def cores_of_worker() -> int:
    """Return how many cores the worker may use in which this is called."""
    import ray

    return int(ray.get_runtime_context().get_assigned_resources().get("CPU", 1))


def name_in_ray(actor: str) -> str:
    """Shorten an actor's number in Ray; no other has the same. Names of files have room for it."""
    return actor[:24]


@contextmanager
def errors_in_a_line(what: str) -> Iterator[None]:
    """Have what a store or the operating system refuses a worker cost one job, and not the run.

    ``what`` is named where the error names no file.
    """
    try:
        with refusals_in_a_line(what):
            yield
    except Exception as error:
        if not isinstance(error, UserError) and (refusal := refused_by_store(error)):
            raise UserError(f"the object store: {refusal}") from None
        raise


def result_of(reference: Any, timeout: float | None = None) -> tuple[Any, BaseException | None]:
    """Return what a worker's method returned, or what went wrong; a UserError as it was raised."""
    import ray

    try:
        return ray.get(reference, timeout=timeout), None
    except ray.exceptions.RayTaskError as error:
        return None, error.cause if isinstance(error.cause, UserError) else error
    except (ray.exceptions.RayError, MemoryError) as error:
        return None, error


def _is_death(error: BaseException | None) -> bool:
    """Tell whether a worker is gone, or of no more use because it has run out of memory."""
    import ray

    dead = (ray.exceptions.RayActorError, ray.exceptions.OutOfMemoryError, MemoryError)
    return isinstance(error, dead)
