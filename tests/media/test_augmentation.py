"""Augmented views: always the same for a photo and a number, and never far from the photo."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.media.augmentation import augmented_view, view_of_photo
from activity.media.frame import Frame

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


sizes = st.tuples(st.integers(1, 200), st.integers(1, 200))


@given(view=st.integers(0, 100), size=sizes)
def test_every_view_of_a_photo_fits_the_network_and_is_always_the_same(
    view: int, size: tuple[int, int]
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    pixels = view_of_photo(Frame(image), DIGEST, view)
    assert (pixels.shape, pixels.dtype) == ((224, 224, 3), np.uint8)
    np.testing.assert_array_equal(view_of_photo(Frame(image), DIGEST, view), pixels)
    if view == 0:
        np.testing.assert_array_equal(pixels, Frame(image).network_input())
    if view == 1:
        np.testing.assert_array_equal(pixels, Frame(image).network_input("squashed"))


def test_augmented_views_are_more_or_less_squashed_and_reach_both_ends_of_a_photo() -> None:
    red, blue = np.zeros((100, 300, 3), np.uint8), np.zeros((100, 300, 3), np.uint8)
    red[:, :60, 2] = 255
    blue[:, 240:, 0] = 255
    photo = Frame(red + blue)
    seen = [view_of_photo(photo, DIGEST, view)[..., [0, 2]] for view in (0, *range(2, 101))]
    assert (seen[0] == 0).all()
    ends = np.array([(pixels > 128).any(axis=(0, 1)) for pixels in seen])
    assert (ends.sum(axis=0) > 20).all()
    assert ends.all(axis=1).any()
    assert (~ends).all(axis=1).sum() > 5
