"""Feature maps on disk: in order, and gone at the end."""

from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.media.images import Image
from activity.network.engine import EngineOptions
from activity.training.learning.fine_tuning import feature_maps_on_disk, write_feature_maps
from tests.conftest import RunMain


def test_a_folder_that_cannot_be_written_is_named_before_the_features_are_computed(
    photo_folders: Path, tmp_path: Path, run_train: RunMain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activity.network.backbone.build_with_classifier", None)
    in_the_way = tmp_path / "file"
    in_the_way.write_text("no folder")
    with pytest.raises(UserError, match=r"cannot keep what the frozen stages give in .*; give --c"):
        run_train(
            *("--dataset", photo_folders, "--labels", "all", "--cache", in_the_way / "cache"),
            *("--model", tmp_path / "m", "--label-bin", tmp_path / "lb"),
            *("--plot", tmp_path / "p.png", "--fine-tune", 1),
        )


def test_each_view_is_followed_by_its_mirror_image_and_nothing_stays(tmp_path: Path) -> None:
    folder, cache = tmp_path / "photos", tmp_path / "cache"
    folder.mkdir()
    images = []
    for number in (3, 7):  # dark at the left
        pixels = np.full((224, 448, 3), number, np.uint8)
        pixels[:, :224] = 0
        cv2.imwrite(str(folder / f"{number}.png"), pixels)
        images.append(Image(f"{number}.png", folder=folder))
    pixels = keras.Input((224, 224, 3))
    frozen = keras.Model(pixels, keras.layers.AveragePooling2D(112)(pixels))
    with feature_maps_on_disk(frozen, images, 2, EngineOptions("keras", 3, cache)) as (maps, whole):
        assert whole.tolist() == [True, True]
        assert maps.shape == (2, 4, 2, 2, 3)
        assert list(cache.iterdir()) == []  # not even a killed run leaves a file
        for number, image in zip((3, 7), maps, strict=True):
            assert image[:, 0, :, 0].tolist() == [[0, number], [number, 0]] * 2


def test_where_there_is_no_room_for_all_views_the_first_ones_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((224, 224, 3), 9, np.uint8))
    pixels = keras.Input((224, 224, 3))
    frozen = keras.Model(pixels, keras.layers.AveragePooling2D(112)(pixels))
    # Two views and their mirror images, of 2 x 2 x 3 numbers of two bytes.
    monkeypatch.setattr("activity.training.learning.fine_tuning.MOST_BYTES", 2 * 2 * 2 * 2 * 3 * 2)
    grey = [Image("grey.png", folder=tmp_path, digest="")]
    with feature_maps_on_disk(frozen, grey, 5, EngineOptions("keras", 3)) as (maps, whole):
        assert maps.shape == (1, 4, 2, 2, 3)
        assert whole.all()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_one_clear_line() -> None:
    outputs = [
        ((view, side), np.zeros((4, 4, 5), np.float32)) for view in (0, 1) for side in (0, 1)
    ]
    with (
        Path("/dev/full").open("wb", buffering=0) as full,
        pytest.raises(UserError, match="No space left on device; give --cache a folder on a disk"),
    ):
        write_feature_maps(outputs, 2, full)
