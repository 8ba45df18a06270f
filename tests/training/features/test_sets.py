"""What is learned from and tested with: images, features and targets that stay together."""

from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.media.images import Image, hash_files
from activity.network.engine import EngineOptions
from activity.training.data.labelled import ImageSets, Outliers, SampledFrames
from activity.training.features.sets import (
    Examples,
    FeatureSets,
    compute_feature_sets,
    with_features_of,
)


@pytest.fixture(scope="module")
def backbone() -> keras.Model:
    """Its features are the mean colour."""
    pixels = keras.Input((224, 224, 3))
    return keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(pixels))


def draw(folder: Path, name: str, grey: int) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    cv2.imwrite(str(folder / name), np.full((60, 80, 3), grey, np.uint8))


@pytest.fixture
def sets(tmp_path: Path) -> ImageSets:
    """Greys 10, 20, ...: four to train on, two to test with, three others."""
    names = ["a/1.png", "a/2.png", "b/1.png", "b/2.png", "a/3.png", "b/3.png"]
    names += ["other/1.png", "go/1.png", "chess/1.png"]
    for number, name in enumerate(names, 1):
        draw(tmp_path, name, 10 * number)
    digests = hash_files(tmp_path, names)
    images = [Image(name, None, tmp_path, digests[name]) for name in names]
    labels = {image: image.path[0] for image in images[:6]} | {images[6]: "unknown"}
    nothing = SampledFrames()
    outliers = Outliers(photos=images[7:8], unseen=images[8:])
    return ImageSets(images[:4], images[4:6], images[6:7], labels, nothing, outliers)


def compute(sets: ImageSets, backbone: keras.Model, views: int = 2) -> FeatureSets:
    return compute_feature_sets(sets, ["a", "b"], backbone, views, EngineOptions("keras"))


def test_each_image_has_its_own_features_and_target(sets: ImageSets, backbone: keras.Model) -> None:
    features = compute(sets, backbone)
    assert features.unreadable == []
    for examples, images, greys in (
        (features.train, sets.training, [10, 20, 30, 40]),
        (features.test, sets.test, [50, 60]),
        (features.unknown, sets.unknown, [70]),
        (features.outliers, sets.outliers.photos, [80]),
        (features.unseen, sets.outliers.unseen, [90]),
    ):
        assert list(examples.images) == images
        np.testing.assert_allclose(examples.features()[:, 0], greys, atol=0.1)
    assert features.train.views == 2
    np.testing.assert_allclose(features.train.features(view=1)[:, 0], [10, 20, 30, 40], atol=0.1)
    assert features.train.labels.tolist() == [0, 0, 1, 1]
    assert features.test.targets.tolist() == [[1, 0], [0, 1]]
    assert features.unknown.targets.tolist() == features.unseen.targets.tolist() == [[0, 0]]
    assert features.outliers.targets.tolist() == [[0.5, 0.5]]
    learned = features.learned
    assert [*learned.images] == [*sets.training, *sets.outliers.photos]
    np.testing.assert_allclose(learned.features(view=1)[:, 0], [10, 20, 30, 40, 80], atol=0.1)


def test_an_image_that_cannot_be_read_takes_nothing_else_with_it(
    sets: ImageSets, backbone: keras.Model
) -> None:
    flawed = [sets.training[1], sets.test[0], sets.unknown[0], *sets.outliers.photos]
    for image in flawed:
        image.file.write_bytes(b"not a photo")
    features = compute(sets, backbone)
    assert features.unreadable == flawed
    assert [len(features.outliers), len(features.unseen)] == [0, 1]
    assert features.learned.images == features.train.images
    assert [image.path for image in features.train.images] == ["a/1.png", "b/1.png", "b/2.png"]
    np.testing.assert_allclose(features.train.features()[:, 0], [10, 30, 40], atol=0.1)
    np.testing.assert_allclose(features.test.features()[:, 0], [60], atol=0.1)
    assert features.test.labels.tolist() == [1]
    assert len(features.unknown) == 0


def test_a_class_of_which_nothing_can_be_read_is_one_clear_line(
    sets: ImageSets, backbone: keras.Model
) -> None:
    for image in sets.training[2:]:
        image.file.unlink()
    named = ", ".join(str(image) for image in sets.training[2:])
    with pytest.raises(UserError, match=f"nothing to learn b from.*; cannot be read: {named}"):
        compute(sets, backbone)


def test_a_backbone_that_has_learned_sees_what_is_tested_with_anew(
    sets: ImageSets, backbone: keras.Model
) -> None:
    features = compute(sets, backbone)
    learned = keras.Model(backbone.input, keras.layers.Rescaling(2.0)(backbone.output))
    draw(sets.test[0].folder, sets.test[0].path, 99)
    anew = with_features_of(learned, features, EngineOptions("keras"))
    np.testing.assert_allclose(anew.test.features()[:, 0], [120], atol=0.2)
    np.testing.assert_allclose(anew.unknown.features()[:, 0], [140], atol=0.2)
    np.testing.assert_allclose(anew.unseen.features()[:, 0], [180], atol=0.2)
    assert anew.unreadable == [sets.test[0]]
    assert anew.train is features.train
    np.testing.assert_allclose(features.test.features()[:, 0], [50, 60], atol=0.1)


def test_some_examples_are_taken_by_their_places_or_by_a_mask() -> None:
    table = np.arange(12, dtype=np.float32).reshape(6, 2)
    images = [Image(name) for name in "xyz"]
    examples = Examples(images, np.eye(3, dtype=np.float32), table, np.arange(6).reshape(3, 2))
    for places in (np.array([2, 0]), np.array([True, False, True])):
        some = examples.take(places)
        order = np.arange(3)[places].tolist()
        assert list(some.images) == [images[place] for place in order]
        assert some.labels.tolist() == order
        assert some.features(view=1).tolist() == table[[2 * place + 1 for place in order]].tolist()
    assert some.table is table
    one_view_each = examples.features(np.array([0, 1, 2]), np.array([1, 0, 1]))
    assert one_view_each.tolist() == table[[1, 2, 5]].tolist()


def test_appended_examples_keep_their_own_features_in_every_view() -> None:
    table = np.arange(12, dtype=np.float32).reshape(6, 2)
    two = Examples(
        [Image("a"), Image("b")], np.eye(2, dtype=np.float32), table, np.arange(4).reshape(2, 2)
    )
    outliers = Examples([Image("c"), Image("d")], np.full((2, 2), 0.5), table, np.array([[4], [5]]))
    both = two.joined(outliers)
    assert [image.path for image in both.images] == ["a", "b", "c", "d"]
    assert both.features(view=0).tolist() == table[[0, 2, 4, 5]].tolist()
    assert both.features(view=1).tolist() == table[[1, 3, 4, 5]].tolist()
    assert both.known.tolist() == [True, True, False, False]
