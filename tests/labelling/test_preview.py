"""The preview window, on a virtual screen: what it shows, and how a person ends it."""

import ctypes
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from PIL import ImageGrab

from activity.common.errors import UserError
from activity.labelling.preview import has_screen, open_preview
from activity.media.frame import Frame
from tests.conftest import ROOT

FRAME = Frame(np.zeros((12, 16, 3), np.uint8))
BGR = (30, 200, 90)

# Shows frames until the person asks to stop, and says so; ends by itself after a minute.
SHOW_FRAMES = f"""
import sys, time
import cv2
import numpy as np
from activity.labelling.preview import open_preview
from activity.media.frame import Frame
show = open_preview(sys.argv[1])
for number in range(3000):
    if show(Frame(np.full((240, 320, 3), {BGR}, np.uint8))):
        sys.exit("ended by the person")
    if number == 10:
        print("shown", flush=True)
    time.sleep(0.02)
"""


@pytest.fixture(scope="module")
def screen() -> Iterator[str]:
    """The name of a virtual screen, as in ``DISPLAY``."""
    for tool in ("Xvfb", "xdotool"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x600x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as number:
        name = f":{number.readline().strip()}"
    yield name
    server.terminate()
    server.wait()


@pytest.fixture
def run_preview(screen: str) -> Iterator[object]:
    """A function that starts a preview on the virtual screen, in a process of its own."""
    started = []

    def start(display: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "DISPLAY": screen}
        environment.pop("WAYLAND_DISPLAY", None)
        process = subprocess.Popen(
            [sys.executable, "-c", SHOW_FRAMES, display],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "shown\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def xdotool(screen: str, *words: str) -> str:
    environment = {**os.environ, "DISPLAY": screen}
    done = subprocess.run(["xdotool", *words], env=environment, capture_output=True, text=True)
    return done.stdout.strip()


def windows(screen: str) -> list[str]:
    return xdotool(screen, "search", "--onlyvisible", "--name", "^activity").split()


def start_and_wait(run_preview, screen: str, display: str) -> tuple[subprocess.Popen[str], str]:
    """Start a preview and wait for its frames; return it with its window.

    Without a window manager, a window that is opened while the machine is busy may stay empty.
    """
    for _ in range(3):
        preview = run_preview(display)
        until = time.monotonic() + 15
        while time.monotonic() < until:
            if windows(screen) and pixels_shown(screen) > 240 * 320 // 2:
                return preview, windows(screen)[0]
            time.sleep(0.02)
        preview.kill()
        preview.wait()
    raise AssertionError("no frames are shown")


def pixels_shown(screen: str) -> int:
    """How many pixels of the screen have the colour of the frames."""
    picture = np.asarray(ImageGrab.grab(xdisplay=screen).convert("RGB"))
    return int((picture == BGR[::-1]).all(axis=2).sum())


def close_window(screen: str, window: str) -> None:
    """Do what a window manager does when a person clicks the cross."""
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XInternAtom.restype = ctypes.c_ulong
    display = ctypes.c_void_p(x11.XOpenDisplay(screen.encode()))
    protocols, delete = (
        x11.XInternAtom(display, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW")
    )

    class ClientMessage(ctypes.Structure):
        _fields_ = (
            *(("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send_event", ctypes.c_int)),
            *(("display", ctypes.c_void_p), ("window", ctypes.c_ulong)),
            *(("message_type", ctypes.c_ulong), ("format", ctypes.c_int)),
            *(("data", ctypes.c_long * 5), ("rest", ctypes.c_char * 200)),
        )

    message = ClientMessage(type=33, window=int(window), message_type=protocols, format=32)
    message.data[0] = delete
    x11.XSendEvent(display, ctypes.c_ulong(int(window)), 0, ctypes.c_long(0), ctypes.byref(message))
    x11.XCloseDisplay(display)


@pytest.fixture(params=["none", "dead"])
def no_screen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No screen is announced; or one is, but nobody is there: OpenCV would abort the process."""
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    if request.param == "dead":
        monkeypatch.setenv("DISPLAY", ":987")


@pytest.mark.usefixtures("no_screen")
def test_without_a_screen_auto_shows_nothing_and_on_says_so() -> None:
    assert not has_screen()
    assert open_preview("auto")(FRAME) is False
    with pytest.raises(UserError, match="no screen"):
        open_preview("on")


@pytest.mark.parametrize("display", ["auto", "on"])
def test_frames_are_shown_and_q_ends(display: str, screen: str, run_preview) -> None:
    preview, window = start_and_wait(run_preview, screen, display)
    xdotool(screen, "windowfocus", "--sync", window, "key", "x")
    time.sleep(0.3)
    assert preview.poll() is None  # another key ends nothing
    xdotool(screen, "key", "q")
    assert preview.communicate()[1] == "ended by the person\n"


def test_closing_the_window_ends(screen: str, run_preview) -> None:
    preview, window = start_and_wait(run_preview, screen, "on")
    close_window(screen, window)
    assert preview.communicate()[1] == "ended by the person\n"


def test_off_opens_no_window_even_where_there_is_a_screen(screen: str, run_preview) -> None:
    preview = run_preview("off")
    assert windows(screen) == []
    assert preview.poll() is None


@pytest.mark.usefixtures("no_screen")
def test_an_opencv_without_windows_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cv2, "currentUIFramework", lambda: "")  # opencv-python-headless
    assert open_preview("auto")(FRAME) is False
    announced = "DISPLAY" in os.environ or sys.platform != "linux"
    assert ("[INFO] no preview: this OpenCV" in capsys.readouterr().out) is announced
    with pytest.raises(UserError, match=r"opencv-python-headless\) has no windows"):
        open_preview("on")
