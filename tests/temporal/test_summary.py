"""The summary of a clip: its label, its switches and its segments."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.temporal.prediction import Prediction
from activity.temporal.smoothing import RollingAverage
from activity.temporal.summary import Summary

LABELS = ["football", "tennis", "weight_lifting"]
FPS = 25.0

winners_of_frames = st.lists(st.sampled_from([0, 1, 2, None]), max_size=60).map(
    lambda winners: winners and [winners[0] or 0, *winners[1:]]
)


def predictions(winners: list[int | None], size: int = 4) -> list[Prediction]:
    """One prediction a winner; None is a frame that was not classified."""
    average = RollingAverage(size)
    mean = np.zeros(3)
    made = []
    for frame, winner in enumerate(winners):
        raw = None
        if winner is not None:
            raw = np.full(3, 0.1, np.float32)
            raw[winner] = 0.8
            mean = average.push(raw)
        made.append(Prediction(frame, frame / FPS, raw, mean, int(mean.argmax())))
    return made


def summarise(frames: list[Prediction]) -> Summary:
    summary = Summary(LABELS)
    for prediction in frames:
        summary.add(prediction)
    return summary


def switches(labels: list[int]) -> int:
    return sum(label != before for before, label in pairwise(labels))


@given(winners_of_frames, st.integers(1, 8))
def test_segments_tile_the_clip(winners: list[int | None], size: int) -> None:
    frames = predictions(winners, size)
    segments = summarise(frames).as_dict(end=len(frames) / FPS)["segments"]
    covered = [n for s in segments for n in range(s["first_frame"], s["last_frame"] + 1)]
    assert covered == list(range(len(frames)))
    for segment, following in pairwise(segments):
        assert segment["end"] == following["start"]
        assert segment["label"] != following["label"]
    if frames:
        assert segments[0]["start"] == 0
        assert segments[-1]["end"] == len(frames) / FPS
    for segment in segments:
        drawn = LABELS[frames[segment["first_frame"]].label]
        assert segment["label"] == drawn


@given(winners_of_frames, st.integers(1, 8))
def test_switches_are_those_of_the_labels(winners: list[int | None], size: int) -> None:
    frames = predictions(winners, size)
    summary = summarise(frames)
    assert summary.raw_switches == switches([w for w in winners if w is not None])
    assert summary.switches == switches([p.label for p in frames])


def test_overall_label_is_that_of_the_mean_raw_prediction() -> None:
    outcome = summarise(predictions([1, 1, 1, 2])).as_dict(end=4 / FPS)
    assert outcome["overall"]["label"] == "tennis"
    assert outcome["overall"]["probability"] == pytest.approx((0.8 * 3 + 0.1) / 4)
    assert outcome["overall"]["probabilities"]["weight_lifting"] == pytest.approx(1.1 / 4)


def test_frames_not_classified_count_as_read_only() -> None:
    outcome = summarise(predictions([1, None, None, 2, None])).as_dict(end=5 / FPS)
    assert outcome["frames"] == {"read": 5, "classified": 2}
    assert outcome["overall"]["probability"] == pytest.approx(0.45)


def test_summary_of_no_frames_has_no_label() -> None:
    outcome = summarise([]).as_dict(end=0)
    assert outcome["overall"]["label"] is None
    assert outcome["overall"]["probability"] is None
    assert outcome["segments"] == []
