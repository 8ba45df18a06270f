"""Run one stage of a pipeline in its own thread, a bounded number of items ahead."""

import queue
import threading
from collections.abc import Generator, Iterable
from typing import Any, TypeVar

Item = TypeVar("Item")

_END = object()


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
