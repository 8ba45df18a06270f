"""Features of photos: each view goes through the backbone once, in its life."""

import hashlib
import shutil
from contextlib import closing
from pathlib import Path

import keras
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.media.augmentation import view_of_photo
from activity.media.frame import Frame
from activity.media.images import Image, digest_of, hash_files
from activity.media.photo import decode_image
from activity.network.engine import EngineOptions
from activity.training.features.views import (
    FeatureCache,
    View,
    cache_identity,
    compute_features,
    let_go,
    rows_of_features,
)
from tests.conftest import decode_photo, write_clip
from tests.media.test_photo import TWELVE, avif, png16, tiff


@pytest.fixture(scope="module")
def backbone() -> keras.Model:
    keras.utils.set_random_seed(0)
    pixels = keras.Input((224, 224, 3))
    shrunk = keras.layers.AveragePooling2D(32)(keras.layers.Rescaling(1 / 255)(pixels))
    return keras.Model(pixels, keras.layers.Dense(6)(keras.layers.Flatten()(shrunk)))


@pytest.fixture
def dataset(photo_folders: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(photo_folders, tmp_path / "dataset"))


VIEWS = [(f"red/{number:03}.jpg", view) for number in range(3) for view in range(2)]


def views_in(dataset: Path, names: list[tuple[str, int]]) -> list[View]:
    """Views of photos of the data set, by name and number, with the digests of their files."""
    files = hash_files(dataset, sorted({name for name, _ in names}))
    return [
        View(Image(name, folder=dataset, digest=files.get(name, "")), number)
        for name, number in names
    ]


def compute(
    dataset: Path, backbone: keras.Model, names: list[tuple[str, int]], cache: Path | None = None
):
    return compute_features(views_in(dataset, names), backbone, EngineOptions("keras", 4, cache))


class Untouchable:
    """A backbone that may be asked for its size and weights, and for nothing else."""

    def __init__(self, backbone: keras.Model) -> None:
        self.name = backbone.name
        self.weights = backbone.weights
        self.output_shape = backbone.output_shape


def test_features_are_what_the_backbone_makes_of_each_view(
    dataset: Path, backbone: keras.Model
) -> None:
    features, readable = compute(dataset, backbone, VIEWS)
    pixels = [
        view_of_photo(
            Frame(decode_image(view.image.file.read_bytes())), view.image.digest, view.number
        )
        for view in views_in(dataset, VIEWS)
    ]
    expected = backbone.predict_on_batch(np.stack(pixels).astype(np.float32))
    assert readable.all()
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-5)


def test_a_second_run_needs_no_backbone(
    dataset: Path, backbone: keras.Model, tmp_path: Path
) -> None:
    first, _ = compute(dataset, backbone, VIEWS, tmp_path / "cache")
    again, readable = compute(dataset, Untouchable(backbone), VIEWS, tmp_path / "cache")
    assert readable.all()
    np.testing.assert_array_equal(again, first)


def test_a_renamed_photo_is_known_and_a_changed_one_is_not(
    dataset: Path, backbone: keras.Model, tmp_path: Path
) -> None:
    before, _ = compute(dataset, backbone, [("red/000.jpg", 0)], tmp_path / "cache")
    (dataset / "red/000.jpg").rename(dataset / "red/new.jpg")
    renamed, _ = compute(dataset, Untouchable(backbone), [("red/new.jpg", 0)], tmp_path / "cache")
    np.testing.assert_array_equal(renamed, before)
    shutil.copy(dataset / "blue/000.jpg", dataset / "red/new.jpg")
    replaced, _ = compute(dataset, backbone, [("red/new.jpg", 0)], tmp_path / "cache")
    assert not np.allclose(replaced, before)


def test_other_weights_are_never_served_the_old_features(
    dataset: Path, backbone: keras.Model, tmp_path: Path
) -> None:
    first, _ = compute(dataset, backbone, VIEWS, tmp_path / "cache")
    other = keras.models.clone_model(backbone)
    other.set_weights([weight * 2 for weight in backbone.get_weights()])
    second, _ = compute(dataset, other, VIEWS, tmp_path / "cache")
    np.testing.assert_allclose(second, first * 2, rtol=1e-4, atol=1e-5)


def test_features_of_photos_that_were_decoded_otherwise_are_not_found(
    dataset: Path, backbone: keras.Model, tmp_path: Path
) -> None:
    raw = TWELVE.astype("<u2").tobytes()
    contents = {
        "turned.avif": avif(6),
        "named wrongly.jpg": avif(6),
        "twelve.png": png16(TWELVE, 12),
        "twelve.tif": tiff(16, raw, 4095),
        "upright.avif": avif(1),
        "sixteen.png": png16(TWELVE, None),
        "sixteen.tif": tiff(16, raw),
        "red/000.jpg": (dataset / "red/000.jpg").read_bytes(),
    }
    earlier = np.full(6, 7, np.float32)
    with closing(FeatureCache(tmp_path / "cache", cache_identity(backbone))) as cache:
        for name, content in contents.items():
            (dataset / name).write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            cache.put(View(Image(name, digest=digest), 0), earlier)
    names = [(name, 0) for name in contents]
    features, readable = compute(dataset, backbone, names, tmp_path / "cache")
    assert readable.all()
    found = (features == earlier).all(axis=1).tolist()
    assert found == [False] * 4 + [True] * 4


def test_photos_that_cannot_be_read_are_marked_and_the_rest_stays_in_place(
    dataset: Path, backbone: keras.Model
) -> None:
    whole, _ = compute(dataset, backbone, VIEWS)
    (dataset / "red/001.jpg").write_bytes(b"not a photo")
    features, readable = compute(dataset, backbone, VIEWS)
    assert readable.tolist() == [True, True, False, False, True, True]
    np.testing.assert_allclose(features[readable], whole[readable], rtol=1e-4, atol=1e-5)
    (dataset / "red/001.jpg").unlink()
    assert compute(dataset, backbone, VIEWS)[1].tolist() == readable.tolist()


def test_a_photo_that_changes_after_it_was_hashed_is_skipped_and_not_kept(
    dataset: Path, backbone: keras.Model, tmp_path: Path
) -> None:
    views = views_in(dataset, [("red/000.jpg", 0), ("red/001.jpg", 0)])
    was = (dataset / "red/000.jpg").read_bytes()
    shutil.copy(dataset / "blue/000.jpg", dataset / "red/000.jpg")

    def compute() -> tuple[np.ndarray, np.ndarray]:
        return compute_features(views, backbone, EngineOptions("keras", 4, tmp_path / "cache"))

    _, readable = compute()
    assert readable.tolist() == [False, True]
    (dataset / "red/000.jpg").write_bytes(was)
    features, readable = compute()
    assert readable.all()
    pixels = decode_photo(was)[np.newaxis].astype(np.float32)
    np.testing.assert_allclose(
        features[0], backbone.predict_on_batch(pixels)[0], rtol=1e-4, atol=1e-5
    )


def test_another_clip_costs_its_own_frames_alone(
    dataset: Path, backbone: keras.Model, tmp_path: Path
) -> None:
    write_clip(dataset / "a.avi", ["red"] * 60)
    content = hash_files(dataset, ["a.avi"])["a.avi"]

    def features_of(clip: str, seconds: list[float], backbone: keras.Model) -> np.ndarray:
        images = [Image(clip, second, dataset) for second in seconds]
        views = [View(image._replace(digest=digest_of(image, content)), 0) for image in images]
        return compute_features(views, backbone, EngineOptions("keras", 4, tmp_path / "cache"))[0]

    first = features_of("a.avi", [0, 0.5, 1], backbone)
    (dataset / "a.avi").rename(dataset / "b.avi")
    again = features_of("b.avi", [0.5, 1], Untouchable(backbone))
    np.testing.assert_array_equal(again, first[1:])
    with pytest.raises(AttributeError):  # a frame that is not known needs the backbone
        features_of("b.avi", [1.5], Untouchable(backbone))


def test_features_that_memory_has_no_room_for_lie_in_a_file(
    dataset: Path, backbone: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory, _ = compute(dataset, backbone, VIEWS, tmp_path / "cache")
    monkeypatch.setattr("activity.training.features.views._MOST_IN_MEMORY", 100)
    in_file, readable = compute(dataset, backbone, VIEWS, tmp_path / "cache")
    assert isinstance(in_file, np.memmap)
    assert readable.all()
    let_go(in_file)
    np.testing.assert_array_equal(in_file, in_memory)
    # The file has no name, and is gone with the array. SQLite has a journal beside its file.
    names = {path.name.split("-")[0] for path in (tmp_path / "cache").iterdir()}
    assert names == {"features.sqlite"}
    with pytest.raises(UserError, match=r"no room for .* GB of features"):
        rows_of_features(2**50, 1280, tmp_path / "cache")
