"""How a script starts and ends: what it needs of the machine, its exit code, its last message."""

import atexit
import io
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import NoReturn

from activity.common.errors import UserError, printable
from activity.common.stores import refused_by_store

_LIBRARIES = "libxcb1 libgl1 libglib2.0-0"
"""Debian's packages without which ``import cv2`` fails."""


def _end_without_opencv() -> None:
    """End at once where OpenCV cannot be imported, since a library that it needs is missing."""
    try:
        import cv2  # noqa: F401
    except ModuleNotFoundError:
        raise  # nothing is installed, and Python says so
    except ImportError as error:
        try:
            version = f"=={metadata.version('opencv-python')}"
        except metadata.PackageNotFoundError:
            version = ""
        said = (
            f"OpenCV cannot be imported ({error}): install the libraries that its windows need "
            f"(Debian, Ubuntu: apt-get install {_LIBRARIES}), or take OpenCV without windows: pip "
            "uninstall --yes opencv-python opencv-python-headless, then pip install "
            f"opencv-python-headless{version}"
        )
        print(f"error: {printable(said)}", file=sys.stderr)
        sys.exit(2)


# Not in run_script: a script imports this module, and then those that import OpenCV.
_end_without_opencv()


def check_temporary_folder() -> None:
    """Make sure that there is a folder for temporary files.

    Raises:
        UserError: there is none that can be written to, as in a read-only container.
    """
    try:
        tempfile.gettempdir()
    except OSError as error:
        raise UserError(
            f"there is no folder for temporary files: {error.strerror}; set TMPDIR to a folder "
            "that can be written to"
        ) from error


def provide_home() -> None:
    """Give a user without a home one for this run.

    Who runs a container under a number has neither HOME nor an entry in the list of users:
    NNCF and OpenVINO's telemetry then fail while they are imported, and Keras writes into a folder
    named "~". What is written into the home of a run is deleted with it.

    Raises:
        UserError: there is no folder for temporary files, either.
    """
    if os.path.isabs(os.path.expanduser("~")):  # noqa: PTH111, PTH117 - pathlib's would raise
        return
    check_temporary_folder()
    home = tempfile.mkdtemp(prefix="home-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ["HOME"] = home


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
        if isinstance(error, OSError):  # matplotlib, which Keras imports, raises its own
            try:
                check_temporary_folder()
            except UserError as lack:
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
