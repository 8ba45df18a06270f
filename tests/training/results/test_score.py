"""What is read from predictions of the test photos."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from activity.media.images import Image
from activity.training.results.score import wilson_interval
from tests.training.results.evaluations import evaluation_of


def test_mistakes_come_most_confident_first() -> None:
    probabilities = np.array([[0.9, 0.1], [0.3, 0.7], [0.6, 0.4], [0.05, 0.95]])
    evaluation = evaluation_of(
        ["a", "b"], [*map(Image, "wxyz")], np.array([0, 0, 1, 0]), probabilities
    )
    assert evaluation.mistakes() == [3, 1, 2]
    assert evaluation.accuracy == pytest.approx(0.25)


def test_no_mistakes() -> None:
    evaluation = evaluation_of(["a", "b"], [Image("x")], np.array([1]), np.array([[0.2, 0.8]]))
    assert evaluation.mistakes() == []
    assert evaluation.accuracy == 1


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_wilsons(trials: tuple[int, int]) -> None:
    right, count = trials
    expected = binomtest(right, count).proportion_ci(0.95, "wilson")
    assert wilson_interval(right / count, count) == pytest.approx(tuple(expected), abs=1e-6)


def test_of_no_trials_nothing_is_known() -> None:
    assert wilson_interval(float("nan"), 0) == (0, 1)


def test_frames_of_one_clip_say_no_more_than_one_photo() -> None:
    photos = [Image(f"{number}.jpg") for number in range(4)]
    frames = [Image("c.mp4", float(number)) for number in range(96)]
    truth = np.repeat([0, 1], [4, 96])
    evaluation = evaluation_of(["a", "b", "c"], photos + frames, truth, np.eye(3)[truth])
    of_photos, of_frames, of_none = evaluation.recalls()
    assert (of_photos.label, of_photos.share, of_photos.files) == ("a", 1, 4)
    assert (of_photos.low, of_photos.high) == pytest.approx((0.510, 1), abs=0.001)
    assert (of_frames.label, of_frames.share, of_frames.files) == ("b", 1, 1)
    assert of_frames.low == pytest.approx(0.207, abs=0.001)
    assert np.isnan(of_none.share)
    assert of_none[2:] == (0, 0, 1)
