"""The columns of a timeline: nothing lost when they merge, labels as each size gives them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activity.outcome import envelope as room
from activity.outcome.envelope import Envelope
from activity.outcome.results import Prediction
from activity.outcome.smoothing import RollingAverage, count_switches

LABELS = ["football", "tennis", "weight_lifting"]
SIZE = 4
FPS = 25.0


def random_raw(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet([0.5] * 3, frames).astype(np.float32)


def averaged(raw: np.ndarray, size: int) -> np.ndarray:
    average = RollingAverage(size)
    return np.array([average.push(row) for row in raw])


def gather(raw: np.ndarray, compare: tuple[int, ...] = ()) -> Envelope:
    envelope = Envelope(LABELS, SIZE, compare)
    for frame, mean in enumerate(averaged(raw, SIZE)):
        envelope.add(Prediction(frame, frame / FPS, raw[frame], mean))
    return envelope


def test_a_short_clip_has_one_column_a_frame() -> None:
    raw = random_raw(50)
    envelope = gather(raw)
    assert envelope.frames_per_column == 1
    assert (envelope.raw_low == raw).all()
    assert (envelope.raw_high == raw).all()
    assert envelope.raw == pytest.approx(raw)
    assert envelope.averaged == pytest.approx(averaged(raw, SIZE))
    assert envelope.start == pytest.approx(np.arange(50) / FPS)


@settings(deadline=None, max_examples=40)
@given(frames=st.integers(1, 100), seed=st.integers(0, 1000))
def test_merged_columns_keep_extremes_means_and_counts(frames: int, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "MOST_COLUMNS", 8)
        raw = random_raw(frames, seed)
        envelope = gather(raw, compare=(16,))
        width = envelope.frames_per_column
        assert envelope.sizes == [1, SIZE, 16]
        assert envelope.columns == -(-frames // width) <= 8
        means = averaged(raw, SIZE)
        winners = [averaged(raw, size).argmax(axis=1) for size in envelope.sizes]
        for column in range(envelope.columns):
            inside = slice(column * width, (column + 1) * width)
            assert envelope.start[column] == column * width / FPS
            assert (envelope.raw_low[column] == raw[inside].min(axis=0)).all()
            assert (envelope.raw_high[column] == raw[inside].max(axis=0)).all()
            assert envelope.raw[column] == pytest.approx(raw[inside].mean(axis=0))
            assert envelope.averaged[column] == pytest.approx(means[inside].mean(axis=0))
            for number, won in enumerate(winners):
                share = np.bincount(won[inside], minlength=3) / len(won[inside])
                assert envelope.shares[column, number] == pytest.approx(share)
        for number, won in enumerate(winners):
            assert envelope.switches[:, number].sum() == count_switches(won.tolist())


def test_frames_between_strides_repeat_what_was_known() -> None:
    raw = random_raw(10)
    envelope = Envelope(LABELS, 8, (4,), stride=2)
    main, other = RollingAverage(4), RollingAverage(2)
    expected = []
    for frame in range(20):
        known = None
        if frame % 2 == 0:
            known = raw[frame // 2]
            mean, compared = main.push(known), other.push(known)
        expected.append([raw[frame // 2].argmax(), compared.argmax(), mean.argmax()])
        envelope.add(Prediction(frame, frame / FPS, known, mean))
    assert envelope.sizes == [1, 4, 8]
    assert (envelope.shares.argmax(axis=2) == expected).all()
    assert (envelope.raw_high == np.repeat(raw, 2, axis=0)).all()


def test_memory_does_not_grow_with_the_clip() -> None:
    envelope = gather(random_raw(3 * room.MOST_COLUMNS))
    assert envelope.frames_per_column == 4
    arrays = [value for value in vars(envelope).values() if isinstance(value, np.ndarray)]
    assert max(len(array) for array in arrays) == room.MOST_COLUMNS
