"""How a script ends: its exit code and its last message."""

import io
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from activity.common.errors import UserError, printable
from activity.common.folders import check_temporary_folder
from activity.common.opencv import check_opencv
from activity.common.stores import refused_by_store


def run_script(main: Callable[[], None]) -> NoReturn:
    """Run a script's ``main`` and exit: 0 done, 2 an error a person can fix, 130 interrupted.

    SIGTERM is treated as Ctrl-C: both raise ``KeyboardInterrupt`` in the main thread, so that
    ``main`` can clean up what it is writing. If the reader of the output has left (``| head``),
    the exit code is 141, as for any command. A bug keeps its traceback (exit code 1).
    """
    came: list[int] = []

    def interrupt(number: int, _: object) -> NoReturn:
        came.append(number)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        # A shell makes its background jobs ignore Ctrl-C. It stays ignored.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupt)
    # They are None if the script was started without a terminal (2>&-, or pythonw).
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115 - open to the end
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115
    # A terminal that cannot show a character gets an escape sequence.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        main()
        sys.stdout.flush()
    except BaseException as error:
        # Native code, mostly TensorFlow's, turns a KeyboardInterrupt into other errors.
        if came or isinstance(error, KeyboardInterrupt):
            print("interrupted", file=sys.stderr)
            _end(130)
        if isinstance(error, FileNotFoundError) and (lack := _lack_of_temporary_files()):
            error = lack
        if isinstance(error, UserError):
            print(f"error: {printable(str(error))}", file=sys.stderr)
            _end(2)
        if refusal := refused_by_store(error):
            print(f"error: the object store: {printable(refusal)}", file=sys.stderr)
            _end(2)
        if isinstance(error, BrokenPipeError):
            # Otherwise Python reports the error again when it flushes at exit.
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(141)
        raise
    _end(0)


def _lack_of_temporary_files() -> UserError | None:
    try:
        check_temporary_folder()
    except UserError as error:
        return error
    return None


def _end_without_opencv() -> None:
    try:
        check_opencv()
    except UserError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        sys.exit(2)


# Not in run_script: a script imports this module, and then those that import OpenCV.
_end_without_opencv()


def _end(code: int) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM):
        # Python removes its handlers at exit: a second Ctrl-C would change the exit code.
        signal.signal(number, signal.SIG_IGN)
    if "ray" in sys.modules:
        # When the head of its cluster is gone, Ray's native code may never let the process end.
        # Whatever was opened is closed by now.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code)
    sys.exit(code)
