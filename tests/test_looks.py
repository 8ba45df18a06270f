"""What frames look like by ImageNet's names: for --unknown, and told to a person."""

import json
import pickle
from contextlib import closing
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from sklearn.preprocessing import LabelBinarizer

from activity.common.errors import UserError
from activity.labelling.review.data_files import ShownPart, read_labelled_frames
from activity.media.clip import VideoSource
from activity.media.images import Image
from activity.network.artifacts import load_label_file, save_classifier
from activity.network.backbone import FEATURES, PREPROCESSING, frozen_convolution
from activity.network.classifier import Classifier
from activity.network.engine import EngineOptions
from activity.network.imagenet_names import NAMES
from activity.network.profiles import NAMES_KEPT, Likeness
from activity.training.features.sets import Examples, FeatureSets
from activity.training.learning.int8 import write_int8_version
from tests.conftest import COLOURS_BGR, RunMain, Trained

LABELS = sorted(COLOURS_BGR)
NAME_OF = {"blue": 978, "green": 970, "red": 933}
"""Seashore, alp and cheeseburger."""
BASEBALL, BALLPLAYER = 429, 981
GREY_BGR = (200, 200, 205)


@pytest.fixture(scope="session")
def named(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A tiny model that is sure of everything, and whose names tell grey from the three colours."""
    folder = tmp_path_factory.mktemp("named")
    files = Trained(folder / "activity.model", folder / "lb.pickle", folder / "cache")
    pixels = keras.Input((224, 224, 3), name="pixels")
    scale = frozen_convolution(
        PREPROCESSING, np.eye(3, dtype=np.float32) / 25, np.zeros(3, np.float32)
    )
    pooled = keras.layers.AveragePooling2D((224, 224))(scale(pixels))
    features = keras.layers.Flatten(name=FEATURES)(pooled)
    layer = keras.layers.Dense(3, activation="softmax")
    model = keras.Model(pixels, layer(features))
    rgb_of_bgr = np.eye(3, dtype=np.float32)[::-1]
    # Of grey it says blue, with as much certainty as of anything.
    layer.set_weights([2 * rgb_of_bgr, np.array([5, 0, 0], np.float32)])
    classifier = np.zeros((4, NAMES), np.float16)
    classifier[3] = -6
    for label, row in zip(LABELS, rgb_of_bgr.T, strict=True):
        classifier[:3, NAME_OF[label]] = 2 * row - 1
        classifier[3, NAME_OF[label]] = 0
    classifier[:3, [BASEBALL, BALLPLAYER]] = 0.8, 0.85
    classifier[3, [BASEBALL, BALLPLAYER]] = -8
    profiles = np.zeros((3, 2, NAMES), np.float16)
    for number, label in enumerate(LABELS):
        profiles[number, :, NAME_OF[label]] = 1
    save_classifier(
        model,
        LabelBinarizer().fit(LABELS),
        known_confidence=[0.5, 0.6],
        likeness=Likeness(classifier, profiles, tuple(np.linspace(0.7, 0.95, 26).tolist())),
        model_path=files.model,
        label_bin_path=files.label_bin,
    )
    return files


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds of red, two of a grey that is no activity, two of blue."""
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 30, (160, 120))
    for colour in (COLOURS_BGR["red"], GREY_BGR, COLOURS_BGR["blue"]):
        for number in range(60):
            frame = np.full((120, 160, 3), colour, np.uint8)
            frame[:, number % 160] = 255
            writer.write(frame)
    writer.release()
    return path


def flags_of(files: Trained) -> tuple[object, ...]:
    return ("--model", files.model, "--label-bin", files.label_bin, "--cache", files.cache)


@pytest.mark.parametrize("engine", ["keras", "openvino"])
def test_the_page_the_json_and_the_line_say_what_an_unknown_segment_looks_like(
    named: Trained, clip: Path, tmp_path: Path, engine: str, run_predict: RunMain
) -> None:
    said = run_predict(
        *(*flags_of(named), "--input", clip, "--engine", engine, "--unknown"),
        *("--smoothing", "viterbi", "--size", 16, "--csv", tmp_path / "t.csv"),
        *("--json", tmp_path / "s.json", "--review", tmp_path / "page"),
    )
    assert "[INFO] unknown, 0:02 to 0:04: looks like ballplayer, baseball\n" in said
    segments = json.loads((tmp_path / "s.json").read_text())["segments"]
    assert [segment["label"] for segment in segments] == ["red", "unknown", "blue"]
    assert [segment.get("looks_like") for segment in segments] == [
        *(None, ["ballplayer", "baseball"], None)
    ]
    header, *rows = (tmp_path / "t.csv").read_text().splitlines()
    assert header.split(",")[-4:] == ["p_blue", "p_green", "p_red", "p_unknown"]
    assert len(rows) == 180
    (data,) = (tmp_path / "page/.data").glob("*.js")
    assert '"ballplayer, baseball"' in data.read_text()
    digest = json.loads(data.read_text().split("\n")[0].removeprefix("// "))["id"]
    shown = ShownPart(digest, (0, 0))
    assert read_labelled_frames(data, shown, [*LABELS, "unknown"]) is not None


@pytest.mark.parametrize("smoothing", ["rolling", "viterbi"])
def test_clips_with_pixels_and_strides_say_it_too(
    named: Trained, clip: Path, tmp_path: Path, smoothing: str, run_predict: RunMain
) -> None:
    run_predict(
        *(*flags_of(named), "--input", clip, "--output", tmp_path / "o.mp4", "--stride", 4),
        *("--smoothing", smoothing, "--size", 16, "--unknown", "--json", tmp_path / "s.json"),
    )
    segments = json.loads((tmp_path / "s.json").read_text())["segments"]
    looks = {segment["label"]: segment.get("looks_like") for segment in segments}
    assert looks["unknown"] == ["ballplayer", "baseball"]


def test_without_unknown_nothing_changes(
    named: Trained, clip: Path, tmp_path: Path, run_predict: RunMain
) -> None:
    bare = load_without_likeness(named, tmp_path)
    tables = []
    for number, files in enumerate((named, bare)):
        table, summary = tmp_path / f"{number}.csv", tmp_path / f"{number}.json"
        said = run_predict(*flags_of(files), "--input", clip, "--csv", table, "--json", summary)
        assert "looks like" not in said
        assert "looks_like" not in summary.read_text()
        tables.append(table.read_bytes())
    assert tables[0] == tables[1]


def load_without_likeness(files: Trained, folder: Path) -> Trained:
    """The same model with a label binarizer as earlier versions wrote it."""
    labels = load_label_file(files.label_bin)
    older = LabelBinarizer().fit(labels.classes)
    older.known_confidence_ = labels.known_confidence
    older.framing_ = labels.framing
    (folder / "older.pickle").write_bytes(pickle.dumps(older))
    return files._replace(label_bin=folder / "older.pickle")


def test_a_label_binarizer_of_an_earlier_version_works_as_before(
    named: Trained, clip: Path, tmp_path: Path, run_predict: RunMain
) -> None:
    said = run_predict(
        *(*flags_of(load_without_likeness(named, tmp_path)), "--input", clip, "--unknown"),
        *("--smoothing", "viterbi", "--size", 16, "--json", tmp_path / "s.json"),
    )
    assert "looks like" not in said
    segments = json.loads((tmp_path / "s.json").read_text())["segments"]
    # It is sure of grey, as of all else.
    assert "unknown" not in {segment["label"] for segment in segments}


def test_int8_gives_both_in_one_pass(named: Trained, clip: Path, tmp_path: Path) -> None:
    pytest.importorskip("nncf", reason="requirements-int8.txt is not installed")
    model = tmp_path / "activity.model"
    model.write_bytes(named.model.read_bytes())
    classifier = Classifier.load(model, named.label_bin)
    with closing(VideoSource(clip)) as source:
        frames = [frame.network_input("centre", 224) for frame in source.frames()]
    paths = []
    for number, frame in enumerate(frames[::20]):
        paths.append(tmp_path / f"{number}.png")
        cv2.imwrite(str(paths[-1]), frame[..., ::-1])
    images = [Image(str(path)) for path in paths]
    examples = Examples(
        images, np.zeros((len(images), 3)), np.zeros((1, 1)), np.zeros((len(images), 1), int)
    )
    nothing = examples.take(np.arange(0))
    sets = FeatureSets(LABELS, examples, examples, *[nothing] * 3, [])
    agrees, _ = write_int8_version(classifier, sets, named.cache)
    assert "same label on 100.0%" in agrees
    options = EngineOptions("int8", cache_folder=named.cache)
    stream = list(enumerate(frames[::30]))
    plain = np.stack([row for _, row in classifier.open(options)(stream)])
    assert plain.shape == (6, 3)
    rows = np.stack([row for _, row in classifier.with_unknown().open(options)(stream)])
    assert rows.shape == (6, 4 + 2 * NAMES_KEPT)
    assert (rows[:, 3] > 0.5).tolist() == [False, False, True, True, False, False]
    assert rows[2, 4 : 4 + NAMES_KEPT].astype(int)[rows[2, 4 + NAMES_KEPT :].argmax()] == BALLPLAYER
    exact = np.stack(
        [row for _, row in classifier.open(EngineOptions("openvino", cache_folder=None))(stream)]
    )
    np.testing.assert_allclose(plain, exact, atol=0.02)


@pytest.mark.parametrize("engine", ["keras", "openvino"])
def test_labels_of_another_model_are_a_clear_error(
    named: Trained, trained: Trained, engine: str
) -> None:
    classifier = Classifier.load(trained.model, named.label_bin).with_unknown()
    with pytest.raises(UserError, match=r"was written with another model than .*one training run"):
        classifier.open(EngineOptions(engine))
