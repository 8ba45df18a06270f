"""Frames of none of the activities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.network.unknown import (
    UNSURE,
    Answers,
    add_unknown,
    format_unknown,
    known_confidence,
    unsure_share,
    with_unknown,
)

KNOWN = np.linspace(0.5, 0.995, 100)


def sure(highest: float) -> np.ndarray:
    return np.array([[highest, 1 - highest]], np.float32)


@given(
    st.lists(st.floats(0.5, 1), min_size=1, max_size=20),
    st.lists(st.floats(0, 1), min_size=1, max_size=20),
)
def test_probabilities_keep_their_sum_and_their_order(
    highest: list[float], known: list[float]
) -> None:
    rest = np.array([[p, (1 - p) * 0.75, (1 - p) * 0.25] for p in highest], np.float32)
    answers = add_unknown(rest, np.sort(known))
    assert answers.shape == (len(highest), 4)
    assert answers.dtype == np.float32
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)
    assert (answers >= 0).all()
    known_part = answers[:, :3]
    np.testing.assert_allclose(known_part, rest * (1 - answers[:, 3:]), atol=1e-6)


@given(st.floats(0.5, 1), st.floats(0.5, 1))
def test_the_less_sure_the_more_unknown(first: float, second: float) -> None:
    lower, higher = sorted((first, second))
    assert add_unknown(sure(lower), KNOWN)[0, -1] >= add_unknown(sure(higher), KNOWN)[0, -1]


def test_the_share_of_less_sure_photos_decides() -> None:
    # 10 of 100 known photos are less sure than 0.55: half of what counts as unsure.
    assert add_unknown(sure(0.5499), KNOWN)[0, -1] == pytest.approx(1 - 0.1 / UNSURE)
    assert add_unknown(sure(0.5), KNOWN)[0, -1] == 1
    assert add_unknown(sure(0.999), KNOWN)[0, -1] == 0
    assert add_unknown(sure(0.7), KNOWN)[0, -1] == 0
    assert add_unknown(sure(0.5499), KNOWN, 0.4)[0, -1] == pytest.approx(1 - 0.1 / 0.4)
    assert add_unknown(sure(0.5499), KNOWN, 0.1)[0, -1] == pytest.approx(0)


def test_a_network_that_has_learned_many_outliers_has_to_be_less_sure() -> None:
    assert unsure_share(0) == unsure_share(499) == UNSURE
    assert unsure_share(500) < UNSURE


def test_an_engine_gets_one_more_answer() -> None:
    def engine(stream):
        return ((tag, pixels.mean() / 255 * np.array([1, 0], np.float32)) for tag, pixels in stream)

    frames = [(number, np.full((2, 2, 3), value)) for number, value in enumerate([255, 0])]
    answers = list(with_unknown(engine, KNOWN.tolist())(frames))
    assert [tag for tag, _ in answers] == [0, 1]
    np.testing.assert_allclose([answer for _, answer in answers], [[1, 0, 0], [0, 0, 1]])


def test_confidence_is_kept_in_order_and_bounded() -> None:
    few = known_confidence(np.array([0.9, 0.6], np.float32))
    assert few == pytest.approx([0.6, 0.9])
    random = np.random.default_rng(0).uniform(0.5, 1, 50_000)
    many = known_confidence(random)
    assert len(many) == 1000
    assert many == sorted(many)
    assert (many[0], many[-1]) == (random.min(), random.max())
    # A photo has the same rank among the quantiles as among all.
    assert np.searchsorted(many, 0.7) / 1000 == pytest.approx((random < 0.7).mean(), abs=0.002)


def test_what_it_would_do_to_test_photos_is_told() -> None:
    highest = np.linspace(0.55, 0.95, 41)
    probabilities = np.stack([highest, 1 - highest], axis=1)
    truth = np.zeros(41, int)
    truth[[0, 20]] = 1
    # Of 41 photos, 0 to 40 of 40 are less sure: unknown where 1 - u / 0.14 is more
    # than (u / 0.14) times the highest probability, so for the first four.
    known, none = Answers.of(probabilities), Answers.of(probabilities[:0])
    assert format_unknown(known, truth, none, none) == (
        "--unknown would call 9.8% of the test images unknown, one by one; "
        "of the 2 that get a wrong label, 1"
    )
    unsure, sure = np.array([[0.5, 0.5]]), np.array([[0.95, 0.05]])
    one = Answers.of(np.array([[0.9, 0.1]])), np.array([0])
    assert "100.0%" in format_unknown(*one, Answers.of(np.concatenate([unsure, sure])), none)
    unseen = Answers.of(np.repeat([*unsure, *sure], 2, axis=0))
    assert format_unknown(known, truth, Answers.of(unsure), unseen) == (
        "--unknown would call 9.8% of the test images unknown, one by one, and 50.0% of 4 photos "
        "of activities never seen; of the 2 that get a wrong label, 1; of the 1 frames that are "
        "labelled unknown, 1"
    )
