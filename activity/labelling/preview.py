"""The preview window of ``--display``."""

import os
import subprocess
import sys
from collections.abc import Callable

import cv2

from activity.common.errors import UserError
from activity.media.frame import Frame

Show = Callable[[Frame], bool]

DISPLAY = ("auto", "on", "off")

_TITLE = "activity (q ends)"
_NO_WINDOWS = "this OpenCV (opencv-python-headless) has no windows"
_OPENS_A_WINDOW = "import cv2; cv2.namedWindow('trial')"


def open_preview(display: str) -> Show:
    """Open the preview window, if it is wanted and there is a screen.

    Args:
        display: one of ``DISPLAY``; "auto" opens a window if there is a screen.

    Returns:
        A function that shows a frame and returns True when the person has asked to stop, by
        pressing q or closing the window. Without a window, ``show_nothing``.

    Raises:
        UserError: ``display`` is "on", and there is no screen or OpenCV has no windows.
    """
    if display == "off":
        return show_nothing
    if has_screen():
        return _show
    if not has_windows():
        if display == "on":
            raise UserError(
                f"{_NO_WINDOWS}: leave out --display on, or install opencv-python instead"
            )
        if _may_have_screen():
            print(f"[INFO] no preview: {_NO_WINDOWS}")
    elif display == "on":
        raise UserError("no screen to show a preview on: use --display auto or --display off")
    return show_nothing


def has_screen() -> bool:
    """Return whether OpenCV can open a window, by trying it in another process.

    Without a screen, OpenCV does not raise an error: Qt ends the process.
    """
    if not (_may_have_screen() and has_windows()):
        return False
    try:
        trial = subprocess.run(
            [sys.executable, "-c", _OPENS_A_WINDOW],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=20,
        )
    except subprocess.TimeoutExpired:
        return False
    return trial.returncode == 0


def has_windows() -> bool:
    """Tell whether OpenCV was built with windows, as opencv-python-headless is not."""
    return bool(cv2.currentUIFramework())


def _may_have_screen() -> bool:
    return sys.platform != "linux" or bool({"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ))


def _show(frame: Frame) -> bool:
    cv2.imshow(_TITLE, frame.pixels)
    key = cv2.waitKey(1) & 0xFF
    return key == ord("q") or not _window_is_open()


def _window_is_open() -> bool:
    try:
        return cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) >= 1
    except cv2.error:  # with Qt, when the last window was closed
        return False


def show_nothing(frame: Frame) -> bool:
    """Show no frame, and never ask to stop: for runs without a preview window."""
    return False
