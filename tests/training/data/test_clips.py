"""Which frames of a clip teach which label: by its folder, or by the table beside it."""

import math
import os
import sqlite3
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.media.images import Image, hash_files
from activity.temporal.segments import Segment
from activity.training.data.clips import BOUNDARY, sample_frames, times_to_learn_from
from activity.training.data.dataset import Found
from activity.training.data.labelled import LabelledClip
from activity.training.data.split import build_sets
from tests.conftest import posix, write_clip

LABELS = ["football", "tennis"]


@given(
    st.lists(st.floats(0, 50), min_size=2, max_size=8, unique=True),
    st.floats(0.1, 60),
    st.sampled_from([0.25, 0.5, 1, 2.5]),
)
def test_times_lie_in_their_segments_and_clear_of_their_boundaries(
    bounds: list[float], length: float, every: float
) -> None:
    bounds.sort()
    segments = [
        Segment(start, end, LABELS[number % 2])
        for number, (start, end) in enumerate(pairwise(bounds))
    ]
    times = times_to_learn_from(segments, length, every)
    assert times == sorted(times)
    for seconds, label, spacing in times:
        assert 0 <= seconds < length
        assert seconds / spacing == pytest.approx(round(seconds / spacing))
        assert math.log2(every / spacing) == round(math.log2(every / spacing)) >= 0
        (segment,) = [s for s in segments if s.start <= seconds <= s.end and s.label == label]
        assert segment.start == 0 or seconds - segment.start >= BOUNDARY - 1e-6
        at_the_end = segment is segments[-1] and segment.end > length - BOUNDARY
        assert at_the_end or segment.end - seconds >= BOUNDARY - 1e-6


def test_a_whole_clip_gives_a_frame_every_second_and_no_label_none() -> None:
    whole = times_to_learn_from([Segment(0, math.inf, "tennis")], 3.2, 1)
    assert whole == [(second, "tennis", 1) for second in range(4)]
    assert times_to_learn_from([Segment(0, 9, "")], 9, 1) == []


def test_a_label_that_is_marked_for_seconds_only_gives_frames_closer_together() -> None:
    segments = [Segment(0, 3, "tennis"), Segment(3, 3.9, "chess"), Segment(3.9, 30, "football")]
    times = times_to_learn_from(segments, 30, 1)
    assert [time for time, label, _ in times if label == "tennis"] == [
        quarter / 4 for quarter in range(11)
    ]
    assert {spacing for _, label, spacing in times if label == "football"} == {1}
    assert "chess" not in {label for _, label, _ in times}


@posix
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "tennis").mkdir()
    os.mkfifo(tmp_path / "tennis/pipe.mkv")
    clip = LabelledClip(Image("tennis/pipe.mkv", None, tmp_path), [Segment(0, math.inf, "tennis")])
    frames = sample_frames([clip], LABELS, 1)
    assert "is not a regular file" in frames.skipped["tennis/pipe.mkv"]


def test_frames_are_sampled_and_flaws_named(tmp_path: Path) -> None:
    (tmp_path / "tennis").mkdir()
    write_clip(tmp_path / "tennis/a.avi", ["red"] * 61)
    (tmp_path / "tennis/b.avi").write_bytes(b"no clip at all")
    write_clip(tmp_path / "c.avi", ["red"] * 90)
    write_clip(tmp_path / "d.avi", ["red"] * 30)
    shown = {
        "c.avi": [(0, 1, "football"), (1, 2, "chess"), (2, 3, "unknown"), (3, 9, "tennis")],
        "d.avi": [(0.2, 0.4, "tennis")],
        "tennis/a.avi": [(0, math.inf, "tennis")],
        "tennis/b.avi": [(0, math.inf, "tennis")],
    }
    clips = [
        LabelledClip(Image(path, None, tmp_path), [Segment(*segment) for segment in segments])
        for path, segments in shown.items()
    ]
    frames = sample_frames(clips, LABELS, 0.5)
    assert [(str(image), label) for image, label in frames.labels.items()] == [
        *((f"c.avi at {eighth / 8:g} s", "football") for eighth in range(5)),
        ("c.avi at 2.5 s", "unknown"),
        *((f"tennis/a.avi at {half / 2:g} s", "tennis") for half in range(5)),
    ]
    assert list(frames.skipped) == ["tennis/b.avi"]
    assert frames.too_long == ["c.avi"]
    assert frames.without_frames == ["d.avi"]


@pytest.fixture
def clips(tmp_path: Path) -> list[LabelledClip]:
    """Two clips that were made long ago."""
    for name in ("a.avi", "b.avi"):
        write_clip(tmp_path / name, ["red"] * 61)
        os.utime(tmp_path / name, (1e9, 1e9))
    whole = [Segment(0, math.inf, "tennis")]
    return [LabelledClip(Image(f"{n}.avi", None, tmp_path), whole) for n in "ab"]


def test_a_clip_that_is_known_is_not_opened_again(
    clips: list[LabelledClip], tmp_path: Path, opened: list[str], a_minute_later: None
) -> None:
    def frames() -> list[Image]:
        opened.clear()
        sets = build_sets(Found([], clips), 0.5, tmp_path / "cache", outliers=0, seed=0)
        return sets.training

    cold = frames()
    assert {"a.avi", "b.avi"} <= {*opened}
    assert frames() == cold
    assert not {"a.avi", "b.avi"} & {*opened}
    assert len({image.digest for image in cold}) == 5  # the clips are copies of each other
    # Another clip in its place is looked at again.
    write_clip(tmp_path / "a.avi", ["red"] * 31)
    assert len(frames()) == 8
    assert "b.avi" not in opened


def test_an_index_of_an_earlier_version_is_used_and_gets_lengths(
    clips: list[LabelledClip], tmp_path: Path, opened: list[str], a_minute_later: None
) -> None:
    cache = tmp_path / "cache"
    hash_files(tmp_path, ["a.avi", "b.avi"], cache)
    with closing(sqlite3.connect(cache / "digests.sqlite")) as table, table:
        if len(table.execute("PRAGMA table_info(digests)").fetchall()) == 8:
            table.execute("ALTER TABLE digests DROP COLUMN seconds")
    opened.clear()
    assert hash_files(tmp_path, ["a.avi", "b.avi"], cache)
    assert "a.avi" not in opened
    first = sample_frames(clips, LABELS, 0.5, cache)
    opened.clear()
    assert sample_frames(clips, LABELS, 0.5, cache) == first
    assert "a.avi" not in opened


def test_a_length_that_was_damaged_is_not_believed(
    clips: list[LabelledClip], tmp_path: Path, a_minute_later: None
) -> None:
    first = sample_frames(clips, LABELS, 0.5, tmp_path / "cache")
    with closing(sqlite3.connect(tmp_path / "cache/digests.sqlite")) as table, table:
        table.execute("UPDATE digests SET seconds = 100")
    assert sample_frames(clips, LABELS, 0.5, tmp_path / "cache") == first


@pytest.fixture
def a_minute_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that were just made seem to be older: what is known of others is not kept."""
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 60 * 10**9)
