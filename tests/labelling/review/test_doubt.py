"""How doubtful a segment is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.labelling.review.doubt import WeighedSegment, clip_doubt, doubt, weigh_segments
from activity.temporal.segments import Segment
from tests.predictions import predictions_of

shares = st.floats(0, 1)


def test_a_small_margin_and_many_switches_are_doubtful() -> None:
    assert doubt("tennis", 1.0, 0.0, 0, 100) == 0
    assert doubt("tennis", 0.75, 0.25, 0, 100) == pytest.approx(0.5)
    assert doubt("tennis", 0.5, 0.5, 0, 100) == 1
    assert doubt("tennis", 0.9, 0.1, 4, 101) == pytest.approx(0.4)
    assert doubt("tennis", 1.0, 0.0, 60, 101) == 1
    assert doubt("unknown", 1.0, 0.0, 0, 100) == 1


def test_many_labels_alone_raise_no_doubt() -> None:
    """With 22 labels a sure network gives the label 0.3 where it gave 0.9 with three."""
    assert doubt("tennis", 0.3, 0.1, 0, 50) == pytest.approx(doubt("tennis", 0.9, 0.3, 0, 50))


@given(shares, shares, st.integers(0, 1000), st.integers(0, 1000))
def test_doubt_lies_between_0_and_1_and_grows_with_switches(
    own: float, other: float, switches: int, frames: int
) -> None:
    value = doubt("tennis", own, other, switches, frames)
    assert 0 <= value <= 1
    assert value <= doubt("tennis", own, other, switches + 1, frames)


def test_each_segment_is_weighed_by_its_own_frames() -> None:
    raw = np.tile(np.array([[0.9, 0.1]], np.float32), (40, 1))
    raw[20:] = [0.3, 0.7]
    raw[25] = [0.6, 0.4]
    segments = [Segment(0, 2, "tennis"), Segment(2, 4, "football")]
    first, second = weigh_segments(predictions_of(raw, ["tennis", "football"], fps=10), segments)
    assert first == WeighedSegment(segments[0], 0, pytest.approx(0.2, abs=1e-6))
    own, other = float(raw[20:, 1].mean()), float(raw[20:, 0].mean())
    expected = max(1 - (own - other) / (own + other), 2 / 19 / 0.1)
    assert second == WeighedSegment(segments[1], 2, pytest.approx(min(1, expected), abs=1e-6))


def test_frames_between_the_steps_of_a_stride_count_for_nothing() -> None:
    clip = predictions_of(np.tile([0.8, 0.2], (3, 1)), "ab", stride=4, frames=10, fps=10)
    # The second segment has no classified frame: nothing speaks for its label.
    first, second = weigh_segments(clip, [Segment(0, 0.9, "a"), Segment(0.9, 1.0, "b")])
    assert first.doubt == pytest.approx(0.4)
    assert second.doubt == 1


def test_a_clip_is_as_doubtful_as_its_segments_are_over_time() -> None:
    segments = [
        WeighedSegment(Segment(0, 9, "a"), 0, 0.1),
        WeighedSegment(Segment(9, 10, "b"), 0, 1.0),
    ]
    assert clip_doubt(segments) == pytest.approx(0.19)
    assert clip_doubt([]) == 0
