"""Labels of the least cost: the true minimum, found in one pass, of which little is kept."""

import tracemalloc
from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from activity.temporal.smoothing import least_cost_labels

short_clips = st.tuples(st.integers(1, 7), st.integers(2, 3)).flatmap(
    lambda shape: arrays(
        np.float32, shape, elements=st.floats(0, 1, width=32) | st.sampled_from([0, 0.5, 1])
    )
)
penalties = st.floats(0, 4) | st.sampled_from([0, 0.5, 1, 1.5])


def cost(probabilities: np.ndarray, labels: tuple[int, ...], penalty: float) -> float:
    own = sum(1 - float(row[label]) for row, label in zip(probabilities, labels, strict=True))
    return own + penalty * np.count_nonzero(np.diff(labels))


def shots(*lengths: int) -> np.ndarray:
    """Frames of a network that is sure of label 0, then of 1, then of 0 again, and so on."""
    return np.eye(2)[np.repeat(np.arange(len(lengths)) % 2, lengths)]


@settings(deadline=None)
@given(short_clips, penalties, st.integers(1, 7))
def test_no_other_labels_cost_less(clip: np.ndarray, penalty: float, cut: int) -> None:
    found = least_cost_labels([clip[:cut], clip[cut:]], penalty)
    frames, labels = clip.shape
    least = min(cost(clip, each, penalty) for each in product(range(labels), repeat=frames))
    assert found.shape == (frames,)
    assert cost(clip, tuple(found.tolist()), penalty) == pytest.approx(least, abs=1e-9)


@settings(deadline=None)
@given(st.integers(0, 1000), st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_it_does_not_matter_where_a_clip_is_cut(seed: int, lengths: list[int]) -> None:
    clip = np.random.default_rng(seed).dirichlet([0.3] * 5, sum(lengths)).astype(np.float32)
    pieces = np.split(clip, np.cumsum(lengths)[:-1])
    np.testing.assert_array_equal(least_cost_labels(pieces, 2), least_cost_labels([clip], 2))


@settings(deadline=None)
@given(st.integers(2, 60), st.integers(1, 59), st.integers(0, 1000))
def test_a_shot_shorter_than_the_size_never_changes_the_label(
    size: int, length: int, seed: int
) -> None:
    length = min(length, size - 1)
    clip = shots(2 * size, length, 2 * size)
    inside = slice(2 * size, 2 * size + length)
    clip[inside] = np.random.default_rng(seed).dirichlet([0.2, 0.2], length)
    assert set(least_cost_labels([clip], size / 2).tolist()) == {0}


@settings(deadline=None)
@given(st.integers(2, 60), st.lists(st.integers(61, 120), min_size=1, max_size=5))
def test_a_change_that_stays_is_found_on_its_very_frame(size: int, lengths: list[int]) -> None:
    clip = shots(*lengths)
    np.testing.assert_array_equal(least_cost_labels([clip], size / 2), clip.argmax(axis=1))


def test_one_confident_mistake_weighs_no_more_than_a_frame() -> None:
    clip = np.tile([0.6, 0.4], (100, 1))
    clip[50] = [0, 1]
    assert set(least_cost_labels([clip], 4).tolist()) == {0}


def test_no_frames_have_no_labels() -> None:
    assert least_cost_labels([], 1).shape == (0,)


@pytest.mark.parametrize(("labels", "dtype"), [(2, np.uint8), (256, np.uint8), (300, np.uint16)])
def test_labels_take_the_smallest_type(labels: int, dtype: type) -> None:
    found = least_cost_labels([np.eye(labels)], penalty=0)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.arange(labels))


def test_a_frame_costs_a_few_bytes() -> None:
    """Ten hours take less than 20 MB."""
    labels, frames, at_once = 22, 40_960, 1024
    random = np.random.default_rng(0)
    some = random.dirichlet([0.1] * labels, at_once).astype(np.float32)

    def clip(frames: int) -> Iterator[np.ndarray]:
        for _ in range(frames // at_once):
            yield some

    def peak(frames: int) -> int:
        tracemalloc.start()
        least_cost_labels(clip(frames), 4)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert (peak(frames) - peak(frames // 2)) / (frames // 2) < 16
