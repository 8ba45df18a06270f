"""Results of what a worker was asked to do, and how a person is told."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from activity.common.errors import UserError, as_user_error
from activity.common.stores import refused_by_store


class WorkerDiedError(Exception):
    """Each of the workers that were given a job died over it."""


class Failed(NamedTuple):
    """What a job failed with, by the host's name, and whether there are other hosts."""

    errors: dict[str, UserError]
    others: bool

    def as_error(self) -> UserError:
        """Say it in one line, with the hosts where there are several."""
        hosts: dict[str, list[str]] = {}
        for host, error in self.errors.items():
            hosts.setdefault(str(error), []).append(host)
        if not self.others:
            return UserError("; ".join(hosts))
        return UserError(
            "; ".join(f"{error} (on {', '.join(names)})" for error, names in hosts.items())
        )


@contextmanager
def errors_in_a_line(what: str) -> Iterator[None]:
    """Have what a store's library or the operating system raises in a worker end in one line.

    A mount of one host that is gone then costs what was tried there, and not the run.

    Args:
        what: is named where the operating system's error names no file.
    """
    try:
        with as_user_error(what):
            yield
    except UserError:
        raise
    except Exception as error:
        if refusal := refused_by_store(error):
            raise UserError(f"the object store: {refusal}") from None
        raise


def nobody_left(reasons: Sequence[BaseException], done: int, total: int) -> BaseException:
    """Say why there is no worker any more, and none can be started."""
    import ray

    reason = reasons[-1] if reasons else None
    if done or reason is None:
        return UserError(
            f"no machine of the cluster is left to work on: {done} of {total} are done, and the "
            "same command does the rest"
        )
    if isinstance(reason, ray.exceptions.RayActorError | ray.exceptions.OutOfMemoryError):
        return UserError(
            f"the workers of the cluster die before they have opened the model: {last_line(reason)}"
        )
    if isinstance(reason, UserError | ray.exceptions.RayTaskError):
        return reason  # the latter is a bug, and keeps its traceback
    return UserError(f"no worker of the cluster starts: {last_line(reason)}")


def is_death(error: BaseException | None) -> bool:
    """Tell whether a worker is gone, or of no more use because it has run out of memory."""
    import ray

    dead = (ray.exceptions.RayActorError, ray.exceptions.OutOfMemoryError, MemoryError)
    return isinstance(error, dead)


def name_in_ray(actor: str) -> str:
    """Shorten an actor's number in Ray to what no other actor of the cluster has.

    The name of a temporary file has room for no more of it.
    """
    return actor[:24]


def result_of(reference: Any, timeout: float | None = None) -> tuple[Any, BaseException | None]:
    """What a worker's method returned, or what went wrong; a UserError it raised is that one."""
    import ray

    try:
        return ray.get(reference, timeout=timeout), None
    except ray.exceptions.RayTaskError as error:
        return None, error.cause if isinstance(error.cause, UserError) else error
    except (ray.exceptions.RayError, MemoryError) as error:
        return None, error


def last_line(error: BaseException) -> str:
    """Say what went wrong on another machine, without how it came there."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__
