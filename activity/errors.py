"""What a person can mend is a UserError: one clear line, exit code 2, no traceback."""

import signal
import sys
from collections.abc import Callable
from typing import NoReturn


class UserError(Exception):
    """A problem the person can mend. The message says what, where, and what to do about it."""


def run_script(main: Callable[[], None]) -> NoReturn:
    """Run a script's ``main`` and exit: 0 done, 2 the person can mend it, 130 interrupted.

    SIGTERM is treated as Ctrl-C: both raise ``KeyboardInterrupt`` in the main thread, so that
    ``main`` can finish what it is writing. A bug keeps its traceback (exit code 1).
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # File names need not be printable text (a name may hold bytes that are not UTF-8).
    sys.stdout.reconfigure(errors="backslashreplace")
    sys.stderr.reconfigure(errors="backslashreplace")
    try:
        main()
    except UserError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output (`| head`) has left: not an error of ours.
        sys.stderr.close()
        sys.exit(0)
    sys.exit(0)
