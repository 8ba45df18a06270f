"""``predict_video.py --review``: from a clip to the page, and from the page to a better model."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.labelling.review.data_files import copy_file, data_file
from activity.media.clip import VideoSource
from activity.temporal.segments import Segment, read_segments
from tests.conftest import RunMain, Trained, write_clip
from tests.labelling.review.conftest import OpenPage
from tests.labelling.review.drawn_page import FPS, draw_clip
from tests.labelling.review.test_writer import content_of, index_of

Review = Callable[..., str]

COLOURS = ["red"] * 30 + ["green"] * 30
COURTS = [COLOURS, ["blue"] * 60]


@pytest.fixture
def review(run_predict: RunMain, trained: Trained, tmp_path: Path) -> Review:
    """Run ``predict_video.py`` with ``--review`` into the folder ``review``."""

    def review(*flags: object) -> str:
        return run_predict(
            *("--model", trained.model, "--label-bin", trained.label_bin),
            *("--cache", trained.cache, "--engine", "openvino"),
            *("--review", tmp_path / "review", *flags),
        )

    return review


def test_one_clip_is_wrong_and_put_right_in_the_page(
    review: Review, open_page: OpenPage, tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / "clip.avi", COLOURS)
    said = review("--input", clip, "--smoothing", "viterbi", "--size", 8)
    page = tmp_path / "review" / "index.html"
    assert f"open {page} in a browser" in said
    opened = open_page(page)
    opened.wait_for_clip("clip")
    assert opened.segments() == [[0, 30, "red", ""], [30, 60, "green", ""]]
    opened.press("ArrowDown", "1")
    saved = read_segments(opened.download(lambda: opened.press("Control+s"), tmp_path))
    assert saved == [Segment(1, 2, "blue")]
    assert opened.problems == []


def test_a_label_is_wrong_and_learned_from_the_page(
    review: Review,
    run_train: RunMain,
    run_predict: RunMain,
    open_page: OpenPage,
    photo_folders: Path,
    tmp_path: Path,
) -> None:
    """Wrong before; two seconds of the clip corrected, and learned where it lies; right after.

    Judged by a table of the whole clip, but not in the seconds that were learned from.
    """
    clip = draw_clip(tmp_path / "clips" / "match.avi", 4, codec="mpeg4")
    review("--input", clip, "--smoothing", "viterbi", "--size", 8)
    folder = tmp_path / "review"
    opened = open_page(folder / "index.html")
    opened.wait_for_clip("match")
    opened.ask(f"player.go({2 * FPS})")
    opened.press("s", "ArrowUp", "t")
    opened.page.keyboard.type("pitch")
    opened.press("Enter")
    save = opened.page.get_by_role("button", name="Save all corrected")
    table = opened.download(save.click, folder)
    assert table.read_text() == (
        "clip,start,end,label\n../clips/match.avi,0.000000,2.000000,pitch\n"
    )

    model, labels = tmp_path / "new.model", tmp_path / "new.pickle"
    said = run_train(
        *("--dataset", photo_folders, folder, "--labels", "all", "--epochs", 40, "--views", 1),
        *("--backbone", "efficientnet-lite0", "--engine", "keras", "--cache", tmp_path / "cache"),
        *("--every", 0.1, "-m", model, "-l", labels, "-p", tmp_path / "plot.png"),
    )
    assert "learning 4 activities" in said
    assert re.search(r"learned from clips: [\d.]+ s of pitch", said), said
    truth = folder / "truth.csv"
    truth.write_text("clip,start,end,label\n../clips/match.avi,0,4,pitch\n")
    result = tmp_path / "after.json"
    said = run_predict(
        *("--model", model, "--label-bin", labels, "--input", clip),
        *("--json", result, "--engine", "keras", "--cache", tmp_path / "cache", "--stride", 5),
        *("--smoothing", "viterbi", "--size", 50, "--truth", truth),
    )
    after = json.loads(result.read_text())
    assert [segment["label"] for segment in after["segments"]] == ["pitch"], after
    assert f"judged by {truth}: 50 frames" in said
    lines = [line.removeprefix("[INFO] ") for line in said.splitlines()]
    assert lines[lines.index("frames right before: 0.000, as the review page has them") :][:3] == [
        "frames right before: 0.000, as the review page has them",
        "frames right now: 1.000 of 50",
        "left out of that: 2.0 s that the model has learned from (frames right there: 1.000, "
        "before 0.000)",
    ]


def test_each_region_is_put_right_and_judged_by_itself(
    review: Review,
    run_predict: RunMain,
    trained: Trained,
    open_page: OpenPage,
    tmp_path: Path,
) -> None:
    """Two courts in one clip: the page shows both, and --truth takes what it saves of each."""
    halves = [write_clip(tmp_path / f"{n}.avi", colours) for n, colours in enumerate(COURTS)]
    clip = side_by_side(tmp_path / "match.avi", halves)
    regions = ["--region", "left=0,0,0.5,1", "--region", "right=160,0,160,120"]
    settings = ["--input", clip, "--smoothing", "viterbi", "--size", 8, *regions]
    review(*settings)
    folder = tmp_path / "review"
    assert [path.name for path in sorted((folder / ".data").iterdir())] == [
        "match.left.js",
        "match.left.mp4",  # one copy for both
        "match.right.js",
    ]
    opened = open_page(folder / "index.html")
    opened.wait("clip && player.ready")
    opened.page.get_by_role("button", name="match (left)").click()
    opened.wait_for_clip("match.left")
    assert opened.segments() == [[0, 30, "red", ""], [30, 60, "green", ""]]
    assert opened.ask("clip.entry.region.place") == [0, 0, 0.5, 1]
    opened.press("Enter", "ArrowDown", "1")
    single = opened.download(lambda: opened.press("Control+s"), tmp_path / "truths")
    opened.press("g")
    opened.wait_for_clip("match.right")
    assert opened.ask("clip.entry.region.place") == [0.5, 0, 0.5, 1]
    assert opened.segments() == [[0, 60, "blue", ""]]
    opened.press("1", "Home", "Enter")
    save = opened.page.get_by_role("button", name="Save all corrected")
    table = opened.download(save.click, folder)
    header, *rows = table.read_text().splitlines()
    assert header == "clip,region,start,end,label"
    assert sorted(rows) == [
        "../match.avi,left,0.000000,1.000000,red",
        "../match.avi,left,1.000000,2.000000,blue",
        "../match.avi,right,0.000000,2.000000,blue",
    ]
    model = ["--model", trained.model, "--label-bin", trained.label_bin, "--cache", trained.cache]
    right = {"left": 0.5, "right": 1.0}
    for truth, judged in ((table, ["left", "right"]), (single.parent, ["left"])):
        result = tmp_path / "result.json"
        run_predict(
            *(*model, "--engine", "openvino", *settings, "--json", result, "--truth", truth),
            "--overwrite",
        )
        for name in ("left", "right"):
            truths = json.loads((tmp_path / f"result.{name}.json").read_text()).get("truth")
            assert bool(truths) == (name in judged)
            if truths:
                assert truths["results"][0]["frames_right"] == pytest.approx(right[name], abs=0.05)
                # The page lies in the folder of the table.
                before = right[name] if truth == table else None
                assert truths["frames_right_before"] == before
    assert opened.problems == []


def test_a_region_is_wrong_and_learned_from_the_page_and_the_other_stays_right(
    review: Review,
    run_train: RunMain,
    run_predict: RunMain,
    open_page: OpenPage,
    photo_folders: Path,
    tmp_path: Path,
) -> None:
    """Wrong before; two seconds of one region corrected, of the other confirmed; right after."""
    (tmp_path / "clips").mkdir()
    pitch = draw_clip(tmp_path / "pitch.avi", 4, codec="mpeg4")
    size = (VideoSource(pitch).info.width, VideoSource(pitch).info.height)
    green = write_clip(tmp_path / "green.avi", ["green"] * (4 * FPS), size=size, fps=FPS)
    clip = side_by_side(tmp_path / "clips" / "match.avi", [pitch, green])
    regions = ["--region", "left=0,0,0.5,1", "--region", "right=0.5,0,0.5,1"]
    review("--input", clip, "--smoothing", "viterbi", "--size", 8, *regions)
    folder = tmp_path / "review"
    opened = open_page(folder / "index.html")
    opened.wait("clip && player.ready")
    opened.page.get_by_role("button", name="match (left)").click()
    opened.wait_for_clip("match.left")
    opened.ask(f"player.go({2 * FPS})")
    opened.press("s", "ArrowUp", "t")
    opened.page.keyboard.type("pitch")
    opened.press("Enter")
    opened.press("g")
    opened.wait_for_clip("match.right")
    assert [segment[2] for segment in opened.segments()] == ["green"]
    opened.press("Home", "Enter")
    save = opened.page.get_by_role("button", name="Save all corrected")
    table = opened.download(save.click, folder)
    assert "../clips/match.avi,left,0.000000,2.000000,pitch" in table.read_text()

    model, labels = tmp_path / "new.model", tmp_path / "new.pickle"
    said = run_train(
        *("--dataset", photo_folders, folder, "--labels", "all", "--epochs", 40, "--views", 1),
        *("--backbone", "efficientnet-lite0", "--engine", "keras", "--cache", tmp_path / "cache"),
        *("--every", 0.1, "-m", model, "-l", labels, "-p", tmp_path / "plot.png", *regions),
    )
    assert "learning 4 activities" in said
    result = tmp_path / "after.json"
    run_predict(
        *("--model", model, "--label-bin", labels, "--input", clip, "--json", result, *regions),
        *("--engine", "keras", "--cache", tmp_path / "cache", "--stride", 5),
        *("--smoothing", "viterbi", "--size", 50),
    )
    for name, label in (("left", "pitch"), ("right", "green")):
        after = json.loads((tmp_path / f"after.{name}.json").read_text())
        assert [segment["label"] for segment in after["segments"]] == [label], after


def side_by_side(path: Path, halves: list[Path]) -> Path:
    """Write a clip of two clips beside one another."""
    sources = [VideoSource(half) for half in halves]
    size = (2 * sources[0].info.width, sources[0].info.height)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), sources[0].info.fps, size)
    for frames in zip(*(source.frames() for source in sources), strict=True):
        writer.write(np.hstack([frame.pixels for frame in frames]))
    writer.release()
    return path


@pytest.mark.parametrize("smoothing", ["rolling", "viterbi"])
def test_clips_that_browsers_do_not_play_get_a_copy(
    smoothing: str, review: Review, tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / "old.avi", COLOURS, size=(1280, 720))
    review(
        *("--input", clip, "--smoothing", smoothing, "--size", 8),
        *("--output", tmp_path / "labelled.mp4"),
    )
    data = data_file(tmp_path / "review", "old")
    copy = VideoSource(copy_file(tmp_path / "review", "old"))
    assert (copy.info.width, copy.info.height, copy.info.frame_count) == (854, 480, 60)
    # Nothing is drawn on the copy, as it is on the labelled clip.
    first = next(copy.frames()).pixels
    assert abs(first[5:60, 60:300].astype(int) - first[400, 400]).max() < 12
    assert content_of(data)["source"] == ".data/old.mp4"


def test_a_clip_that_fails_is_not_on_the_page_and_what_is_there_is_not_made_anew(
    review: Review, tmp_path: Path
) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    write_clip(clips / "good.avi", COLOURS)
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(bytes(5000))
    with pytest.raises(UserError, match=r"1 of 2 clips failed: .*bad\.mp4"):
        review("--input", clips, bad)
    page = tmp_path / "review" / "index.html"
    assert [one["name"] for one in index_of(page)["clips"]] == ["good"]
    page.unlink()
    again = review("--input", clips)
    assert "1 of 1 clips are labelled already" in again
    assert [one["name"] for one in index_of(page)["clips"]] == ["good"]


def test_with_stride_and_unknown(review: Review, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", COLOURS)
    review("--input", clip, "--stride", 5, "--unknown", "--smoothing", "viterbi")
    content = content_of(data_file(tmp_path / "review", "clip"))
    assert content["labels"] == ["blue", "green", "red", "unknown"]
    assert content["timing"]["frames"] == 60


def test_what_cannot_be_is_one_line(review: Review, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a live source leaves no clip to look at: leave out --r"):
        review("--input", "0")
    (tmp_path / "review").write_text("a file")
    clip = write_clip(tmp_path / "clip.avi", COLOURS)
    with pytest.raises(UserError, match="is the name of a file: --review writes a folder"):
        review("--input", clip)
    assert (tmp_path / "review").read_text() == "a file"


def test_a_clip_in_the_folder_of_the_page_is_not_written_over(
    review: Review, tmp_path: Path
) -> None:
    path = copy_file(tmp_path / "review", "clip")
    path.parent.mkdir(parents=True)
    clip = write_clip(path, COLOURS)
    before = clip.read_bytes()
    with pytest.raises(UserError, match="would overwrite"):
        review("--input", clip)
    assert clip.read_bytes() == before
