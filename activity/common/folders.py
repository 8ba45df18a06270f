"""Folders that libraries take for granted: one for temporary files, and the user's home."""

import atexit
import os
import shutil
import tempfile

from activity.common.errors import UserError


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
