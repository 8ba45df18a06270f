import os

import cv2
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.labelling import preview
from activity.labelling.preview import has_screen, open_preview

FRAME = np.zeros((12, 16, 3), np.uint8)


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


def test_off_opens_nothing_even_where_there_is_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "has_screen", lambda: True)
    monkeypatch.setattr(cv2, "imshow", lambda *_: pytest.fail("a window was opened"))
    assert open_preview("off")(FRAME) is False


@pytest.mark.parametrize(
    ("key", "visible", "ends"),
    [(ord("q"), 1, True), (-1, 1, False), (ord("x"), 1, False), (-1, 0, True)],
)
def test_q_and_closing_the_window_end(
    key: int, visible: float, ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []
    monkeypatch.setattr(preview, "has_screen", lambda: True)
    monkeypatch.setattr(cv2, "imshow", lambda _, pixels: shown.append(pixels))
    monkeypatch.setattr(cv2, "waitKey", lambda _: key)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: visible)
    assert open_preview("auto")(FRAME) is ends
    assert len(shown) == 1


def test_a_screen_is_found_where_there_is_one() -> None:
    if "DISPLAY" not in os.environ:
        pytest.skip("no screen here")
    assert has_screen()
