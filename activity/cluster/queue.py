"""Which job goes to which host: what fails on one is tried on another, and a bad host gets no more.

Hosts are named by strings here; nothing in this module knows of Ray.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from activity.common.errors import UserError

SEVERAL = 3
"""This many jobs in a row that fail on a host and succeed on another are the host's fault."""

_CRASHES = 2


@dataclass(eq=False)
class Attempt:
    """A job that is waiting or at work, and what became of it so far.

    Attributes:
        job: what to do.
        errors: what it failed with, by host.
        crashes: how many workers have died over it.
        is_part: whether it is only a part of a job.
    """

    job: Any
    errors: dict[str, UserError] = field(default_factory=dict)
    crashes: int = 0
    is_part: bool = False


class JobQueue:
    """Jobs until they come to an end: new ones in their order, after those to be tried again.

    A host with ``SEVERAL`` failures of which it is not known yet whether they are its own fault
    gets no new job: only what has failed on another host, which decides it.

    Attributes:
        total: how many jobs there are in all.
        left: how many of them have not come to an end.
    """

    def __init__(self, jobs: Sequence[Any], parts: Iterable[Any] = (), following: int = 0) -> None:
        """Take in what there is to do.

        Args:
            jobs: what to do.
            parts: what to do before, to be able to do further jobs. They count as no jobs.
            following: how many jobs will be added.
        """
        self.total = self.left = len(jobs) + following
        self._jobs = jobs
        self._begun = 0
        self._parts = deque(parts)
        self._again: deque[Attempt] = deque()
        self._undecided: dict[str, set[Attempt]] = defaultdict(set)
        self._faults: Counter[str] = Counter()
        self._proven: set[str] = set()

    def add(self, job: Any) -> None:
        """Add a job that follows from parts, before all others."""
        self._again.appendleft(Attempt(job))

    def drop_parts(self, unwanted: Callable[[Any], bool]) -> None:
        """Leave out parts that have not been begun."""
        self._parts = deque(part for part in self._parts if not unwanted(part))

    def waiting_for(self, host: str) -> int:
        """Count the jobs that a worker of this host could be given now."""
        again = sum(host not in attempt.errors for attempt in self._again)
        new = len(self._parts) + len(self._jobs) - self._begun
        return again + (new if self._takes_new(host) else 0)

    def take(self, host: str) -> Attempt | None:
        """Take the next job for a host; None if there is none for it."""
        for attempt in self._again:
            if host not in attempt.errors:
                self._again.remove(attempt)
                return attempt
        if not self._takes_new(host):
            return None
        if self._parts:
            return Attempt(self._parts.popleft(), is_part=True)
        if self._begun == len(self._jobs):
            return None
        self._begun += 1
        return Attempt(self._jobs[self._begun - 1])

    def succeeded(self, attempt: Attempt, host: str) -> list[str]:
        """Note that a job is done, and return the hosts that several in a row failed on."""
        self._faults[host] = 0
        self._proven.add(host)
        for other in attempt.errors:
            self._faults[other] += 1
        self._end(attempt)
        return [other for other in attempt.errors if self._faults[other] >= SEVERAL]

    def failed(self, attempt: Attempt, host: str, error: UserError) -> None:
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

    def has_failures(self) -> bool:
        """Tell whether jobs wait that have failed on a host; they may be hopeless."""
        return any(attempt.errors for attempt in self._again)

    def hopeless(self, hosts: Collection[str]) -> Iterator[Attempt]:
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

    def _takes_new(self, host: str) -> bool:
        return len(self._undecided[host]) < SEVERAL

    def _end(self, attempt: Attempt) -> None:
        self.left -= not attempt.is_part
        for host in attempt.errors:
            self._undecided[host].discard(attempt)
