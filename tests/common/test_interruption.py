"""Signals that arrive while something is being written.

Each test has a process of its own: a signal that goes astray would end the tests themselves, and
the shell that runs them may have had them ignore Ctrl-C.
"""

import subprocess
import sys
from textwrap import dedent

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])

START = """
import signal
import threading
from activity.common.interruption import delay_interrupts

number = signal.{name}
signal.signal(number, signal.default_int_handler)

def interrupted_block():
    with delay_interrupts() as come:
        assert not come()
        for _ in range(3):
            signal.raise_signal(number)
        assert come()
        print("finished")
"""


def printed_by(name: str, code: str) -> list[str]:
    """Run code after ``START``, which leaves the handler as it was."""
    end = "\nassert signal.getsignal(number) in (signal.default_int_handler, signal.SIG_IGN)"
    program = START.format(name=name) + dedent(code) + end
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_an_interrupt_waits_for_the_end_of_the_block(name: str) -> None:
    code = """
    try:
        interrupted_block()
    except KeyboardInterrupt:
        print("interrupted")
    """
    assert printed_by(name, code) == ["finished", "interrupted"]


def test_a_block_that_ends_early_by_itself_goes_on_after_it(name: str) -> None:
    code = """
    with delay_interrupts(raise_again=False) as come:
        signal.raise_signal(number)
        assert come()
    print("went on")
    try:
        signal.raise_signal(number)
    except KeyboardInterrupt:
        print("interrupted")
    """
    assert printed_by(name, code) == ["went on", "interrupted"]


def test_the_outermost_block_decides(name: str) -> None:
    code = """
    def nested():
        with delay_interrupts() as come:
            interrupted_block()
            assert come()
            print("so is the outer one")

    try:
        nested()
    except KeyboardInterrupt:
        print("interrupted")
    """
    assert printed_by(name, code) == ["finished", "so is the outer one", "interrupted"]


def test_other_threads_may_use_it(name: str) -> None:
    code = """
    def work():
        with delay_interrupts() as come:
            print(come())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    """
    assert printed_by(name, code) == ["False"]


def test_what_is_ignored_stays_ignored(name: str) -> None:
    code = """
    signal.signal(number, signal.SIG_IGN)
    with delay_interrupts() as come:
        signal.raise_signal(number)
        assert not come()
    assert signal.getsignal(number) == signal.SIG_IGN
    """
    assert printed_by(name, code) == []
