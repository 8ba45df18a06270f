"""The page in a real browser, opened from the disk, used by its keys and by the mouse."""

import csv
import json
import re
import shutil
import socket
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from activity.labelling.review.data_files import data_file
from activity.labelling.review.writer import write_clip, write_index
from activity.temporal.segments import Segment, read_segments, read_segments_of_clips
from tests.labelling.review.conftest import OpenPage
from tests.labelling.review.drawn_page import FPS, draw_clip, review_clip, write_page

# What is decided about an 8-second clip: football to frame 80, doubtful to 140, then tennis.
DECIDED = [
    [0, 80, "football", ""],
    [80, 140, "football", ""],
    [140, 200, "tennis", ""],
]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of three clips: an .mp4 that is played where it lies, another, and an .avi."""
    folder = tmp_path_factory.mktemp("drawn")
    clips = [
        draw_clip(folder / "match.mp4", 8),
        draw_clip(folder / "later.mp4", 2, start=1.2),
        draw_clip(folder / "old camera.avi", 2, codec="mpeg4"),
    ]
    return write_page(folder / "review", clips)


def open_match(drawn: Path, open_page: OpenPage, **options: Any) -> Any:
    opened = open_page(drawn, **options)
    opened.wait_for_clip("match")  # the most doubtful: it is open from the start
    return opened


def test_goes_to_the_frame_asked_for(drawn: Path, open_page: OpenPage) -> None:
    opened = open_page(drawn)
    for name, frames in {
        "match": (0, 1, 57, 58, 199),
        "later": (0, 1, 49),
        "old camera": (3,),
    }.items():
        opened.wait("clip !== null")
        opened.open_clip(name)
        opened.wait_for_clip(name)
        for frame in frames:
            opened.ask(f"player.go({frame})")
            opened.wait("!player.video.seeking")
            assert opened.shows(frame)
    opened.press("Home", "ArrowRight", "ArrowRight", "Shift+ArrowRight", "ArrowLeft")
    assert opened.ask("player.frame") == 2 + FPS - 1
    assert opened.shows(2 + FPS - 1)
    assert opened.problems == []
    assert {request.split(":")[0] for request in opened.requests} == {"file"}


def test_plays_forwards_backwards_and_stops_at_the_frame_it_tells(
    drawn: Path, open_page: OpenPage
) -> None:
    opened = open_match(drawn, open_page)
    opened.press("Space")
    opened.wait("player.frame > 10")
    opened.press("Space")
    opened.wait("player.video.paused && !player.video.seeking")
    stopped = opened.ask("player.frame")
    assert stopped > 10
    assert opened.shows(stopped)
    opened.press("j")
    opened.wait(f"player.frame < {stopped - 5}")
    opened.press("k")
    opened.wait("!player.playing && !player.video.seeking")
    assert opened.ask("player.frame") < stopped
    assert opened.shows(opened.ask("player.frame"))
    opened.press("l", "l")
    assert opened.ask("player.video.playbackRate") == 2
    opened.press("k", "h")
    assert opened.ask("[player.video.paused, player.video.playbackRate]") == [True, 0.5]


def test_repeats_a_segment(drawn: Path, open_page: OpenPage) -> None:
    opened = open_match(drawn, open_page)
    opened.press("ArrowDown", "r")
    opened.ask("player.go(137)")
    opened.press("Space")
    opened.wait("player.frame < 100")
    assert opened.ask("player.frame") >= 80


def test_repeats_the_last_segment_although_the_clip_ends(drawn: Path, open_page: OpenPage) -> None:
    opened = open_match(drawn, open_page)
    opened.press("End", "r")
    opened.ask("player.go(195)")
    opened.press("Space")
    opened.wait("player.frame < 190")
    assert opened.ask("player.frame") >= 140
    assert opened.ask("player.video.paused") is False


def test_labels_are_corrected_by_keys_alone_and_saved(
    drawn: Path, open_page: OpenPage, tmp_path: Path
) -> None:
    opened = open_match(drawn, open_page)
    assert opened.segments() == DECIDED
    opened.press("n")  # the doubtful one
    assert opened.ask("player.frame") == 80
    opened.press("3")
    assert opened.segments()[1] == [80, 140, "weight_lifting", "corrected"]
    opened.press(".", ".", ".", ",", ">")
    assert opened.segments()[:2] == [
        [0, 80 + 2 + FPS, "football", "corrected"],
        [80 + 2 + FPS, 140, "weight_lifting", "corrected"],
    ]
    assert opened.ask("player.frame") == 80 + 2 + FPS
    assert opened.shows(80 + 2 + FPS)
    opened.press("ArrowRight", "ArrowRight", "s", "0")
    assert opened.segments()[1:3] == [
        [107, 109, "weight_lifting", "corrected"],
        [109, 140, "unknown", "corrected"],
    ]
    opened.press("t")
    opened.page.keyboard.type("  High jump ")
    opened.press("Enter")
    assert opened.segments()[2] == [109, 140, "High jump", "corrected"]
    assert "new label" in opened.status
    path = opened.download(lambda: opened.press("Control+s"), tmp_path)
    assert path.name == "match.csv"
    assert read_segments(path) == [
        Segment(0, 107 / FPS, "football"),
        Segment(107 / FPS, 109 / FPS, "weight_lifting"),
        Segment(109 / FPS, 140 / FPS, "High jump"),
    ]
    opened.press("Shift+m")
    assert opened.segments()[1] == [107, 140, "High jump", "corrected"]
    opened.press("Control+z", "z", "z")
    assert opened.segments()[1:3] == [
        [107, 109, "weight_lifting", "corrected"],
        [109, 140, "weight_lifting", "corrected"],
    ]
    opened.press("Control+Shift+z")
    assert opened.segments()[2] == [109, 140, "unknown", "corrected"]
    opened.press(*["z"] * 4)
    assert opened.segments() == DECIDED
    opened.press("z")
    assert "nothing" in opened.status
    assert opened.problems == []


def test_enter_confirms_and_only_what_is_confirmed_is_saved(
    drawn: Path, open_page: OpenPage, tmp_path: Path
) -> None:
    opened = open_match(drawn, open_page)
    opened.press("Control+s")
    opened.wait("document.getElementById('status').textContent.includes('Nothing is confirmed')")
    opened.press("End", "Enter")
    assert [segment[3] for segment in opened.segments()] == ["", "", "confirmed"]
    path = opened.download(lambda: opened.press("Control+s"), tmp_path)
    assert read_segments(path) == [Segment(140 / FPS, 8, "tennis")]
    opened.page.check("#write-all")
    path = opened.download(lambda: opened.press("Control+s"), tmp_path)
    assert read_segments(path) == [
        Segment(start / FPS, end / FPS, label) for start, end, label, _ in DECIDED
    ]


def test_an_edge_follows_the_mouse(drawn: Path, open_page: OpenPage) -> None:
    opened = open_match(drawn, open_page)
    box = opened.page.locator("#timeline").bounding_box()
    mouse = opened.page.mouse

    def x(frame: float) -> float:
        return box["x"] + frame / 200 * box["width"]

    mouse.move(x(80) + 2, box["y"] + 130)
    mouse.down()
    mouse.move(x(95), box["y"] + 130)
    mouse.move(x(100.5), box["y"] + 130)
    mouse.up()
    assert opened.segments()[:2] == [
        [0, 100, "football", "corrected"],
        [100, 140, "football", "corrected"],
    ]
    mouse.click(x(30.5), box["y"] + 20)
    assert opened.ask("player.frame") == 30
    opened.press("e")
    assert opened.segments()[0] == [0, 30, "football", "corrected"]
    opened.press("z", "z")
    assert opened.segments() == DECIDED
    mouse.wheel(0, -100)
    opened.wait("timeline.to - timeline.from < 8")


def test_corrections_survive_the_page_and_meet_new_predictions(
    drawn: Path, open_page: OpenPage, tmp_path: Path
) -> None:
    opened = open_match(drawn, open_page)
    opened.press("n", "2")
    opened.ask("localStorage.setItem('kept', '1')")
    opened.page.reload()
    opened.wait_for_clip("match")
    if opened.ask("localStorage.getItem('kept')") is None:
        pytest.skip("this browser keeps nothing from one page to the next")
    assert opened.segments()[1] == [80, 140, "tennis", "corrected"]
    assert "✓ 1" in opened.page.get_by_role("button", name=re.compile("^match")).first.inner_text()

    clip = drawn.parent.parent / "match.mp4"
    times = [number / FPS for number in range(200)]
    segments = [Segment(0, 4, "weight_lifting"), Segment(4, 8, "tennis")]
    other = tmp_path / "other"
    write_clip(other, review_clip(clip, times, segments=segments))
    write_index(other)
    # In the same tab: what another one sees at once is the browser's affair, on a busy machine.
    opened.page.goto((other / "index.html").as_uri())
    opened.wait_for_clip("match")
    assert opened.segments() == [
        [0, 80, "weight_lifting", ""],
        [80, 140, "tennis", "corrected"],
        [140, 200, "tennis", ""],
    ]


def test_another_tab_loses_no_correction(drawn: Path, open_page: OpenPage) -> None:
    first, second = open_match(drawn, open_page), open_match(drawn, open_page)
    first.press("n", "2")
    if second.ask("recall(clip.entry.id).rows.length") == 0:
        pytest.skip("in this browser a tab does not see what another one keeps")
    second.press("n", "ArrowDown", "Space")
    assert first.ask("recall(clip.entry.id).rows.length") == 1
    second.wait("clip.list[1].mark === 'corrected'")
    assert second.segments() == first.segments()
    # That somebody has looked at a segment over there undoes nothing here.
    second.press("End")
    second.page.wait_for_timeout(100)
    first.press("z")
    assert first.segments() == DECIDED
    second.wait("clip.list[1].mark === ''")


def test_looking_at_a_segment_keeps_what_was_kept(drawn: Path, open_page: OpenPage) -> None:
    opened = open_match(drawn, open_page)
    # As another tab would, of which this one has not heard yet.
    opened.ask(
        "localStorage.setItem(keyOf(clip.entry.id), "
        "JSON.stringify({ rows: [[0, 1, 'tennis', 'corrected']], visited: [] }))"
    )
    opened.press("ArrowDown")
    opened.wait("clip.visited.size === 2")
    assert opened.ask("recall(clip.entry.id).rows.length") == 1


def test_what_the_browser_refuses_to_keep_is_saved_all_the_same(
    drawn: Path, open_page: OpenPage, tmp_path: Path
) -> None:
    opened = open_match(drawn, open_page)
    opened.press("n", "2")
    opened.ask("void (Storage.prototype.setItem = () => { throw new Error('full'); })")
    opened.press("3")
    assert "save before you close" in opened.status
    save = opened.page.get_by_role("button", name="Save all corrected")
    text = opened.download(save.click, tmp_path).read_text()
    assert "weight_lifting" in text
    assert "tennis" not in text


def test_a_label_is_chosen_from_the_list_whatever_joins_its_letters(
    open_page: OpenPage, tmp_path: Path
) -> None:
    labels = ["\u067e\u06cc\u0627\u062f\u0647\u200c\u0631\u0648\u06cc", "Caf\u00e9"]
    clip = draw_clip(tmp_path / "match.mp4", 1)
    opened = open_page(write_page(tmp_path / "review", [clip], labels=labels))
    opened.wait_for_clip("match")
    for typed, label in ((labels[0], labels[0]), ("cafe\u0301", labels[1])):
        opened.press("t")
        opened.page.fill("#typed", typed)
        opened.press("Enter")
        assert opened.segments()[0][2] == label
        assert "new label" not in opened.status


@pytest.mark.parametrize(
    ("names", "table"),
    [
        (["x" * 81 + ".mp4"], "x" * 80 + ".csv"),
        pytest.param(
            ["from 10:22.mp4"],
            "from 10_22.csv",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="no such name there"),
        ),
        (["x/a.mp4", "y/a.mp4"], "a.csv"),
    ],
)
def test_a_table_that_its_name_does_not_lead_to_the_clip_names_it(
    open_page: OpenPage, tmp_path: Path, names: list[str], table: str
) -> None:
    clips = [draw_clip(tmp_path / name, 1 + n) for n, name in enumerate(names)]
    opened = open_page(write_page(tmp_path / "review", clips))
    opened.wait("clip && player.ready && !player.video.seeking")
    opened.press("1")
    path = opened.download(lambda: opened.press("Control+s"), tmp_path)
    assert path.name == table
    header, row = path.read_text().splitlines()
    assert header == "clip,start,end,label"
    assert any(f"../{name}" in row for name in names)


def test_all_that_is_corrected_is_saved_in_one_table(
    drawn: Path, open_page: OpenPage, tmp_path: Path
) -> None:
    opened = open_match(drawn, open_page)
    opened.press("n", "0")
    opened.open_clip("old camera")
    opened.wait_for_clip("old camera")
    opened.press("2")
    save = opened.page.get_by_role("button", name="Save all corrected")
    path = opened.download(save.click, tmp_path)
    assert path.name == "corrected.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["clip", "start", "end", "label"]
    assert sorted(rows[1:]) == [
        ["../match.mp4", "3.200000", "5.600000", "unknown"],
        ["../old camera.avi", "0.000000", "0.800000", "tennis"],
    ]
    opened.page.check("#write-all")
    with opened.download(save.click, tmp_path).open(encoding="utf-8", newline="") as file:
        names = [row[0] for row in csv.reader(file)]
    assert sorted(names[1:]) == ["../match.mp4"] * 3 + ["../old camera.avi"] * 3


def test_twenty_clips_are_drawn_at_random_and_saved_apart(
    open_page: OpenPage, tmp_path: Path
) -> None:
    folder = tmp_path / "review"
    clip = draw_clip(tmp_path / "match.mp4", 2)
    page = write_page(folder, [clip])
    lines = data_file(folder, "match").read_text().split("\n")
    digest = json.loads(lines[0].removeprefix("// "))["id"]
    for number in range(29):
        summary = lines[0].replace(digest, f"{number:064}").replace('"match"', f'"m {number}"')
        summary = summary.replace("match.mp4", f"m {number}.mp4")
        data_file(folder, f"m {number}").write_text("\n".join([summary, *lines[1:]]))
    assert write_index(folder) == 30
    opened = open_page(page)
    buttons = {
        name: opened.page.get_by_role("button", name=name)
        for name in ("Check 20 at random", "Save the random ones")
    }
    buttons["Save the random ones"].click()
    assert opened.status.startswith("Nothing is drawn yet")
    buttons["Check 20 at random"].click()
    all_marks = "[...document.querySelectorAll('#clips .marked')]"
    marked = f"{all_marks}.filter((e) => /random/.test(e.textContent))"
    assert opened.ask(f"{marked}.length") == 20
    drawn = opened.ask("sampled().map((entry) => entry.name)")
    opened.wait(f"clip && clip.entry.name === {drawn[0]!r}")
    opened.press("Enter")
    other = opened.ask("index.clips.find((e) => !sampleIds().includes(e.id)).name")
    opened.open_clip(f"{other}doubt")
    opened.wait(f"clip && clip.entry.name === {other!r}")
    opened.press("Enter")
    path = opened.download(buttons["Save the random ones"].click, tmp_path)
    assert path.name == "random.csv"
    assert [Path(part.clip).name for part in read_segments_of_clips(path)] == [f"{drawn[0]}.mp4"]
    opened.wait(
        "document.getElementById('status').textContent.includes('1 of the 20 random clips')"
    )
    # A second draw would be a choice; and the browser keeps the first.
    buttons["Check 20 at random"].click()
    assert opened.ask("sampled().map((entry) => entry.name)") == drawn
    opened.page.reload()
    opened.wait(f"{marked}.length === 20")


def test_saves_into_the_file_that_a_person_picks(drawn: Path, open_page: OpenPage) -> None:
    opened = open_match(drawn, open_page)
    # The dialog itself belongs to the system; what the page asks of it, and writes, is seen here.
    opened.ask(
        """void (window.showSaveFilePicker = async ({ suggestedName }) => ({
             name: "mine.csv",
             createWritable: async () => ({
               write: async (blob) => { window.saved = [suggestedName, await blob.text()]; },
               close: async () => {},
             }),
           }))"""
    )
    opened.press("Enter", "Control+s")
    opened.wait("window.saved")
    assert opened.ask("saved") == [
        "match.csv",
        "start,end,label\n0.000000,3.200000,football\n",
    ]
    opened.wait("document.getElementById('status').textContent.includes('mine.csv')")


HOSTILE = [
    "</script><script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=2>",
    "\"'`${window.hacked=3}",
    "javascript:window.hacked=4",
    "\u202egnp.exe\u2066",
    " \x85line\u2028break\u2029\r\n\x00\x1b[31m\f ",
    "__proto__",
    "&lt;b&gt;",
    "a,b;c",
    "x" * 10_000,
]


def test_names_and_labels_are_never_markup(open_page: OpenPage, tmp_path: Path) -> None:
    times = [number / FPS for number in range(100)]
    clip = draw_clip(tmp_path / "clip.mp4", 4)
    hostile = tmp_path / "javascript:'\"<b>#?%41.mp4"
    shutil.copy(clip, hostile)
    folder = tmp_path / "review"
    segments = [
        Segment(number * 0.4, number * 0.4 + 0.4, label) for number, label in enumerate(HOSTILE)
    ]
    write_clip(folder, review_clip(hostile, times, labels=HOSTILE, segments=segments))
    write_index(folder)
    opened = open_page(folder / "index.html")
    opened.wait("clip && player.ready && !player.video.seeking")
    assert opened.ask("clip.list.map((s) => s.label)") == HOSTILE
    assert opened.shows(0)  # the clip plays, whatever its name
    for number in range(len(HOSTILE)):
        opened.ask(f"player.go({number * 10})")
        opened.press("Enter")
    opened.press("t")
    opened.page.keyboard.type("<svg onload=window.hacked=6>")
    opened.press("Enter")
    path = opened.download(lambda: opened.press("Control+s"), tmp_path)
    ((_, segments),) = read_segments_of_clips(path).items()
    saved = [segment.label for segment in segments]
    assert saved[-1] == "<svg onload=window.hacked=6>"
    assert saved[:-1] == HOSTILE[:-1]
    assert opened.ask("window.hacked") is None
    assert opened.page.locator("img, svg").count() == 0
    body = opened.page.inner_text("body")
    assert "\u202e" not in body
    assert "\\u{202e}gnp.exe" in body
    assert opened.ask("document.documentElement.scrollWidth") <= 1280
    assert opened.problems == []


def test_the_policy_forbids_all_network(drawn: Path, open_page: OpenPage) -> None:
    opened = open_match(drawn, open_page)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        tries = [
            f"fetch('{address}').then(() => 'sent', () => 'refused')",
            *(
                f"""new Promise((done) => {{
                      const element = document.createElement("{tag}");
                      element.onload = () => done("sent");
                      element.onerror = () => done("refused");
                      element.{attribute} = "{address}";
                      document.head.append(element);
                    }})"""
                for tag, attribute in [("img", "src"), ("script", "src"), ("video", "src")]
            ),
        ]
        assert opened.ask(f"Promise.all([{','.join(tries)}])") == ["refused"] * len(tries)
        with pytest.raises(TimeoutError):
            server.accept()


def test_missing_and_damaged_files_are_said(open_page: OpenPage, tmp_path: Path) -> None:
    clips = [draw_clip(tmp_path / f"{name}.mp4", 2) for name in ("gone", "cut", "good")]
    page = write_page(tmp_path / "review", clips)
    data_file(page.parent, "cut").write_text("// {}\ntakeClip({")
    data_file(page.parent, "gone").unlink()
    clips[2].unlink()
    opened = open_page(page)
    said = "document.getElementById('status').textContent"
    for name in ("gone", "cut"):
        opened.open_clip(name)
        opened.wait(f"{said}.startsWith('{name} cannot be opened')")
    opened.open_clip("good")
    opened.wait("!document.getElementById('problem').hidden")
    opened.press("ArrowDown", "3")
    assert opened.segments()[1][2:] == ["weight_lifting", "corrected"]


def test_seven_thousand_seconds_and_a_thousand_clips(open_page: OpenPage, tmp_path: Path) -> None:
    folder = tmp_path / "review"
    times = np.cumsum(np.random.default_rng(0).choice([0.3, 0.4], 7200 * 3)) - 0.3
    labels = [f"activity {number}" for number in range(22)]
    bounds = np.linspace(0, times[-1], 2001).tolist()
    segments = [
        Segment(start, end, labels[number % 22])
        for number, (start, end) in enumerate(pairwise(bounds))
    ]
    clip = tmp_path / "long.mp4"
    clip.write_bytes(b"")
    long = review_clip(clip, times.tolist(), labels=labels, segments=segments)
    write_clip(folder, long)
    summary = data_file(folder, "long").read_text().split("\n")[0]
    for number in range(999):
        other = summary.replace(long.shown.digest, f"{number:064}").replace(
            '"long"', f'"clip {number}"'
        )
        data_file(folder, f"clip {number}").write_text(f"{other}\n")
    assert write_index(folder) == 1000
    assert (folder / "index.html").stat().st_size < 500_000
    assert data_file(folder, "long").stat().st_size < 500_000

    opened = open_page(folder / "index.html")
    opened.wait("document.querySelectorAll('#clips li').length === 1000")
    opened.open_clip("long")
    opened.wait("clip && clip.entry.name === 'long'")
    opened.press("End", "2")
    assert opened.ask("[clip.list.length, player.frame]") == [2000, len(times) - 1]
    opened.ask("player.go(12345)")
    assert opened.ask("player.timeOf(player.frame)") == pytest.approx(times[12345], abs=1e-4)
    opened.wait("document.querySelectorAll('#segments [aria-current=true]').length === 1")


def contrast(one: str, other: str) -> float:
    """Contrast of two colours, as WCAG 2.2 defines it; text wants 4.5."""

    def luminance(colour: str) -> float:
        shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted([luminance(one), luminance(other)], reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_readable_in_both_themes_and_by_screen_readers(
    drawn: Path, open_page: OpenPage, dark: bool
) -> None:
    opened = open_match(drawn, open_page, dark=dark)
    style = "getComputedStyle(document.documentElement).getPropertyValue('--{}').trim()"
    colours = {
        name: opened.ask(style.format(name))
        for name in ("back", "panel", "chosen", "text", "quiet", "accent", "doubt", "good")
    }
    for name in ("text", "quiet", "accent", "doubt", "good"):
        for ground in ("back", "panel", "chosen"):
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    # All fits a small laptop, and every control has a name.
    size = opened.ask("[document.body.scrollWidth, document.body.scrollHeight]")
    assert size == [1280, 720]
    for control in opened.page.get_by_role("button").all():
        assert control.inner_text().strip()
    timeline = opened.page.get_by_role("slider", name="Position in the clip")
    opened.press("n")
    opened.wait("document.getElementById('timeline').ariaValueText === '0:03.200, football'")
    assert timeline.get_attribute("aria-valuenow") == "3.200"
    assert opened.page.get_by_label("Another label").get_attribute("id") == "typed"
    opened.press("?")
    dialog = opened.page.get_by_role("dialog", name="Keys")
    assert dialog.is_visible()
    assert dialog.locator("kbd").count() > 25
    opened.press("Escape")
    assert dialog.is_hidden()


def test_says_what_an_unknown_segment_looks_like(tmp_path: Path, open_page: OpenPage) -> None:
    clip = draw_clip(tmp_path / "match.mp4", 2)
    shown = review_clip(clip, [number / FPS for number in range(2 * FPS)])
    looks = [[], ["ballplayer", "<b>baseball</b>"], []]
    runs = [
        run._replace(looks_like=tuple(names))
        for run, names in zip(shown.summary.runs, looks, strict=True)
    ]
    shown = shown._replace(summary=replace(shown.summary, runs=runs))
    write_clip(tmp_path / "review", shown)
    write_index(tmp_path / "review")
    opened = open_page(tmp_path / "review" / "index.html")
    opened.wait_for_clip("match")
    texts = opened.ask("[...part('segments').children].map((item) => item.textContent)")
    assert ["looks like ballplayer, <b>baseball</b>" in text for text in texts] == [
        *(False, True, False)
    ]
    opened.press("n", "Enter")  # a person says that the label is right
    opened.wait("!part('segments').textContent.includes('looks like')")
    assert opened.problems == []
