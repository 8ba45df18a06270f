"""Regions on the page: shown on the clip, drawn, corrected one by one, and compared in time."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from activity.labelling.review.writer import write_clip, write_index
from activity.media.region import Region, parse_region
from activity.temporal.segments import NamedPart, Segment, read_segments, read_segments_of_clips
from tests.labelling.review.conftest import OpenedPage, OpenPage
from tests.labelling.review.drawn_page import (
    FPS,
    draw_clip,
    review_clip,
    write_page,
    write_page_of_regions,
)

# As the drawn pages decide: left is football to frame 50, and right is tennis to frame 100.
LEFT, RIGHT, GOAL = "left=0,0,0.5,1", "right=0.5,0,0.5,1", "goal 1=0.1,0.4,0.3,0.3"
SECONDS = 6
FRAMES = SECONDS * FPS


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of three regions of one clip."""
    folder = tmp_path_factory.mktemp("regions")
    clip = draw_clip(folder / "match.mp4", SECONDS)
    return write_page_of_regions(folder / "review", clip, [LEFT, RIGHT, GOAL], SECONDS)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of a clip without regions."""
    folder = tmp_path_factory.mktemp("plain")
    return write_page(folder / "review", [draw_clip(folder / "match.mp4", SECONDS)])


def open_region(drawn: Path, open_page: OpenPage, name: str = "left") -> OpenedPage:
    opened = open_page(drawn)
    opened.wait("clip !== null")
    opened.page.get_by_role("button", name=f"match ({name})").click()
    opened.wait_for_clip(f"match.{name}")
    return opened


def shown_frame(opened: OpenedPage) -> tuple[float, float, float, float]:
    """Where the frames are in the window: left, top, width, height."""
    box = opened.page.locator("#video").bounding_box()
    scale = min(box["width"] / 480, box["height"] / 270)
    width, height = 480 * scale, 270 * scale
    left, top = box["x"] + (box["width"] - width) / 2, box["y"] + (box["height"] - height) / 2
    return left, top, width, height


def outlined(opened: OpenedPage) -> dict[str, list[float]]:
    """The place of each outline in shares of the frame that is shown, by its name."""
    left, top, width, height = shown_frame(opened)
    found = {}
    for outline in opened.page.locator(".outline").all():
        box = outline.bounding_box()
        found[outline.inner_text()] = [
            *((box["x"] - left) / width, (box["y"] - top) / height),
            *(box["width"] / width, box["height"] / height),
        ]
    return found


def drag(opened: OpenedPage, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag the mouse between two places in shares of the frame."""
    left, top, width, height = shown_frame(opened)
    opened.page.mouse.move(left + start[0] * width, top + start[1] * height)
    opened.page.mouse.down()
    opened.page.mouse.move(left + end[0] * width, top + end[1] * height, steps=3)
    opened.page.mouse.up()


def flags(opened: OpenedPage) -> list[Region]:
    """The regions that the page gives to copy, as a shell and then predict_video.py read them."""
    words = shlex.split(opened.page.inner_text("#flags"))
    assert words[::2] == ["--region"] * (len(words) // 2)
    return [parse_region(word) for word in words[1::2]]


def places(opened: OpenedPage) -> dict[str, list[float]]:
    return {region.name: [float(share) for share in region[1:]] for region in flags(opened)}


@pytest.mark.parametrize("size", [(1280, 720), (800, 900)])
def test_regions_are_outlined_where_they_are(
    size: tuple[int, int], drawn: Path, open_page: OpenPage
) -> None:
    opened = open_region(drawn, open_page)
    opened.page.set_viewport_size({"width": size[0], "height": size[1]})
    pixel = 1.5 / shown_frame(opened)[2]
    opened.wait(f"Math.abs(part('stage').clientWidth - {shown_frame(opened)[2]}) < 1.5")
    found = outlined(opened)
    assert found.keys() == {"left", "right", "goal 1"}
    assert found["left"] == pytest.approx([0, 0, 0.5, 1], abs=2 * pixel)
    assert found["right"] == pytest.approx([0.5, 0, 0.5, 1], abs=2 * pixel)
    assert found["goal 1"] == pytest.approx([0.1, 0.4, 0.3, 0.3], abs=2 * pixel)
    widths = opened.ask(
        "Object.fromEntries([...document.querySelectorAll('.outline')].map("
        "(e) => [e.textContent, parseInt(getComputedStyle(e).borderTopWidth)]))"
    )
    assert widths["left"] > widths["right"] == widths["goal 1"]
    assert opened.problems == []


def test_a_region_is_drawn_moved_and_sized_by_the_mouse(plain: Path, open_page: OpenPage) -> None:
    opened = open_page(plain)
    opened.wait_for_clip("match")
    assert opened.page.locator(".outline").count() == 0
    opened.page.get_by_role("button", name="Draw region").click()
    drag(opened, (0.2, 0.1), (0.6, 0.5))
    assert places(opened) == {"region1": pytest.approx([0.2, 0.1, 0.4, 0.4], abs=0.003)}
    drag(opened, (0.4, 0.3), (0.5, 0.4))  # by its inside
    assert places(opened)["region1"] == pytest.approx([0.3, 0.2, 0.4, 0.4], abs=0.003)
    assert outlined(opened)["region1"] == pytest.approx([0.3, 0.2, 0.4, 0.4], abs=0.005)
    drag(opened, (0.3, 0.2), (0.1, 0.3))  # by a corner
    assert places(opened)["region1"] == pytest.approx([0.1, 0.3, 0.6, 0.3], abs=0.006)
    drag(opened, (0.5, 0.5), (5, 0.5))  # as far as the frame goes
    assert places(opened)["region1"] == pytest.approx([0.4, 0.3, 0.6, 0.3], abs=0.006)
    # Within another: with Shift. What lies around it can be moved, too, and a click chooses it.
    opened.page.keyboard.down("Shift")
    drag(opened, (0.7, 0.4), (0.8, 0.5))
    opened.page.keyboard.up("Shift")
    assert places(opened)["region2"] == pytest.approx([0.7, 0.4, 0.1, 0.1], abs=0.003)
    drag(opened, (0.45, 0.55), (0.35, 0.55))
    assert places(opened)["region1"] == pytest.approx([0.3, 0.3, 0.6, 0.3], abs=0.006)
    drag(opened, (0.75, 0.45), (0.75, 0.45))
    assert opened.ask("chosen.name") == "region2"
    drag(opened, (0.35, 0.35), (0.35, 0.35))
    opened.press("Delete")
    assert [*places(opened)] == ["region2"]
    assert opened.problems == []


def test_a_region_is_drawn_moved_sized_and_named_by_keys(plain: Path, open_page: OpenPage) -> None:
    opened = open_page(plain)
    opened.wait_for_clip("match")
    opened.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened.press("ArrowRight", "d", "d")
    assert places(opened) == {"region1": [0.25, 0.25, 0.5, 0.5]}
    opened.press("ArrowLeft", "ArrowLeft", "ArrowDown", "Shift+ArrowRight", "Shift+ArrowUp")
    assert places(opened) == {"region1": [0.245, 0.2525, 0.5025, 0.4975]}
    opened.press("Enter")
    opened.page.keyboard.type("Lane 2 d")  # no letter is a command
    opened.press("Enter", "d", "ArrowUp", "Enter")
    opened.page.keyboard.type("LANE 2 D")
    opened.press("Tab", "Tab")  # beyond the button that removes it
    assert opened.ask("document.activeElement.id") == "copy-flags"
    opened.press("Space")
    assert "Two regions are called" in opened.status
    opened.press("End")
    opened.page.keyboard.type("!ä")
    assert places(opened) == {
        "Lane 2 d": [0.245, 0.2525, 0.5025, 0.4975],
        "LANE 2 Dä": [0.25, 0.2475, 0.5, 0.5],
    }
    opened.press("Tab", "Tab", "Space")
    opened.wait("part('status').textContent.startsWith('Copied')")
    copied = opened.ask("navigator.clipboard.readText()")
    assert copied == opened.page.inner_text("#flags")
    assert '--region "Lane 2 d=0.2450,0.2525,0.5025,0.4975"' in copied
    assert opened.ask("player.frame") == 1  # the keys moved no frame
    assert opened.segments()[0][3] == ""  # and said nothing of a segment
    opened.press("Escape")
    assert opened.page.locator(".outline").count() == 0
    opened.press("ArrowRight", "d")  # what was drawn is there again
    assert opened.ask("player.frame") == 2
    assert len(flags(opened)) == 2


def test_what_is_not_copied_by_the_browser_is_ready_to_be(plain: Path, open_page: OpenPage) -> None:
    opened = open_page(plain)
    opened.wait_for_clip("match")
    opened.ask("void Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    opened.press("d", "d")
    opened.page.get_by_role("button", name="Copy").click()
    assert "Ctrl+C" in opened.status
    assert opened.ask("getSelection().toString()") == opened.page.inner_text("#flags")


def test_drawing_begins_with_the_regions_of_the_clip(drawn: Path, open_page: OpenPage) -> None:
    opened = open_region(drawn, open_page)
    opened.press("d")
    assert places(opened) == {
        "goal 1": [0.1, 0.4, 0.3, 0.3],
        "left": [0, 0, 0.5, 1],
        "right": [0.5, 0, 0.5, 1],
    }
    assert opened.ask("chosen.name") == "left"  # the one that is open


def test_whatever_is_drawn_predict_video_takes(plain: Path, open_page: OpenPage) -> None:
    opened = open_page(plain)
    opened.wait_for_clip("match")
    opened.press("d")
    random = np.random.default_rng(0)
    opened.page.keyboard.down("Shift")
    for start, end in random.uniform(-0.1, 1.1, (20, 2, 2)).clip(0.001, 1.5).tolist():
        drag(opened, tuple(np.minimum(start, 0.999)), tuple(end))
    for key in random.choice(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"], 60):
        opened.press(str(key))
    opened.page.keyboard.up("Shift")
    drag(opened, (0.999, 0.999), (0.98, 0.98))
    found = flags(opened)
    assert len(found) > 15
    for region in found:
        for size in ((480, 270), (1920, 1080), (854, 480)):
            window = region.window(size, "match.mp4")
            assert window.left + window.width <= size[0]


def test_corrections_are_kept_and_saved_for_each_region(
    drawn: Path, open_page: OpenPage, tmp_path: Path
) -> None:
    opened = open_region(drawn, open_page)
    assert opened.segments() == [[0, 38, "football", ""], [38, 150, "tennis", ""]]
    opened.press("3")
    table = opened.download(lambda: opened.press("Control+s"), tmp_path)
    assert table.name == "match.left.csv"
    assert table.read_text() == "start,end,label\n0.000000,1.520000,weight_lifting\n"
    opened.page.get_by_role("button", name="match (right)").click()
    opened.wait_for_clip("match.right")
    assert [mark for *_, mark in opened.segments()] == ["", ""]
    opened.press("End", "0")
    table = opened.download(lambda: opened.press("Control+s"), tmp_path)
    assert table.name == "match.right.csv"
    assert read_segments(table) == [Segment(3, 6, "unknown")]
    save = opened.page.get_by_role("button", name="Save all corrected")
    table = opened.download(save.click, tmp_path)
    assert table.read_text().splitlines()[0] == "clip,region,start,end,label"
    assert read_segments_of_clips(table) == {
        NamedPart("../match.mp4", "left"): [Segment(0, 1.52, "weight_lifting")],
        NamedPart("../match.mp4", "right"): [Segment(3, 6, "unknown")],
    }
    opened.page.reload()
    opened.wait("clip !== null")
    marks = {
        name: opened.page.get_by_role("button", name=f"match ({name})").inner_text()
        for name in ("left", "right", "goal 1")
    }
    assert [name for name, text in marks.items() if "✓ 1" in text] == ["left", "right"]
    assert opened.problems == []


def test_corrections_are_of_one_rectangle(open_page: OpenPage, tmp_path: Path) -> None:
    """A region that has moved under its name begins anew; back in its place, it has them again."""
    clip = draw_clip(tmp_path / "match.mp4", 2)
    marks = {}
    opened = None
    for number, region in enumerate([LEFT, "left=0.1,0,0.5,1", LEFT]):
        page = write_page_of_regions(tmp_path / "review", clip, [region], 2)
        opened = opened or open_page(page)
        opened.page.reload()
        opened.wait_for_clip("match.left")
        if not number:
            opened.press("1")
        marks[number] = "✓ 1" in opened.page.get_by_role("button", name="match (left)").inner_text()
    assert marks == {0: True, 1: False, 2: True}
    assert opened.problems == []


def test_regions_and_whole_clips_are_in_one_table(open_page: OpenPage, tmp_path: Path) -> None:
    clips = [draw_clip(tmp_path / name, 2) for name in ("match.mp4", "match.left.mp4")]
    write_page(tmp_path / "review", clips[:1])
    write_clip(
        tmp_path / "review",
        review_clip(clips[1], [n / FPS for n in range(50)], name="match.left~2"),
    )
    page = write_page_of_regions(tmp_path / "review", clips[0], [LEFT], 2)
    opened = open_page(page)
    for name in ("match", "match.left", "match.left~2"):
        opened.wait("clip && player.ready")
        opened.ask(f"openClip(index.clips.findIndex(({{ name }}) => name === '{name}'))")
        opened.wait_for_clip(name)
        opened.press("1")
    # A region and a clip of that name: tables say which of them they are about.
    table = opened.download(lambda: opened.press("Control+s"), tmp_path)
    assert table.read_text().splitlines()[0] == "clip,start,end,label"
    save = opened.page.get_by_role("button", name="Save all corrected")
    table = opened.download(save.click, tmp_path)
    assert read_segments_of_clips(table).keys() == {
        NamedPart("../match.mp4"),
        NamedPart("../match.mp4", "left"),
        NamedPart("../match.left.mp4"),
    }


def test_regions_are_drawn_at_random_and_saved_with_their_names(
    drawn: Path, open_page: OpenPage, tmp_path: Path
) -> None:
    opened = open_region(drawn, open_page)
    opened.page.get_by_role("button", name="Check 20 at random").click()
    opened.wait("part('status').textContent.startsWith('3 clips are drawn')")
    name = opened.ask("clip.entry.region.name")
    opened.press("Enter")
    save = opened.page.get_by_role("button", name="Save the random ones")
    table = opened.download(save.click, tmp_path)
    assert [*read_segments_of_clips(table)] == [NamedPart("../match.mp4", name)]


@pytest.fixture
def strip(drawn: Path, open_page: OpenPage) -> tuple[OpenedPage, Callable[[str, float], Any]]:
    """The page at the left region, and the colour of another's timeline at a frame."""
    opened = open_region(drawn, open_page)

    def colour(name: str, frame: float) -> Any:
        other = f"clip.others.find(({{ entry }}) => entry.region.name === '{name}')"
        return opened.ask(
            f"""(() => {{
                  const {{ canvas }} = {other};
                  const x = timeline.x({frame / FPS}) * devicePixelRatio;
                  const pen = canvas.getContext("2d");
                  return pen.getImageData(x, canvas.height - 3, 1, 1).data.join();
                }})()"""
        )

    return opened, colour


def test_other_regions_are_compared_at_the_same_times(
    strip: tuple[OpenedPage, Callable[[str, float], Any]], drawn: Path, open_page: OpenPage
) -> None:
    opened, colour = strip
    assert opened.page.locator("#others button").all_inner_texts() == ["goal 1", "right"]
    boxes = [
        opened.page.locator(each).first.bounding_box()
        for each in ("#timeline", "#others canvas", "#overview")
    ]
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"] < boxes[2]["y"]
    assert boxes[1]["x"] == pytest.approx(boxes[0]["x"] + 1)
    assert boxes[1]["height"] < boxes[0]["height"] / 4
    # Right: tennis to frame 75, then weight lifting. Goal 1: weight lifting to 112, then football.
    assert colour("right", 74) != colour("right", 76)
    assert colour("right", 40) == colour("right", 74)
    assert colour("right", 145) == colour("goal 1", 60)
    assert colour("goal 1", 111) != colour("goal 1", 114)
    # The same times when the timeline shows less.
    opened.ask("player.go(75)")
    opened.press("+", "+", "+")
    opened.wait("timeline.to - timeline.from < 1 && !clip.drawn")
    assert colour("right", 74) != colour("right", 76)
    # What another tab corrects there is shown here.
    before = colour("right", 78)
    other = open_region(drawn, open_page, "right")
    if other.ask("localStorage.length") == 0:
        pytest.skip("in this browser a tab does not see what another one keeps")
    other.press("End", "0")
    opened.wait("clip.others.some(({ list }) => list.some((s) => s.label === 'unknown'))")
    opened.page.wait_for_timeout(100)
    assert colour("right", 78) != before


def test_a_click_on_another_region_goes_there_at_that_time(
    strip: tuple[OpenedPage, Callable[[str, float], Any]],
) -> None:
    opened, _ = strip
    opened.ask("player.go(100)")
    opened.press("+", "+")
    opened.wait("timeline.to - timeline.from < 2 && !clip.drawn")
    window = opened.ask("[timeline.from, timeline.to]")
    x = opened.ask(f"part('timeline').getBoundingClientRect().left + 1 + timeline.x({110.5 / FPS})")
    y = opened.page.get_by_role("button", name="right", exact=True).bounding_box()["y"]
    opened.page.mouse.click(x, y + 12)
    opened.wait_for_clip("match.right")
    assert opened.ask("player.frame") == 110
    assert opened.ask("[timeline.from, timeline.to]") == window
    opened.wait("!player.video.seeking && player.shown() === 110")
    # By key: at the time that is shown.
    opened.press("g")
    opened.wait_for_clip("match.goal 1")
    assert opened.ask("player.frame") == 110
    opened.page.get_by_role("button", name="left", exact=True).focus()
    opened.press("Enter")
    opened.wait_for_clip("match.left")
    assert opened.ask("player.frame") == 110
    assert opened.segments()[1][3] == ""  # nothing was confirmed
    assert opened.problems == []


def test_many_regions_leave_room_for_the_clip(open_page: OpenPage, tmp_path: Path) -> None:
    clip = draw_clip(tmp_path / "match.mp4", 1)
    lanes = [f"lane {n}={n / 16},0,{1 / 16},1" for n in range(16)]
    opened = open_page(write_page_of_regions(tmp_path / "review", clip, lanes, 1))
    opened.wait("clip && player.ready && !player.video.seeking")
    names = opened.page.locator("#others button").all_inner_texts()
    assert len(names) == 15
    assert names == sorted(names, key=lambda name: int(name.split()[1]))
    size = opened.ask("[document.body.scrollWidth, document.body.scrollHeight]")
    assert size == [1280, 720]
    assert opened.page.locator("#video").bounding_box()["height"] > 250
    widths = opened.ask("clip.others.map(({ canvas }) => canvas.clientWidth)")
    assert set(widths) == {opened.ask("part('timeline').clientWidth")}


HOSTILE = [
    "</script><script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=2>",
    '"; touch hacked; "$(touch hacked)`touch hacked`',
    "-x --output=y",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_regions_are_never_markup(name: str, open_page: OpenPage, tmp_path: Path) -> None:
    clip = draw_clip(tmp_path / "match.mp4", 1)
    times = [number / FPS for number in range(FPS)]
    for number, one in enumerate([name, "\u202egnp.exe"]):
        region = parse_region(LEFT)._replace(name=one)
        shown = review_clip(clip, times, name=f"match.{number}", region=region)
        write_clip(tmp_path / "review", shown)
    write_index(tmp_path / "review")
    opened = open_page(tmp_path / "review" / "index.html")
    opened.wait("clip && player.ready && !player.video.seeking")
    opened.press("d")
    for flag in flags(opened):
        assert re.fullmatch(r"[\w][\w ._-]*", flag.name)
    assert not set(opened.page.inner_text("#flags")) & set("$`;'<>|&\\!")
    opened.press("g")
    opened.wait("clip.others.length === 1 && player.ready")
    opened.press("Enter")
    opened.page.keyboard.type("<b>bold</b>")
    assert "bbold" in opened.page.inner_text("#flags")
    assert opened.page.locator("#stage *").all_inner_texts()
    assert opened.ask("window.hacked") is None
    assert opened.page.locator("img, svg").count() == 0
    assert "\u202e" not in opened.page.inner_text("body")
    assert opened.problems == []
