"""Which frames of a clip teach which label: by its folder, or by the table beside it."""

import math
import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.temporal.segments import Segment
from activity.training.labelled_clips import (
    BOUNDARY,
    read_labels_of_clips,
    sample_frames,
    times_to_learn_from,
)
from tests.conftest import posix, write_clip

LABELS = ["football", "tennis"]


def tables(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.mp4").write_bytes(b"")
        (folder / f"{name}.csv").write_text(text)
    return folder


def test_a_clip_shows_its_folder_or_what_its_table_says(tmp_path: Path) -> None:
    (tmp_path / "tennis").mkdir()
    tables(tmp_path, match="start,end,label\n0,4.5,tennis\n4.5,60,unknown\n")
    found = {"match.mp4": "match.csv", "nobody_knows.mp4": None, "tennis/a.mp4": None}
    clips, skipped = read_labels_of_clips(tmp_path, found)
    assert skipped == {"nobody_knows.mp4": "no folder and no table says what it shows"}
    assert [clip.path for clip in clips] == ["match.mp4", "tennis/a.mp4"]
    assert clips[0].segments == [Segment(0, 4.5, "tennis"), Segment(4.5, 60, "unknown")]
    assert clips[1].segments == [Segment(0, math.inf, "tennis")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0,4,tennis\n", "the first line should be start,end,label"),
        ("start,end,label\n0,5,tennis\n4,9,football\n", "before that of line 2 ends"),
        ("start,end,label\n5,4,tennis\n", "cannot go from 5 to 4"),
        ("start,end,label\nsoon,4,tennis\n", "are not both numbers"),
    ],
)
def test_a_clip_whose_table_is_flawed_is_skipped_with_the_reason(
    tmp_path: Path, text: str, reason: str
) -> None:
    clips, skipped = read_labels_of_clips(tables(tmp_path, match=text), {"match.mp4": "match.csv"})
    assert clips == []
    assert reason in skipped["match.mp4"]


def test_a_table_in_another_encoding_is_a_reason(tmp_path: Path) -> None:
    tables(tmp_path, match="")
    (tmp_path / "match.csv").write_bytes("start,end,label\n0,4,pêche\n".encode("latin-1"))
    _, skipped = read_labels_of_clips(tmp_path, {"match.mp4": "match.csv"})
    assert "is not UTF-8" in skipped["match.mp4"]


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
    for seconds, label in times:
        assert 0 <= seconds < length
        assert seconds / every == pytest.approx(round(seconds / every))
        (segment,) = [s for s in segments if s.start <= seconds <= s.end and s.label == label]
        assert segment.start == 0 or seconds - segment.start >= BOUNDARY - 1e-6
        at_the_end = segment is segments[-1] and segment.end > length - BOUNDARY
        assert at_the_end or segment.end - seconds >= BOUNDARY - 1e-6


def test_a_whole_clip_gives_a_frame_every_second_and_no_label_none() -> None:
    whole = times_to_learn_from([Segment(0, math.inf, "tennis")], 3.2, 1)
    assert whole == [(0, "tennis"), (1, "tennis"), (2, "tennis"), (3, "tennis")]
    assert times_to_learn_from([Segment(0, 9, "")], 9, 1) == []


@posix
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "tennis").mkdir()
    os.mkfifo(tmp_path / "tennis/pipe.mkv")
    clips, _ = read_labels_of_clips(tmp_path, {"tennis/pipe.mkv": None})
    frames = sample_frames(tmp_path, clips, LABELS, 1)
    assert "is not a regular file" in frames.skipped["tennis/pipe.mkv"]


def test_frames_are_sampled_and_flaws_named(tmp_path: Path) -> None:
    (tmp_path / "tennis").mkdir()
    write_clip(tmp_path / "tennis/a.avi", ["red"] * 61)
    (tmp_path / "tennis/b.avi").write_bytes(b"no clip at all")
    write_clip(tmp_path / "c.avi", ["red"] * 90)
    (tmp_path / "c.csv").write_text(
        "start,end,label\n0,1,football\n1,2,chess\n2,3,unknown\n3,9,tennis\n"
    )
    write_clip(tmp_path / "d.avi", ["red"] * 30)
    (tmp_path / "d.csv").write_text("start,end,label\n0.2,0.9,tennis\n")
    clips, _ = read_labels_of_clips(
        tmp_path,
        {"c.avi": "c.csv", "d.avi": "d.csv", "tennis/a.avi": None, "tennis/b.avi": None},
    )
    frames = sample_frames(tmp_path, clips, LABELS, 0.5)
    labelled = [
        (str(image), label) for image, label in zip(frames.images, frames.labels, strict=True)
    ]
    assert labelled == [
        ("c.avi at 0 s", "football"),
        ("c.avi at 0.5 s", "football"),
        ("c.avi at 2.5 s", "unknown"),
        *((f"tennis/a.avi at {half / 2:g} s", "tennis") for half in range(5)),
    ]
    assert list(frames.skipped) == ["tennis/b.avi"]
    assert frames.too_long == ["c.avi"]
    assert frames.without_frames == ["d.avi"]
