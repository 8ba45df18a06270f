"""Bouts of labels, exact on segments made by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.temporal.bouts import Footage, bouts_of, in_bins, joined, transitions
from activity.temporal.segments import Segment

MATCH = Footage(
    0,
    60,
    [
        Segment(0, 5, "pause"),
        Segment(5, 6, "rally"),
        Segment(6, 7, "rally"),  # touches the one before: one bout
        Segment(7, 9, ""),
        Segment(9, 15, "rally"),
        Segment(20, 24, "serve"),
    ],
)
OTHER = Footage(0, 30, [Segment(10, 14, "rally"), Segment(14, 30, "pause")])


def test_the_bouts_of_a_clip() -> None:
    rally = bouts_of([MATCH], "rally")
    assert rally.as_dict() == {
        "seconds": 8,
        "share": 8 / 60,
        "bouts": 2,
        "mean": 4,
        "median": 4,
        "longest": 6,
        "latency": 5,
        "per_minute": 2,
    }
    none = bouts_of([MATCH], "golf")
    assert (none.seconds, none.share, none.bouts, none.per_minute) == (0, 0, 0, 0)
    assert (none.mean, none.median, none.longest, none.latency) == (None, None, None, None)


def test_the_bouts_of_several_clips_are_pooled() -> None:
    rally = bouts_of([MATCH, OTHER], "rally")
    assert (rally.seconds, rally.bouts, rally.longest) == (12, 3, 6)
    assert rally.share == pytest.approx(12 / 90)
    assert (rally.mean, rally.median) == (4, 4)
    assert rally.latency == 7.5
    assert rally.per_minute == 2
    assert bouts_of([MATCH, OTHER], "serve").latency == 20  # of the clip that has one


def test_transitions_are_counted_within_clips() -> None:
    counts = transitions([MATCH, OTHER], ["pause", "rally", "serve"])
    assert counts.tolist() == [[0, 1, 0], [1, 1, 1], [0, 0, 0]]


def test_bins_cut_what_lies_in_two() -> None:
    bins = in_bins(MATCH, 25)
    assert [(part.start, part.end) for part in bins] == [(0, 25), (25, 50), (50, 60)]
    bins = in_bins(MATCH, 10)
    assert [bouts_of([part], "rally").seconds for part in bins] == [3, 5, 0, 0, 0, 0]
    assert [bouts_of([part], "rally").latency for part in bins[:2]] == [5, 0]


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=30),
    labels=st.lists(st.sampled_from("abc"), min_size=30, max_size=30),
    width=st.floats(0.5, 40),
)
def test_shares_of_footage_without_gaps_add_up_and_bins_to_the_whole(
    lengths: list[int], labels: list[str], width: float
) -> None:
    edges = np.cumsum([0, *lengths]).tolist()
    segments = [
        Segment(start, end, label)
        for start, end, label in zip(edges, edges[1:], labels, strict=False)
    ]
    footage = Footage(0, edges[-1], segments)
    found = {label: bouts_of([footage], label) for label in "abc"}
    assert sum(each.share for each in found.values()) == pytest.approx(1)
    bins = in_bins(footage, width)
    for label, each in found.items():
        parts = [bouts_of([part], label).seconds for part in bins]
        assert sum(parts) == pytest.approx(each.seconds)
    assert transitions([footage], "abc").sum() == len(joined(segments)) - 1
