"""The stretches of clips that a model has learned from, as text and as frames."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.temporal.learned import LearnedSpan, format_spans, is_learned, parse_spans

ONE = LearnedSpan("0" * 64, 0, 2.5)
microseconds = st.integers(0, 10**11)


@given(
    st.lists(
        st.tuples(st.text("0123456789abcdef", min_size=64, max_size=64), microseconds, microseconds)
    )
)
def test_stretches_come_back(drawn: list[tuple[str, int, int]]) -> None:
    stretches = [
        LearnedSpan(digest, start / 1e6, (start + length + 1) / 1e6)
        for digest, start, length in drawn
    ]
    stretches.append(ONE._replace(end=float("inf")))
    back = parse_spans(format_spans(stretches))
    assert [stretch.digest for stretch in back] == [stretch.digest for stretch in stretches]
    np.testing.assert_allclose(
        [stretch[1:] for stretch in back], [stretch[1:] for stretch in stretches], atol=1e-6
    )


@pytest.mark.parametrize(
    "line",
    ["tennis", "0 1", "00 0 1", "{0} 1 1", "{0} nan 1", "{0} 0 nan", "{0} -1 1", "{0} 0 1 2", ""],
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
