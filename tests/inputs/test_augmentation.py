"""Augmented views: always the same for a photo and a number, and never far from the photo."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.inputs.augmentation import augmented_view

DIGEST = "ab" * 32
views = st.integers(1, 10_000)


def photo(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (224, 224, 3), dtype=np.uint8)


def test_view_0_is_the_photo_itself() -> None:
    np.testing.assert_array_equal(augmented_view(photo(), DIGEST, 0), photo())


@given(view=views)
def test_a_view_depends_on_photo_and_number_alone(view: int) -> None:
    first = augmented_view(photo(), DIGEST, view)
    augmented_view(photo(), DIGEST, view + 1)
    np.testing.assert_array_equal(augmented_view(photo(), DIGEST, view), first)


def test_views_differ_by_number_and_by_photo() -> None:
    assert not np.array_equal(
        augmented_view(photo(), DIGEST, 1), augmented_view(photo(), DIGEST, 2)
    )
    assert not np.array_equal(
        augmented_view(photo(), DIGEST, 1), augmented_view(photo(), "cd" * 32, 1)
    )


@given(view=views, colour=st.tuples(*[st.integers(0, 255)] * 3))
def test_edges_are_filled_with_the_nearest_pixel(view: int, colour: tuple[int, ...]) -> None:
    plain = np.full((64, 64, 3), colour, np.uint8)
    np.testing.assert_array_equal(augmented_view(plain, DIGEST, view), plain)


@given(view=views)
def test_the_middle_of_the_photo_is_shifted_by_a_fifth_at_most(view: int) -> None:
    dot = np.zeros((201, 201, 3), np.uint8)
    dot[98:103, 98:103] = 255
    rows, columns = np.nonzero(augmented_view(dot, DIGEST, view)[..., 0] > 64)
    assert len(rows) > 0
    assert abs(rows.mean() - 100) <= 0.2 * 201 + 2
    assert abs(columns.mean() - 100) <= 0.2 * 201 + 2


def test_about_half_of_the_views_are_mirrored() -> None:
    left_is_bright = np.zeros((101, 101, 3), np.uint8)
    left_is_bright[:, :50] = 255
    mirrored = [
        augmented_view(left_is_bright, DIGEST, view)[..., 0][:, 90:].mean()
        > augmented_view(left_is_bright, DIGEST, view)[..., 0][:, :10].mean()
        for view in range(1, 201)
    ]
    assert np.mean(mirrored) == pytest.approx(0.5, abs=0.12)
