"""The columns of a timeline: nothing lost in wide ones, labels as each size gives them."""

import tracemalloc
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activity.temporal import envelope as envelope_module
from activity.temporal import smoothing as smoothing_module
from activity.temporal.envelope import Envelope, envelope_of
from activity.temporal.predictions import Predictions
from activity.temporal.smoothing import (
    SMOOTHINGS,
    Rolling,
    RollingAverage,
    Smoothing,
    compared_smoothings,
    least_cost_labels,
)
from tests.predictions import FPS, predictions_of

SIZE = 4
DRAWN = Rolling(SIZE)


def random_raw(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet([0.5] * 3, frames).astype(np.float32)


def averaged(raw: np.ndarray, size: int) -> np.ndarray:
    average = RollingAverage(size)
    return np.array([average.push(row) for row in raw])


def gather(clip: Predictions, drawn: Smoothing = DRAWN, compare: tuple[int, ...] = ()) -> Envelope:
    compared = {each: each.numbers(clip) for each in compared_smoothings(drawn.size, compare)}
    return envelope_of(clip, compared, drawn)


def test_a_short_clip_has_one_column_a_frame() -> None:
    raw = random_raw(50)
    envelope = gather(predictions_of(raw))
    assert envelope.frames_per_column == 1
    assert (envelope.raw_low == raw).all()
    assert (envelope.raw_high == raw).all()
    assert envelope.raw == pytest.approx(raw)
    assert envelope.smoothed == pytest.approx(averaged(raw, SIZE))
    assert envelope.start == pytest.approx(np.arange(50) / FPS)


@settings(deadline=None, max_examples=40)
@given(frames=st.integers(1, 100), seed=st.integers(0, 1000))
def test_merged_columns_keep_extremes_means_and_counts(frames: int, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(envelope_module, "MOST_COLUMNS", 8)
        raw = random_raw(frames, seed)
        envelope = gather(predictions_of(raw), compare=(16,))
        width = envelope.frames_per_column
        sizes = [(band.size, band.way) for band in envelope.bands]
        assert sizes == [(1, "rolling"), *product((SIZE, 16), SMOOTHINGS)]
        assert len(envelope.start) == -(-frames // width) <= 8
        means = averaged(raw, SIZE)
        winners = [
            averaged(raw, size).argmax(axis=1)
            if smoothing == "rolling"
            else least_cost_labels([raw], size / 2)
            for size, smoothing in sizes
        ]
        for column in range(len(envelope.start)):
            inside = slice(column * width, (column + 1) * width)
            assert envelope.start[column] == column * width / FPS
            assert (envelope.raw_low[column] == raw[inside].min(axis=0)).all()
            assert (envelope.raw_high[column] == raw[inside].max(axis=0)).all()
            assert envelope.raw[column] == pytest.approx(raw[inside].mean(axis=0))
            assert envelope.smoothed[column] == pytest.approx(means[inside].mean(axis=0))
            for number, won in enumerate(winners):
                share = np.bincount(won[inside], minlength=3) / len(won[inside])
                assert envelope.shares[column, number] == pytest.approx(share)
        for number, won in enumerate(winners):
            assert envelope.switches[:, number].sum() == np.count_nonzero(np.diff(won.astype(int)))


def test_frames_between_strides_repeat_what_was_known() -> None:
    raw = random_raw(10)
    rolling = {1: raw, 4: averaged(raw, 2), 8: averaged(raw, 4)}
    envelope = gather(predictions_of(raw, stride=2), Rolling(8), (4,))
    for size, means in rolling.items():
        won = envelope.shares[:, envelope.bands.index(Rolling(size))].argmax(axis=1)
        assert (won == np.repeat(means.argmax(axis=1), 2)).all()
    assert envelope.smoothed == pytest.approx(np.repeat(rolling[8], 2, axis=0))
    assert (envelope.raw_high == np.repeat(raw, 2, axis=0)).all()


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_ten_hours_of_22_labels_take_less_than_100_mb(
    smoothing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a frame adds to the peak beside the predictions, with three sizes, both ways."""
    monkeypatch.setattr(smoothing_module, "_FRAMES_AT_ONCE", 256)
    raw = np.random.default_rng(0).dirichlet([0.1] * 22, 6000).astype(np.float32)
    labels = [f"activity {number}" for number in range(22)]

    def peak(frames: int) -> int:
        clip = predictions_of(raw[:frames], labels)
        tracemalloc.start()
        gather(clip, SMOOTHINGS[smoothing](8), (4, 16))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    most = {frames: peak(frames) for frames in (3000, 6000)}
    ten_hours = 10 * 3600 * 30
    assert most[6000] + (most[6000] - most[3000]) / 3000 * ten_hours < 100e6


def test_a_long_clip_has_no_more_columns() -> None:
    envelope = gather(predictions_of(random_raw(3 * envelope_module.MOST_COLUMNS)))
    assert envelope.frames_per_column == 4
    assert len(envelope.start) == 3 * envelope_module.MOST_COLUMNS // 4
