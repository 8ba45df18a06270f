"""How much a frame looks like the photos of a label."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.network.imagenet_names import NAMES
from activity.network.profiles import (
    PROFILES,
    Likeness,
    names_kept,
    profiles_of,
    weights_of_names,
)

NOTHING = np.zeros((2, NAMES), np.float16)


def bearing(*numbers: int) -> np.ndarray:
    """An image that bears these names alike, and all others a little."""
    names = np.full(NAMES, 1e-5, np.float32)
    names[list(numbers)] = 1
    return names / names.sum()


def likeness_of(*labels: list[np.ndarray]) -> Likeness:
    return Likeness(NOTHING, profiles_of([np.stack(photos) for photos in labels]))


def test_similarity_is_that_of_the_nearest_profile() -> None:
    likeness = likeness_of([bearing(805)] * 5 + [bearing(768)] * 3, [bearing(852)] * 4)
    names = np.stack([bearing(805), bearing(768), bearing(852), bearing(430)])
    similarity = likeness.similarity(names)
    assert similarity.shape == (4, 2)
    np.testing.assert_allclose(similarity[[0, 1, 2], [0, 0, 1]], 1, atol=0.01)
    assert similarity[3].max() < 0.2
    # Between both kinds of photos of a label it is none of them.
    assert similarity[0, 1] < 0.2


@given(st.integers(0, 2**32), st.integers(1, 30))
def test_confidence_is_never_more_than_the_highest_probability(seed: int, photos: int) -> None:
    random = np.random.default_rng(seed)
    names = random.dirichlet(np.full(NAMES, 0.01), 3 * photos).astype(np.float32)
    likeness = likeness_of(*np.split(names, 3))
    assert likeness.profiles.shape == (3, PROFILES, NAMES)
    probabilities = random.dirichlet([0.3] * 3, len(names)).astype(np.float32)
    confidence = likeness.confidence(probabilities, names)
    assert (confidence <= probabilities.max(axis=1)).all()
    assert (confidence >= 0).all()


def test_what_looks_like_no_label_lowers_the_confidence() -> None:
    likeness = likeness_of([bearing(805)] * 5, [bearing(852)] * 5)
    sure = np.array([[0.9, 0.1]] * 2, np.float32)
    known, other = likeness.confidence(sure, np.stack([bearing(805), bearing(430)]))
    assert known == pytest.approx(0.9, abs=0.01)
    assert other < 0.5


def test_names_of_frames_add_up_to_those_of_a_stretch() -> None:
    frames = [bearing(429, 981), bearing(981), bearing(981, 5)]
    weights = weights_of_names(np.stack([names_kept(frame) for frame in frames]))
    assert weights.argsort()[::-1][:3].tolist()[0] == 981
    np.testing.assert_allclose(weights[[981, 429, 5]], [2 / 3, 1 / 6, 1 / 6], atol=0.02)
    assert weights_of_names(np.empty((0, 10))).tolist() == [0] * NAMES


def test_two_readings_of_one_file_are_equal_and_others_are_not() -> None:
    def made(name: int, known: float) -> Likeness:
        return Likeness(NOTHING, profiles_of([np.stack([bearing(name)] * 3)]), (known,))

    assert made(5, 0.5) == made(5, 0.5)
    assert hash(made(5, 0.5)) == hash(made(5, 0.5))
    assert made(5, 0.5) not in (made(6, 0.5), made(5, 0.6), None)
