import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from activity.outcome.smoothing import RollingAverage, count_switches

probabilities = arrays(
    np.float32,
    st.tuples(st.integers(1, 60), st.integers(2, 5)),
    elements=st.floats(0, 1, width=32),
)


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


@pytest.mark.parametrize(
    ("labels", "switches"), [("", 0), ("a", 0), ("aaa", 0), ("aab", 1), ("abab", 3)]
)
def test_count_switches(labels: str, switches: int) -> None:
    assert count_switches(labels) == switches
