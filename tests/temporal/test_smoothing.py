import pickle
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from activity.temporal import smoothing as smoothing_module
from activity.temporal.smoothing import (
    RAW,
    SMOOTHINGS,
    Rolling,
    RollingAverage,
    Viterbi,
    compared_smoothings,
    least_cost_labels,
    run_starts,
)
from tests.predictions import predictions_of, random_raw

probabilities = arrays(
    np.float32,
    st.tuples(st.integers(1, 60), st.integers(2, 5)),
    elements=st.floats(0, 1, width=32),
)


@settings(deadline=None)
@given(probabilities, st.integers(1, 80))
def test_it_is_the_plain_mean_of_the_last_predictions(predictions: np.ndarray, size: int) -> None:
    average = RollingAverage(size)
    for number, prediction in enumerate(predictions):
        window = predictions[max(0, number + 1 - size) : number + 1]
        expected = window.astype(np.float64).mean(axis=0)
        np.testing.assert_allclose(average.push(prediction), expected, rtol=0, atol=1e-9)


def test_it_stays_exact_over_hours_of_video() -> None:
    random = np.random.default_rng(0)
    predictions = random.dirichlet([0.1] * 3, size=500_000).astype(np.float32)
    average = RollingAverage(128)
    for prediction in predictions:
        mean = average.push(prediction)
    expected = predictions[-128:].astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(mean, expected, rtol=0, atol=1e-9)


@settings(deadline=None)
@given(st.integers(1, 150), st.integers(1, 80), st.integers(0, 100))
def test_viterbi_labels_and_the_means_of_their_stretches(frames: int, size: int, seed: int) -> None:
    raw = random_raw(frames, seed)
    clip = predictions_of(raw)
    numbers = Viterbi(size).numbers(clip)
    smoothed = np.concatenate(list(Viterbi(size).smoothed(clip, numbers)))
    assert numbers.tolist() == least_cost_labels([raw], size / 2).tolist()
    assert smoothed.shape == raw.shape
    for _, stretch in groupby(range(frames), key=lambda frame: numbers[frame]):
        own = list(stretch)
        mean = raw[own].mean(axis=0, dtype=np.float64)
        np.testing.assert_allclose(smoothed[own], np.tile(mean, (len(own), 1)), atol=1e-9)
        assert (smoothed[own] == smoothed[own[0]]).all(), "it would tremble"


@pytest.mark.parametrize(("stride", "change"), [(1, 40), (2, 40), (3, 41), (8, 37), (25, 38)])
def test_with_a_stride_a_change_lies_midway(stride: int, change: int) -> None:
    # Frames 0 to 39 are of one activity, those after it of another.
    frames = 90
    raw = np.eye(2, dtype=np.float32)[[int(at >= 40) for at in range(0, frames, stride)]]
    numbers = Viterbi(20).numbers(predictions_of(raw, "ab", stride=stride, frames=frames))
    assert numbers.tolist() == [0] * change + [1] * (frames - change)
    before, after = -(-change // stride) * stride - stride, -(-change // stride) * stride
    assert before < 40 <= after
    assert abs(change - (before + after) / 2) <= 1


@pytest.mark.parametrize("stride", [1, 2, 4, 8])
def test_sizes_count_frames_whatever_the_stride(stride: int) -> None:
    def switches(shot: int) -> int:
        truth = np.repeat([0, 1, 0], [160, shot, 160])
        raw = np.eye(2, dtype=np.float32)[truth[::stride]]
        clip = predictions_of(raw, "ab", stride=stride, frames=len(truth))
        return len(run_starts(Viterbi(64).numbers(clip))) - 1

    assert switches(64 - stride) == 0
    assert switches(64 + stride) == 2


@settings(deadline=None)
@given(st.integers(1, 100), st.integers(1, 40), st.integers(1, 9), st.integers(1, 20))
def test_a_whole_clip_is_averaged_as_one_that_comes(
    frames: int, size: int, stride: int, at_once: int
) -> None:
    """To the bit: what is drawn on a frame as it comes is what the table says at the end."""
    raw = random_raw(-(-frames // stride))
    clip = predictions_of(raw, stride=stride, frames=frames)
    average = RollingAverage(max(1, size // stride))
    live = np.repeat([average.push(row) for row in raw], stride, axis=0)[:frames]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(smoothing_module, "_FRAMES_AT_ONCE", at_once)
        numbers = Rolling(size).numbers(clip)
        again = np.concatenate(list(Rolling(size).smoothed(clip, numbers)))
    assert (again == live).all()
    assert (numbers == live.argmax(axis=1)).all()


@pytest.mark.parametrize("way", SMOOTHINGS)
@settings(deadline=None)
@given(st.integers(1, 90), st.integers(1, 9), st.integers(1, 90), st.integers(0, 50))
def test_a_clip_that_ended_early_has_smoothed_probabilities_of_each_frame(
    way: str, frames: int, stride: int, kept: int, seed: int
) -> None:
    raw = random_raw(-(-frames // stride), seed)
    clip = predictions_of(raw, stride=stride, frames=frames)
    smoothing = SMOOTHINGS[way](5)
    numbers = smoothing.numbers(clip)[:kept]
    smoothed = np.concatenate(list(smoothing.smoothed(clip.first(kept), numbers)))
    assert smoothed.shape == (min(kept, frames), 3)
    np.testing.assert_allclose(smoothed.sum(axis=1), 1, atol=1e-5)


def test_smoothings_are_values() -> None:
    assert Rolling(8) == Rolling(8) != Rolling(9)
    assert Rolling(8) != Viterbi(8)
    assert len({Rolling(8), Viterbi(8), Rolling(8)}) == 2
    assert pickle.loads(pickle.dumps(Viterbi(8))) == Viterbi(8)
    assert Rolling(1) == RAW


def test_every_size_is_compared_in_both_ways_and_with_no_smoothing() -> None:
    compared = compared_smoothings(16, [4, 16, 1])
    assert [(each.way, each.size, each.name) for each in compared] == [
        ("rolling", 1, "raw"),
        ("viterbi", 1, "Viterbi 1"),
        ("rolling", 4, "average of 4"),
        ("viterbi", 4, "Viterbi 4"),
        ("rolling", 16, "average of 16"),
        ("viterbi", 16, "Viterbi 16"),
    ]
