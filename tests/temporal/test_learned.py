"""The stretches of clips that a model has learned from, as text and as frames."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.media.frame import Window
from activity.temporal.learned import (
    LearnedSpan,
    format_spans,
    is_learned,
    parse_spans,
    spans_of,
)

ONE = LearnedSpan("0" * 64, 0, 2.5)
microseconds = st.integers(0, 10**11)
windows = st.builds(Window, *[st.integers(0, 10**4)] * 2, *[st.integers(16, 10**4)] * 2)


@given(
    st.lists(
        st.tuples(
            st.text("0123456789abcdef", min_size=64, max_size=64),
            microseconds,
            microseconds,
            st.none() | windows,
        )
    )
)
def test_stretches_come_back(drawn: list[tuple[str, int, int, Window | None]]) -> None:
    stretches = [
        LearnedSpan(digest, start / 1e6, (start + length + 1) / 1e6, window)
        for digest, start, length, window in drawn
    ]
    stretches.append(ONE._replace(end=float("inf")))
    back = parse_spans(format_spans(stretches))
    for one, other in zip(back, stretches, strict=True):
        assert (one.digest, one.window) == (other.digest, other.window)
        np.testing.assert_allclose(one[1:3], other[1:3], atol=1e-6)


@pytest.mark.parametrize(
    "line",
    [
        *("tennis", "0 1", "00 0 1", "{0} 1 1", "{0} nan 1", "{0} 0 nan", "{0} -1 1", ""),
        *("{0} 0 1 2", "{0} 0 1 0,0,16", "{0} 0 1 0,0,-16,16", "{0} 0 1 0,0,16,16 left"),
    ],
)
def test_any_other_text_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_spans(line.format("0" * 64) + "\n")


def test_frames_in_a_stretch_are_found_whatever_rounding_does() -> None:
    times = np.arange(10) / 3
    table = f"{1 / 3:.6f}", f"{2:.6f}"
    inside = is_learned(times, [ONE._replace(start=float(table[0]), end=float(table[1]))])
    assert np.flatnonzero(inside).tolist() == [1, 2, 3, 4, 5]
    assert not is_learned(times, []).any()


@given(windows, windows)
def test_a_part_is_known_where_the_same_pixels_were_learned(one: Window, other: Window) -> None:
    spans = [ONE._replace(window=one), LearnedSpan("f" * 64, 0, 1, one)]
    assert spans_of(spans, ONE.digest, one) == spans_of(spans, ONE.digest) == spans[:1]
    assert spans_of([ONE], ONE.digest, one) == [ONE]
    shared = [
        max(0, min(end) - max(start))
        for start, end in (
            ((one.left, other.left), (one.right, other.right)),
            ((one.top, other.top), (one.bottom, other.bottom)),
        )
    ]
    smaller = min(one.width * one.height, other.width * other.height)
    is_known = bool(spans_of(spans, ONE.digest, other))
    assert is_known == (shared[0] * shared[1] >= smaller / 2)
    # What was learned and what is judged may change places.
    assert is_known == bool(spans_of([ONE._replace(window=other)], ONE.digest, one))


def test_a_neighbour_that_overlaps_a_little_is_not_known() -> None:
    left, right = Window(0, 0, 340, 480), Window(320, 0, 320, 480)
    assert spans_of([ONE._replace(window=left)], ONE.digest, right) == []
