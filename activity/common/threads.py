"""Threads: one stage of a pipeline ahead of the next, and one function for many items at once.

Results come in order, and a bounded number of them wait.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from activity.common.cores import usable_cores

Item = TypeVar("Item")
Result = TypeVar("Result")

_END = object()

_MOST_THREADS = 16
"""More threads would hold more in memory, while one thread takes all results."""


def in_background(items: Iterable[Item], ahead: int) -> Generator[Item, None, None]:
    """Yield ``items`` in order while a thread produces the next ones.

    Use it to let two stages of a pipeline, such as decoding and inference, run at the same time.
    An exception in the thread is raised here, in place of the item that caused it. Closing the
    generator (also by leaving its ``for`` loop, once it is collected) stops the thread, closes
    ``items`` if it is a generator, and waits for both.

    Args:
        items: iterated in the thread.
        ahead: how many finished items may wait, at least 1. This bounds the memory in use.
    """
    ready: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(maxsize=ahead)
    stop = threading.Event()

    def put(entry: tuple[object, BaseException | None]) -> bool:
        while not stop.is_set():
            try:
                ready.put(entry, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                if not put((item, None)):
                    break
        except BaseException as raised:
            error = raised
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()
        put((_END, error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        stop.set()
        thread.join()


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
