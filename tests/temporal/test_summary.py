"""The summary of a clip: its label, its switches and its segments."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.temporal.predictions import Predictions
from activity.temporal.smoothing import Rolling
from activity.temporal.summary import Summary, summarise
from tests.predictions import FPS, THREE, predictions_of

winners_of_frames = st.lists(st.sampled_from([0, 1, 2]), min_size=1, max_size=60)


def one_hot(winners: list[int]) -> np.ndarray:
    """Probabilities of 0.8 for each winner, and 0.1 for the other two labels."""
    return np.where(np.eye(3)[winners] > 0, 0.8, 0.1).astype(np.float32)


def summary_of(clip: Predictions, size: int = 4) -> Summary:
    return summarise(clip, Rolling(size).numbers(clip), "averaged")


def switches(labels: list[int]) -> int:
    return sum(label != before for before, label in pairwise(labels))


@given(winners_of_frames, st.integers(1, 8), st.integers(1, 4))
def test_segments_tile_the_clip(winners: list[int], size: int, stride: int) -> None:
    clip = predictions_of(one_hot(winners), stride=stride)
    segments = summary_of(clip, size).as_dict()["segments"]
    covered = [n for s in segments for n in range(s["first_frame"], s["last_frame"] + 1)]
    assert covered == list(range(clip.frames))
    for segment, following in pairwise(segments):
        assert segment["end"] == following["start"]
        assert segment["label"] != following["label"]
    assert segments[0]["start"] == 0
    assert segments[-1]["end"] == clip.frames / FPS
    numbers = Rolling(size).numbers(clip)
    for segment in segments:
        assert segment["label"] == THREE[numbers[segment["first_frame"]]]


@given(winners_of_frames, st.integers(1, 8))
def test_switches_are_those_of_the_labels(winners: list[int], size: int) -> None:
    clip = predictions_of(one_hot(winners))
    summary = summary_of(clip, size)
    assert summary.raw_switches == switches(winners)
    assert summary.switches == switches(Rolling(size).numbers(clip).tolist())


def test_overall_label_is_that_of_the_mean_raw_prediction() -> None:
    outcome = summary_of(predictions_of(one_hot([1, 1, 1, 2]))).as_dict()
    assert outcome["overall"]["label"] == "tennis"
    assert outcome["overall"]["probability"] == pytest.approx((0.8 * 3 + 0.1) / 4)
    assert outcome["overall"]["probabilities"]["weight_lifting"] == pytest.approx(1.1 / 4)


def test_frames_not_classified_count_as_read_only() -> None:
    outcome = summary_of(predictions_of(one_hot([1, 2]), stride=3, frames=5)).as_dict()
    assert outcome["frames"] == {"read": 5, "classified": 2}
    assert outcome["overall"]["probability"] == pytest.approx(0.45)
