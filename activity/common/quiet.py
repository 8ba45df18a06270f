"""Hide the messages that a library prints when it is imported."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def hidden_chatter() -> Iterator[None]:
    """Discard everything that the process writes to standard error, including native code.

    TensorFlow's C++ code logs a dozen lines during import that nobody can act on, and ignores
    TF_CPP_MIN_LOG_LEVEL there. Python exceptions are not affected.
    """
    sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # the script was started with standard error closed
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
