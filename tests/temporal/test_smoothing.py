import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from activity.media.frame import NO_PIXELS, Frame
from activity.temporal.prediction import Prediction
from activity.temporal.record import Record, open_record
from activity.temporal.smoothing import (
    RAW,
    SMOOTHINGS,
    Classified,
    Rolling,
    RollingAverage,
    Viterbi,
    compared_smoothings,
)
from activity.temporal.viterbi import least_cost_labels

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


@contextmanager
def recorded(raw: np.ndarray, frames: int, stride: int = 1) -> Iterator[Record]:
    """A clip of so many frames, 25 a second, of which every ``stride``-th has its row."""
    with open_record(Path(), raw.shape[1], stride) as record:
        for frame in range(frames):
            record.add(frame / 25, None if frame % stride else raw[frame // stride])
        yield record


def random_raw(rows: int, seed: int = 0) -> np.ndarray:
    """Probabilities of a clip in which the activity changes now and then."""
    random = np.random.default_rng(seed)
    own = np.repeat(random.integers(0, 3, rows // 20 + 1), 20)[:rows]
    return (0.6 * random.dirichlet([0.5] * 3, rows) + 0.4 * np.eye(3)[own]).astype(np.float32)


@settings(deadline=None)
@given(st.integers(1, 150), st.integers(1, 80), st.integers(0, 100))
def test_viterbi_labels_and_the_means_of_their_stretches(frames: int, size: int, seed: int) -> None:
    raw = random_raw(frames, seed)
    with recorded(raw, frames) as record:
        made = list(Viterbi(size).predictions(record))
    labels = least_cost_labels([raw], size / 2)
    assert [each.frame for each in made] == list(range(frames))
    assert [each.time for each in made] == [frame / 25 for frame in range(frames)]
    assert [each.label for each in made] == labels.tolist()
    assert all((each.raw == row).all() for each, row in zip(made, raw, strict=True))
    for _, stretch in groupby(made, key=lambda each: each.label):
        own = list(stretch)
        mean = raw[[each.frame for each in own]].mean(axis=0, dtype=np.float64)
        for each in own:
            np.testing.assert_allclose(each.smoothed, mean, atol=1e-9)
            assert each.probability == each.smoothed[each.label]
            assert (each.smoothed == own[0].smoothed).all(), "it would tremble"


@pytest.mark.parametrize(("stride", "change"), [(1, 40), (2, 40), (3, 41), (8, 37), (25, 38)])
def test_with_a_stride_a_change_lies_midway(stride: int, change: int) -> None:
    # Frames 0 to 39 are of one activity, those after it of another.
    frames = 90
    raw = np.eye(2, dtype=np.float32)[[int(at >= 40) for at in range(0, frames, stride)]]
    with recorded(raw, frames, stride) as record:
        made = list(Viterbi(20).predictions(record))
    assert [each.label for each in made] == [0] * change + [1] * (frames - change)
    assert [each.raw is None for each in made] == [at % stride > 0 for at in range(frames)]
    before, after = -(-change // stride) * stride - stride, -(-change // stride) * stride
    assert before < 40 <= after
    assert abs(change - (before + after) / 2) <= 1


@pytest.mark.parametrize("stride", [1, 2, 4, 8])
def test_sizes_count_frames_whatever_the_stride(stride: int) -> None:
    def switches(shot: int) -> int:
        truth = np.repeat([0, 1, 0], [160, shot, 160])
        raw = np.eye(2, dtype=np.float32)[truth[::stride]]
        with recorded(raw, len(truth), stride) as record:
            return np.count_nonzero(np.diff(Viterbi(64).labels(record).astype(int)))

    assert switches(64 - stride) == 0
    assert switches(64 + stride) == 2


@settings(deadline=None)
@given(st.integers(1, 100), st.integers(1, 40), st.integers(1, 9))
def test_a_recorded_clip_is_averaged_as_one_that_comes(frames: int, size: int, stride: int) -> None:
    raw = random_raw(-(-frames // stride))
    predict = Rolling(size).start(stride)
    with recorded(raw, frames, stride) as record:
        again = list(Rolling(size).predictions(record))
        labels = Rolling(size).labels(record)
        live: list[Prediction] = [predict(time, row) for time, row in record.read()]
    assert labels.tolist() == [each.label for each in live]
    for first, second in zip(live, again, strict=True):
        assert (first.frame, first.time, first.label) == (second.frame, second.time, second.label)
        assert (first.smoothed == second.smoothed).all()
        assert first.label == first.smoothed.argmax()


def classified(raw: np.ndarray, taken: list[int]) -> Classified:
    """A stream of frames that are white, and note which of them were asked for."""
    for number, row in enumerate(raw):
        taken.append(number)
        yield Frame(np.full((2, 2, 3), 255, np.uint8), number / 25), row


@pytest.mark.parametrize("way", SMOOTHINGS)
def test_a_stream_is_labelled_as_its_record_is(way: str) -> None:
    smoothing, raw, taken = SMOOTHINGS[way](20), random_raw(150), []
    with recorded(raw, 150) as record, open_record(Path(), 3) as empty:
        expected = list(smoothing.predictions(record))
        labelled = smoothing.label(classified(raw, taken), empty)
        assert len(taken) == (150 if smoothing.needs_whole_clip else 0)
        for (frame, made), wanted in zip(labelled, expected, strict=True):
            assert (frame.seconds, made.time) == (wanted.time, wanted.time)
            assert (frame.pixels is NO_PIXELS) == smoothing.needs_whole_clip
            assert (made.frame, made.label) == (wanted.frame, wanted.label)
            assert (made.smoothed == wanted.smoothed).all()
            if not smoothing.needs_whole_clip:
                assert len(taken) == made.frame + 1, "a label should be known at once"


@pytest.mark.parametrize("way", SMOOTHINGS)
def test_closing_early_releases_the_stream(way: str) -> None:
    released = []

    def stream() -> Classified:
        try:
            yield from classified(random_raw(50), [])
        finally:
            released.append(True)

    with open_record(Path(), 3) as record:
        labelled = SMOOTHINGS[way](20).label(stream(), record)
        next(labelled)
        labelled.close()
    assert released == [True]


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
