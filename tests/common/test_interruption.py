import signal
import threading
from collections.abc import Iterator

import pytest

from activity.common.interruption import interrupts_held_back


@pytest.fixture(autouse=True)
def _handlers_stay() -> Iterator[None]:
    # The shell that runs the tests may have had them ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.signal(signal.SIGINT, before) in (signal.default_int_handler, signal.SIG_IGN)


def interrupted_block(steps: list[str]) -> None:
    with interrupts_held_back() as come:
        assert not come()
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)
        assert come()
        steps.append("finished")


def test_an_interrupt_waits_for_the_end_of_the_block() -> None:
    steps: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted_block(steps)
    assert steps == ["finished"]


def test_a_block_that_heeds_an_interruption_goes_on_after_it() -> None:
    with interrupts_held_back(raise_again=False) as come:
        signal.raise_signal(signal.SIGINT)
        assert come()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_the_outermost_block_decides() -> None:
    steps: list[str] = []

    def nested() -> None:
        with interrupts_held_back() as come:
            interrupted_block(steps)
            assert come()
            steps.append("so is the outer one")

    with pytest.raises(KeyboardInterrupt):
        nested()
    assert steps == ["finished", "so is the outer one"]


def test_other_threads_may_use_it() -> None:
    steps: list[bool] = []

    def work() -> None:
        with interrupts_held_back() as come:
            steps.append(come())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert steps == [False]


def test_what_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupts_held_back() as come:
        signal.raise_signal(signal.SIGINT)
        assert not come()
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
