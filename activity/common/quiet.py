"""Hide the messages that a library prints when it is imported."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def hide_stderr() -> Iterator[None]:
    """Discard everything that the process writes to standard error, native code included.

    Use it around the import of TensorFlow, whose C++ code logs a dozen lines that nobody can act on
    and ignores TF_CPP_MIN_LOG_LEVEL there. Python exceptions still propagate.
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


@contextmanager
def hide_native_stderr() -> Iterator[None]:
    """Discard what native code writes to standard error, and show what Python prints there."""
    shown = sys.stderr
    try:
        same = shown.fileno() == 2
    except (OSError, ValueError):  # it is not a file at all
        same = False
    if not same:
        yield
        return
    own = os.fdopen(os.dup(2), "w", encoding=shown.encoding, errors=shown.errors, buffering=1)
    with own, hide_stderr():
        sys.stderr = own
        try:
            yield
        finally:
            sys.stderr = shown
