"""The columns of a timeline: nothing lost when they merge, labels as each size gives them."""

import tracemalloc
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activity.temporal import envelope as envelope_module
from activity.temporal import record as record_room
from activity.temporal.envelope import Envelope, gather_envelope
from activity.temporal.record import open_record
from activity.temporal.smoothing import SMOOTHINGS, Rolling, RollingAverage, Viterbi
from activity.temporal.viterbi import least_cost_labels

LABELS = ["football", "tennis", "weight_lifting"]
SIZE = 4
FPS = 25.0
DRAWN = Rolling(SIZE)


def random_raw(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet([0.5] * 3, frames).astype(np.float32)


def averaged(raw: np.ndarray, size: int) -> np.ndarray:
    average = RollingAverage(size)
    return np.array([average.push(row) for row in raw])


def gather(raw: np.ndarray, compare: tuple[int, ...] = ()) -> Envelope:
    with open_record(Path(), 3) as record:
        for frame, row in enumerate(raw):
            record.add(frame / FPS, row)
        return gather_envelope(record, LABELS, DRAWN, compare, len(raw))


def test_a_short_clip_has_one_column_a_frame() -> None:
    raw = random_raw(50)
    envelope = gather(raw)
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
        envelope = gather(raw, compare=(16,))
        width = envelope.frames_per_column
        sizes = [(band.size, band.way) for band in envelope.bands]
        assert sizes == [(1, "rolling"), *product((SIZE, 16), SMOOTHINGS)]
        assert envelope.columns == -(-frames // width) <= 8
        means = averaged(raw, SIZE)
        winners = [
            averaged(raw, size).argmax(axis=1)
            if smoothing == "rolling"
            else least_cost_labels([raw], size / 2)
            for size, smoothing in sizes
        ]
        for column in range(envelope.columns):
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


def test_frames_between_strides_repeat_what_was_known(tmp_path: Path) -> None:
    raw = random_raw(10)
    rolling = {1: raw, 4: averaged(raw, 2), 8: averaged(raw, 4)}
    with open_record(tmp_path, 3, stride=2) as record:
        for frame in range(20):
            record.add(frame / FPS, None if frame % 2 else raw[frame // 2])
        envelope = gather_envelope(record, LABELS, Rolling(8), (4,), 20)
    for size, means in rolling.items():
        won = envelope.shares[:, envelope.bands.index(Rolling(size))].argmax(axis=1)
        assert (won == np.repeat(means.argmax(axis=1), 2)).all()
    assert envelope.smoothed == pytest.approx(np.repeat(rolling[8], 2, axis=0))
    assert (envelope.raw_high == np.repeat(raw, 2, axis=0)).all()


def test_a_clip_that_ended_early_is_shown_as_far_as_it_was_labelled(tmp_path: Path) -> None:
    with open_record(tmp_path, 3) as record:
        for frame, row in enumerate(random_raw(50)):
            record.add(frame / FPS, row)
        envelope = gather_envelope(record, LABELS, Viterbi(8), (), 30)
    assert envelope.columns == 30


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_ten_hours_of_22_labels_take_less_than_100_mb(
    smoothing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a frame adds to the peak, with three sizes compared in both ways."""
    monkeypatch.setattr(record_room, "_READ_AT_ONCE", 256)
    raw = np.random.default_rng(0).dirichlet([0.1] * 22, 2000).astype(np.float32)
    labels = [f"activity {number}" for number in range(22)]

    def peak(frames: int) -> int:
        tracemalloc.start()
        with open_record(tmp_path, 22) as record:
            for frame in range(frames):
                record.add(frame / FPS, raw[frame % len(raw)])
            gather_envelope(record, labels, SMOOTHINGS[smoothing](8), (4, 16), frames)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    most = {frames: peak(frames) for frames in (3000, 6000)}
    ten_hours = 10 * 3600 * 30
    assert most[6000] + (most[6000] - most[3000]) / 3000 * ten_hours < 100e6


def test_memory_does_not_grow_with_the_clip() -> None:
    envelope = gather(random_raw(3 * envelope_module.MOST_COLUMNS))
    assert envelope.frames_per_column == 4
    arrays = [value for value in vars(envelope).values() if isinstance(value, np.ndarray)]
    assert max(len(array) for array in arrays) == envelope_module.MOST_COLUMNS
