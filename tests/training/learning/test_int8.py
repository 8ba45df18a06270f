"""The int8 version of a model."""

from pathlib import Path

import keras
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.media.images import Image
from activity.network.backbone import PREPROCESSING, frozen_convolution
from activity.network.classifier import Classifier
from activity.network.engine import EngineOptions
from activity.training.features.sets import Examples, FeatureSets
from activity.training.learning import int8
from activity.training.learning.int8 import share_of_equal_labels, write_int8_version
from tests.conftest import COLOURS_BGR, RunMain, RunScript, Trained, decode_photo, write_clip


@pytest.fixture(scope="module", autouse=True)
def _nncf() -> None:
    pytest.importorskip("nncf", reason="requirements-int8.txt is not installed")


@pytest.fixture
def photos(photo_folders: Path) -> list[Image]:
    paths = sorted(photo_folders.rglob("*.jpg"))
    names = [path.relative_to(photo_folders).as_posix() for path in paths]
    return [Image(name, folder=photo_folders) for name in names]


def sets_of(training: list[Image], test: list[Image]) -> FeatureSets:
    """Sets of which the images alone count."""

    def examples(images: list[Image]) -> Examples:
        rows = np.zeros((len(images), 1), int)
        return Examples(images, np.zeros((len(images), 3)), np.zeros((1, 1)), rows)

    return FeatureSets(
        sorted(COLOURS_BGR), examples(training), examples(test), *[examples([])] * 3, []
    )


@pytest.fixture
def classifier(trained: Trained, tmp_path: Path) -> Classifier:
    """A copy of the tiny model, so that what is written beside it is this test's own."""
    copy = tmp_path / "activity.model"
    copy.write_bytes(trained.model.read_bytes())
    return Classifier.load(copy, trained.label_bin)


def test_the_int8_version_is_kept_and_gives_the_same_labels(
    classifier: Classifier, trained: Trained, photos: list[Image], tmp_path: Path
) -> None:
    older = tmp_path / "activity.model.0123456789abcdef.int8"
    older.mkdir()
    unreadable = tmp_path / "unreadable.jpg"
    unreadable.write_text("no photo")
    sets = sets_of(
        [*photos[::2], Image(str(unreadable))],
        [*photos[1::2], Image(str(unreadable)), Image("gone.jpg")],
    )
    agrees, wrote = write_int8_version(classifier, sets, trained.cache)
    assert agrees == "int8 gives the same label on 100.0% of the test images"
    folder = classifier.int8_folder
    assert wrote == f"wrote {folder}; use it with: predict_video.py --engine int8"
    assert sorted(path.name for path in folder.iterdir()) == ["network.bin", "network.xml"]
    assert not older.exists()

    engine = classifier.open(EngineOptions("int8"))
    pixels = [decode_photo(photo.file.read_bytes()) for photo in photos]
    labels = sorted(COLOURS_BGR)
    found = [labels[output.argmax()] for _, output in engine((None, p) for p in pixels)]
    assert found == [photo.path.split("/")[0] for photo in photos]


def test_a_cache_that_cannot_be_written_costs_no_int8_version(
    classifier: Classifier, photos: list[Image], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("no folder")
    sets = sets_of(photos[::2], photos[1::2])
    agrees, _ = write_int8_version(classifier, sets, in_the_way / "cache")
    assert "same label on 100.0%" in agrees
    assert (classifier.int8_folder / "network.xml").is_file()
    assert f"[INFO] the exported network is not kept in {in_the_way}" in capsys.readouterr().out


def test_the_int8_version_is_not_kept_where_labels_change(
    classifier: Classifier, trained: Trained, photos: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(int8, "LEAST_AGREEMENT", 1.01)
    model = classifier.model
    before = model.read_bytes()
    (said,) = write_int8_version(classifier, sets_of(photos[::2], []), trained.cache)
    assert "int8 would give another label on 0.0% of the training images" in said
    assert [path.name for path in model.parent.iterdir()] == [model.name]
    assert model.read_bytes() == before


def test_the_share_of_equal_labels_is_counted() -> None:
    def always(label: int):
        return lambda stream: ((tag, np.eye(2, dtype=np.float32)[label]) for tag, _ in stream)

    def brightness(stream):
        return ((tag, np.array([128, pixels.mean()])) for tag, pixels in stream)

    photos = [np.full((4, 4, 3), value, np.uint8) for value in (0, 10, 20, 200)]
    assert share_of_equal_labels(always(0), brightness, photos) == 0.75
    assert share_of_equal_labels(brightness, always(1), photos) == 0.25


def test_a_missing_package_is_named_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"not installed: pip install -r requirements-int8\.txt"):
        int8.check_installed()


def small_backbone(*_: str) -> keras.Model:
    """A network with a convolution to quantize, and in place of a minute a moment of work."""
    keras.utils.set_random_seed(0)
    pixels = keras.Input((224, 224, 3), name="pixels")
    scale = frozen_convolution(
        PREPROCESSING, np.eye(3, dtype=np.float32) / np.float32(50), np.zeros(3, np.float32)
    )
    pooled = keras.layers.AveragePooling2D((32, 32))(scale(pixels))
    features = keras.layers.Flatten()(keras.layers.Conv2D(4, 3, 2)(pooled))
    backbone = keras.Model(pixels, features, name="small")
    backbone.trainable = False
    return backbone


def test_train_writes_it_and_predict_video_runs_it(
    photo_folders: Path,
    tmp_path: Path,
    run_train: RunMain,
    run_script: RunScript,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "activity.network.backbone.build_with_classifier",
        lambda *which: (small_backbone(*which), None),
    )
    files = ["--model", tmp_path / "m", "--label-bin", tmp_path / "lb", "--cache", tmp_path / "c"]
    said = run_train(
        *("--dataset", photo_folders, "--labels", "all", *files, "--plot", tmp_path / "p.png"),
        *("--views", 1, "--epochs", 60, "--int8"),
    )
    assert "int8 gives the same label on 100.0% of the test images" in said
    assert "Statistics collection" not in said  # NNCF's progress bars

    clip = write_clip(tmp_path / "clip.avi", ["red"] * 5)
    done = run_script(
        *("predict_video.py", *files, "--input", clip, "--output", tmp_path / "out.avi"),
        *("--engine", "int8", "--display", "off"),
    )
    assert done.returncode == 0, done.stderr
    assert "clip.avi: red" in done.stdout
