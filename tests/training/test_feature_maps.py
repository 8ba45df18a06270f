"""Feature maps on disk: in order, and gone at the end."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.network.engine import EngineOptions
from activity.training.feature_maps import feature_maps_on_disk, write_feature_maps


def pixels_of(rows: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Each row's pixels are its number, and dark at the left."""
    for row in rows:
        pixels = np.full((224, 224, 3), row, np.uint8)
        pixels[:, :112] = 0
        yield row, pixels


def test_each_view_is_followed_by_its_mirror_image_and_nothing_stays(tmp_path: Path) -> None:
    pixels = keras.Input((224, 224, 3))
    frozen = keras.Model(pixels, keras.layers.AveragePooling2D(112)(pixels))
    rows = np.array([[3, 4], [7, 9]])
    with feature_maps_on_disk(frozen, rows, pixels_of, EngineOptions("keras", 3, tmp_path)) as (
        found,
        whole,
    ):
        assert whole.tolist() == [True, True]
        assert found.shape == (2, 4, 2, 2, 3)
        assert list(tmp_path.iterdir()) == []  # not even a killed run leaves a file
        for views, image in zip(rows, found, strict=True):
            assert image[:, 0, :, 0].tolist() == [
                side for row in views for side in ([0, row], [row, 0])
            ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_one_clear_line() -> None:
    outputs = [((row, side), np.zeros((4, 4, 5), np.float32)) for row in (0, 1) for side in (0, 1)]
    with (
        Path("/dev/full").open("wb", buffering=0) as full,
        pytest.raises(UserError, match="No space left on device; give --cache a folder on a disk"),
    ):
        write_feature_maps(outputs, np.array([[0], [1]]), full)
