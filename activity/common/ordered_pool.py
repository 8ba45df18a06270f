"""Apply a function to many items in several threads, and take the results in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from activity.common.cores import usable_cores

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST_THREADS = 16
"""More threads would hold more in memory, while one thread takes all results."""


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], threads: int | None = None
) -> Generator[Result, None, None]:
    """Yield ``work(item)`` for each item, in order, while threads work on the next ones.

    This is faster than ``map`` where ``work`` releases Python's lock, as reading, hashing and
    OpenCV do. ``items`` are taken in the caller's thread; at most twice as many results as threads
    are in memory. An exception in ``work`` is raised here, in place of that item. Closing the
    generator waits for the items in progress, and drops the others.

    Args:
        work: function to apply to each item.
        items: any number of them.
        threads: number of threads; None (default) takes one for each core this process may use.

    Example:
        >>> list(in_order(abs, [-3, 2, -1]))
        [3, 2, 1]
    """
    threads = threads or min(usable_cores(), _MOST_THREADS)
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) == 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
