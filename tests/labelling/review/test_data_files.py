"""The data of a page's clips: no clip takes another's place, and labels are read again."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.labelling.review.data_files import data_file, data_of_clip, read_labelled_frames
from activity.labelling.review.writer import write_clip
from activity.temporal.segments import Segment
from tests.common.test_tables import NAMES
from tests.labelling.review.drawn_page import FPS, review_clip

TIMES = [number / FPS for number in range(50)]


def clip_with(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def put_on_page(folder: Path, clip: Path, name: str) -> str:
    """Label a clip, and return the name of its data."""
    data = data_of_clip(folder, name, clip)
    write_clip(folder, review_clip(clip, TIMES, name=data.stem))
    return data.name


def test_clips_of_one_name_labelled_in_separate_runs_are_both_there(tmp_path: Path) -> None:
    folder = tmp_path / "review"
    may = clip_with(tmp_path / "may/match.mp4", b"may")
    june = clip_with(tmp_path / "june/match.mp4", b"june")
    july = clip_with(tmp_path / "july/match.mp4", b"july")
    for _ in range(2):
        assert put_on_page(folder, may, "match") == "match.js"
        assert put_on_page(folder, june, "match") == "match~2.js"
        assert put_on_page(folder, july, "match") == "match~3.js"
    # One that was edited, or moved, is the same clip.
    clip_with(june, b"edited")
    assert data_of_clip(folder, "match", june) == data_file(folder, "match~2")
    moved = july.rename(tmp_path / "match.mp4")
    assert data_of_clip(folder, "match", moved) == data_file(folder, "match~3")


def test_clips_whose_path_is_not_told_are_known_by_their_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path that leads into somebody's home is not on the page: both are called match.mp4."""
    folder = tmp_path / "review"
    one = clip_with(tmp_path / "anna/one/match.mp4", b"one")
    other = clip_with(tmp_path / "anna/other/match.mp4", b"other")
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "anna")
    assert put_on_page(folder, one, "match") == "match.js"
    assert put_on_page(folder, other, "match") == "match~2.js"
    assert data_of_clip(folder, "match", one) == data_file(folder, "match")


def test_what_a_page_says_of_each_frame_is_read(tmp_path: Path) -> None:
    clip = clip_with(tmp_path / "match.mp4", b"a clip")
    labels = ["football", "tennis", "unknown"]
    segments = [Segment(0, 0.4, "tennis"), Segment(0.4, 1.2, "unknown"), Segment(1.2, 2, "tennis")]
    drawn = review_clip(clip, TIMES, labels=labels, segments=segments)
    write_clip(tmp_path, drawn)
    data = data_file(tmp_path, "match")
    found = read_labelled_frames(data, drawn.shown, ["tennis", "golf"])
    np.testing.assert_array_equal(found.numbers, [0] * 10 + [2] * 20 + [0] * 20)
    np.testing.assert_allclose(found.times, TIMES, atol=1e-6)
    assert found.labels == labels
    found = read_labelled_frames(data, drawn.shown, ["golf", "unknown"])
    np.testing.assert_array_equal(found.numbers, [-2] * 10 + [1] * 20 + [-2] * 20)
    assert read_labelled_frames(data, drawn.shown._replace(digest="0" * 64), labels) is None
    data.write_text(data.read_text().split("\n")[0] + "\ntakeClip({")
    assert read_labelled_frames(data, drawn.shown, labels) is None
    assert read_labelled_frames(tmp_path / "none.js", drawn.shown, labels) is None


@given(st.lists(NAMES, min_size=3, max_size=3, unique=True))
def test_any_label_on_a_page_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, labels: list[str]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    clip = clip_with(folder / "match.mp4", b"a clip")
    segments = [
        Segment(0, 0.4, labels[2]),
        Segment(0.4, 1.2, labels[0]),
        Segment(1.2, 2, labels[1]),
    ]
    drawn = review_clip(clip, TIMES, labels=labels, segments=segments)
    write_clip(folder, drawn)
    found = read_labelled_frames(data_file(folder, "match"), drawn.shown, labels)
    np.testing.assert_array_equal(found.numbers, [2] * 10 + [0] * 20 + [1] * 20)
