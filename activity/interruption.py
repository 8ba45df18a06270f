"""Ctrl-C and SIGTERM, held back while something is being written."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interrupts_held_back() -> Iterator[Callable[[], bool]]:
    """Note Ctrl-C and SIGTERM instead of raising ``KeyboardInterrupt`` at any odd place.

    However often they come, the block runs on; it asks the function it is given whether one
    has come, and ends what it is doing.
    """
    come = False

    def note(*_: object) -> None:
        nonlocal come
        come = True

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: come
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
