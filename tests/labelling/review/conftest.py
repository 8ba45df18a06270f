"""A real browser, for pages opened from the disk; and a page of drawn clips."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.labelling.review.drawn_page import frame_of

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --autoplay-policy=no-user-gesture-required"
)

OpenPage = Callable[..., "OpenedPage"]


class OpenedPage:
    """A page in the browser, and what went wrong in it.

    Attributes:
        page: Playwright's page.
        problems: errors of scripts, of the console, and refusals of the page's policy.
        requests: every address that the page asked for.
    """

    def __init__(self, page: Any) -> None:
        self.page = page
        self.problems: list[str] = []
        self.requests: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda said: self._console(said))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("dialog", lambda dialog: self.problems.append(f"dialog: {dialog.message}"))

    def _console(self, said: Any) -> None:
        if said.type in ("error", "warning"):
            self.problems.append(said.text)

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as a person does."""
        for key in keys:
            self.page.keyboard.press(key)

    def ask(self, expression: str) -> Any:
        """What a JavaScript expression gives."""
        return self.page.evaluate(expression)

    def wait(self, expression: str) -> None:
        """Wait until a JavaScript expression holds."""
        # Not wait_for_function, which the page's policy would refuse.
        for _ in range(400):
            if self.page.evaluate(expression):
                return
            self.page.wait_for_timeout(25)
        pytest.fail(f"never true: {expression}; the page says {self.status!r}")

    def open_clip(self, name: str) -> None:
        """Click a clip in the list, by the start of its name."""
        button = self.page.locator("#clips button").filter(has_text=re.compile(f"^{name}"))
        button.first.click()

    def wait_for_clip(self, name: str) -> None:
        """Wait until a clip is open and can be sought in."""
        self.wait(f"clip && clip.entry.name === {name!r} && player.ready && !player.video.seeking")

    @property
    def status(self) -> str:
        """What the page says at its bottom."""
        return self.page.inner_text("#status")

    def segments(self) -> list[list[Any]]:
        """First frame, end, label and mark of each segment."""
        return self.ask("clip.list.map((s) => [s.start, s.end, s.label, s.mark])")

    def shows(self, frame: int) -> bool:
        """Tell whether a drawn clip's frame is on the screen, or gets there in a while."""
        return any(self._frame_on_screen() == frame for _ in range(100))

    def _frame_on_screen(self) -> int:
        width, height = self.ask("[player.video.videoWidth, player.video.videoHeight]")
        image = np.frombuffer(self.page.locator("#video").screenshot(), np.uint8)
        picture = cv2.imdecode(image, cv2.IMREAD_COLOR)
        scale = min(picture.shape[1] / width, picture.shape[0] / height)
        left = round((picture.shape[1] - width * scale) / 2)
        top = round((picture.shape[0] - height * scale) / 2)
        clip = picture[top : top + round(height * scale), left : left + round(width * scale)]
        return frame_of(clip)

    def download(self, act: Callable[[], None], folder: Path) -> Path:
        """Do what ends in a download, and keep the file under its suggested name."""
        with self.page.expect_download() as download:
            act()
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        return path


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A browser that has no window; tests that need it are skipped where there is none."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        pytest.skip("no browser here: install chromium, on Debian with apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=_FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[OpenPage]:
    """Open a page from the disk, in a browser that has seen nothing before the test.

    It knows no dialog for saving, as Firefox and Safari.
    """
    person = browser.new_context(viewport={"width": 1280, "height": 720})
    person.add_init_script("delete window.showSaveFilePicker")

    def open_page(path: Path, *, dark: bool = False) -> OpenedPage:
        opened = OpenedPage(person.new_page())
        if dark:
            opened.page.emulate_media(color_scheme="dark")
        opened.page.goto(path.as_uri())
        return opened

    yield open_page
    person.close()
