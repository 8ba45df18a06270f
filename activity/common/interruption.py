"""Ctrl-C and SIGTERM, held back while something is being written."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interrupts_held_back(*, heeded: bool = False) -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C and SIGTERM take effect only when the block has ended.

    However often they come, the block runs on. It can ask the function it is given whether one
    has come, and end what it is doing. Blocks nest: the outermost decides.

    Args:
        heeded: the block ends early for them, and that is all they do: the run goes on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # signals go to the main thread only
        return
    came: list[int] = []
    # A shell has its background jobs ignore Ctrl-C: it stays ignored.
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
            # None stands for a handler that is not Python's, and cannot be set again.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if came and not heeded:
            signal.raise_signal(came[0])
