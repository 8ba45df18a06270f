"""Ctrl-C and SIGTERM, delayed while something is being written."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class LeftUnfinishedError(Exception):
    """The run was interrupted in the middle of a piece of work, and none of that work is kept."""


@contextmanager
def delay_interrupts(*, raise_again: bool = True) -> Iterator[Callable[[], bool]]:
    """Delay Ctrl-C and SIGTERM until the block has ended.

    Use it around steps that must not be torn apart, such as renaming a model and its labels. The
    block continues however often a signal arrives. Blocks can be nested: the outermost decides.

    Args:
        raise_again: raise a signal that arrived when the block has ended (default). A block that
            responds to signals itself, by ending early, passes False, and the run continues.

    Yields:
        A function that returns whether a signal has arrived.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # only the main thread receives signals
        return
    came: list[int] = []
    # A shell makes its background jobs ignore Ctrl-C. It stays ignored.
    numbers = [
        number
        for number in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(number) != signal.SIG_IGN
    ]
    handlers = [signal.signal(number, lambda number, _: came.append(number)) for number in numbers]
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in zip(numbers, handlers, strict=True):
            # None stands for a handler that Python did not install and cannot restore.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if came and raise_again:
            signal.raise_signal(came[0])
