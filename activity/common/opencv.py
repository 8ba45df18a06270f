"""OpenCV, whose wheel with windows needs libraries that not every system has."""

from importlib import metadata

from activity.common.errors import UserError

_LIBRARIES = "libxcb1 libgl1 libglib2.0-0"
"""Debian's packages without which ``import cv2`` fails."""


def check_opencv() -> None:
    """Make sure that OpenCV can be imported.

    Raises:
        UserError: a library that it needs is missing on this system.
    """
    try:
        import cv2  # noqa: F401
    except ModuleNotFoundError:
        raise  # nothing is installed, and Python says so
    except ImportError as error:
        raise UserError(
            f"OpenCV cannot be imported ({error}): install the libraries that its windows need "
            f"(Debian, Ubuntu: apt-get install {_LIBRARIES}), or take OpenCV without windows: pip "
            "uninstall --yes opencv-python opencv-python-headless, then pip install "
            f"opencv-python-headless{_version()}"
        ) from error


def _version() -> str:
    try:
        return f"=={metadata.version('opencv-python')}"
    except metadata.PackageNotFoundError:
        return ""
