"""Keep a library's start-up chatter off the person's terminal."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def hidden_chatter() -> Iterator[None]:
    """Discard what is written to the process's standard error, below Python.

    TensorFlow's C++ code logs a dozen lines when it is imported that no person can act on, and
    no longer heeds TF_CPP_MIN_LOG_LEVEL there. Python's own exceptions still come through.
    """
    sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # the script was started with it closed
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
