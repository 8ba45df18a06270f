"""What training gave: pictures that show it, and a report that says the same."""

import json
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest

from activity.media.images import Image, digest_of, hash_files
from activity.training.features.sets import Examples, FeatureSets
from activity.training.learning.head import History, Trained
from activity.training.results.report import (
    contact_sheet,
    plot_confusion,
    plot_history,
    write_report,
)
from activity.training.results.score import Evaluation, IdenticalImages, Leakage
from tests.conftest import COLOURS_BGR, write_clip
from tests.training.results.evaluations import evaluation_of

LABELS = sorted(COLOURS_BGR)
HISTORY = History([1.0, 0.5, 0.4], [0.5, 0.6, 0.9], [0.9, 0.7, 0.8], [0.6, 0.7, 0.8])


def read(path: Path) -> np.ndarray:
    """Read a picture as RGB, int."""
    return cv2.imread(str(path))[:, :, ::-1].astype(int)


def trained(unreadable: list[Image], fine_tuning: tuple[float, ...] = ()) -> Trained:
    """What a report tells of a classifier; no network is needed for it."""
    nothing = Examples([], np.empty((0, 3)), np.empty((0, 1)), np.empty((0, 1), int))
    features = FeatureSets(LABELS, *[nothing] * 5, unreadable)
    return Trained(None, None, features, HISTORY, fine_tuning)


def perfect(classes: int, labels: list[str] | None = None) -> Evaluation:
    truth = np.repeat(np.arange(classes), 5)
    names = labels or [f"activity {number}" for number in range(classes)]
    return evaluation_of(
        names,
        [Image(f"{n}.jpg") for n in range(len(truth))],
        truth,
        np.eye(classes)[truth],
    )


def blue(picture: np.ndarray) -> np.ndarray:
    """Pixels of the darkest cells of a confusion matrix."""
    return (picture[:, :, 2] - picture[:, :, 0] > 80) & (picture[:, :, 0] < 30)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Thirty photos, each of one of three colours, and one that is none."""
    folder = tmp_path / "photos"
    for number in range(30):
        colour = LABELS[number % 3]
        (folder / colour).mkdir(parents=True, exist_ok=True)
        image = np.full((80, 110, 3), COLOURS_BGR[colour], np.uint8)
        cv2.imwrite(str(folder / colour / f"{number:03}.png"), image)
    (folder / "red" / "broken.jpg").write_bytes(b"no photo")
    return folder


def mistaken(folder: Path, confidences: dict[str, float]) -> Evaluation:
    """Photos of red, each predicted blue with a confidence."""
    probabilities = np.array([[p, 0, 1 - p] for p in confidences.values()])
    truth = np.full(len(confidences), LABELS.index("red"))
    images = [Image(name, folder=folder) for name in confidences]
    return evaluation_of(LABELS, images, truth, probabilities)


@pytest.mark.parametrize("classes", [2, 3, 22, 100])
def test_confusion_of_perfect_predictions_is_a_diagonal(tmp_path: Path, classes: int) -> None:
    plot_confusion(perfect(classes), tmp_path / "confusion.png")
    cells = blue(read(tmp_path / "confusion.png"))
    rows, columns = np.flatnonzero(cells.any(axis=1)), np.flatnonzero(cells.any(axis=0))
    matrix = cells[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = len(matrix) / classes
    assert side >= 15, "a row is high enough for its label"
    # A third into each cell, beside its number.
    places = ((np.arange(classes) + 1 / 3) * side).astype(int)
    assert (matrix[np.ix_(places, places)] == np.eye(classes, dtype=bool)).all()


def test_rare_confusion_is_seen(tmp_path: Path) -> None:
    truth = np.zeros(200, int)
    truth[100:] = 1
    probabilities = np.eye(2)[truth]
    probabilities[0] = [0, 1]
    plot_confusion(
        evaluation_of(["a", "b"], [Image("x")] * 200, truth, probabilities), tmp_path / "c.png"
    )
    plot_confusion(
        evaluation_of(["a", "b"], [Image("x")] * 200, truth, np.eye(2)[truth]),
        tmp_path / "p.png",
    )
    confused, perfectly = read(tmp_path / "c.png"), read(tmp_path / "p.png")
    lines = np.flatnonzero(blue(perfectly).any(axis=1))
    columns = np.flatnonzero(blue(perfectly).any(axis=0))
    top_right = (int(np.quantile(lines, 0.1)), int(np.quantile(columns, 0.9)))
    assert perfectly[top_right][0] - confused[top_right][0] > 5


def test_confusion_has_no_trouble_with_an_empty_row_or_odd_labels(tmp_path: Path) -> None:
    evaluation = evaluation_of(
        ["$a", "$b_" * 90, "\udce9"], [Image("x")], np.array([0]), np.array([[0.1, 0.9, 0]])
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_confusion(evaluation, tmp_path / "confusion.png")
    assert read(tmp_path / "confusion.png").shape[0] > 300


def test_history_marks_the_lowest_test_loss(tmp_path: Path) -> None:
    lowest_first = History(*[[0.5, 0.5, 0.5]] * 2, [0.1, 0.7, 0.8], [0.5, 0.5, 0.5])
    lowest_last = History(*[[0.5, 0.5, 0.5]] * 2, [0.8, 0.7, 0.1], [0.5, 0.5, 0.5])
    marks = []
    for history in (lowest_first, lowest_last):
        plot_history(history, tmp_path / "plot.png")
        loss = read(tmp_path / "plot.png")[:, :590]
        dark = (loss < 40).all(axis=2).astype(np.uint8)
        # Erosion leaves the disc of the mark and takes text and axes away.
        disc = cv2.erode(dark, np.ones((7, 7), np.uint8))
        marks.append(np.argwhere(disc)[:, 1].mean())
    assert marks[0] < marks[1]


@pytest.mark.parametrize("epochs", [1, 400])
def test_history_of_any_length_even_diverged(tmp_path: Path, epochs: int) -> None:
    plot_history(History(*[[float("nan")] * epochs] * 4), tmp_path / "plot.jpg")
    plot_history(History(*[[0.5] * epochs] * 4), tmp_path / "plot.png")
    assert (tmp_path / "plot.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert read(tmp_path / "plot.png").shape[1] == 1200


def red_cells(path: Path) -> int:
    red = np.array(COLOURS_BGR["red"][::-1])
    same = (read(path) == red).all(axis=2).astype(np.uint8)
    count, _, statistics, _ = cv2.connectedComponentsWithStats(same)
    return sum(statistics[i, cv2.CC_STAT_AREA] > 10_000 for i in range(1, count))


def test_contact_sheet_shows_each_mistake(tmp_path: Path, photos: Path) -> None:
    wrong = {f"red/{number:03}.png": 0.9 for number in (2, 5, 8)}
    contact_sheet(mistaken(photos, wrong | {"red/011.png": 0.1}), tmp_path / "sheet.png")
    assert red_cells(tmp_path / "sheet.png") == 3


def test_contact_sheet_leaves_out_what_cannot_be_read(tmp_path: Path, photos: Path) -> None:
    wrong = {"red/broken.jpg": 1.0, "red/gone.jpg": 0.99, "red/002.png": 0.9}
    contact_sheet(mistaken(photos, wrong), tmp_path / "sheet.png")
    assert red_cells(tmp_path / "sheet.png") == 1


def test_contact_sheet_holds_the_most_confident_mistakes_only(tmp_path: Path, photos: Path) -> None:
    red = [f"red/{number:03}.png" for number in range(2, 30, 3)]
    # The first 24 places go to red photos (some more than once); green ones were less sure.
    names = (red * 3)[:24] + ["green/001.png"] * 6
    truth = np.full(30, LABELS.index("red"))
    confidence = np.linspace(0.99, 0.7, 30)
    probabilities = np.stack([confidence, np.zeros(30), 1 - confidence], axis=1)
    shuffled = np.random.default_rng(0).permutation(30)
    evaluation = evaluation_of(
        LABELS,
        [Image(names[i], folder=photos) for i in shuffled],
        truth,
        probabilities[shuffled],
    )
    contact_sheet(evaluation, tmp_path / "sheet.png")
    assert red_cells(tmp_path / "sheet.png") == 24
    green = np.array(COLOURS_BGR["green"][::-1])
    assert not (read(tmp_path / "sheet.png") == green).all(axis=2).any()


def test_contact_sheet_opens_a_clip_once_for_all_its_mistakes(
    tmp_path: Path, opened: list[str]
) -> None:
    names = ["a.avi", "b.avi", "gone.avi"]
    for name in names:
        write_clip(tmp_path / name, ["red"] * 90)
    digests = hash_files(tmp_path, names)
    images = [Image(names[n % 3], n / 12, tmp_path) for n in range(36)]
    images = [image._replace(digest=digest_of(image, digests[image.path])) for image in images]
    (tmp_path / "gone.avi").unlink()
    truth = np.full(36, LABELS.index("red"))
    probabilities = np.stack([np.linspace(0.99, 0.7, 36), np.zeros(36), np.zeros(36)], axis=1)
    opened.clear()
    contact_sheet(evaluation_of(LABELS, images, truth, probabilities), tmp_path / "sheet.png")
    # All 24 that can be read; for those in the place of the clip that is gone, once more.
    assert max(opened.count(name) for name in names) <= 4
    picture = read(tmp_path / "sheet.png")
    red = (np.abs(picture - COLOURS_BGR["red"][::-1]).max(axis=2) < 30).astype(np.uint8)
    assert red.sum() > 23 * 10_000


def test_contact_sheet_without_mistakes(tmp_path: Path) -> None:
    contact_sheet(perfect(3), tmp_path / "sheet.png")
    assert read(tmp_path / "sheet.png").shape[0] < 500


def test_report_says_it_all(tmp_path: Path, photos: Path) -> None:
    evaluation = mistaken(photos, {"red/002.png": 0.9, "red/005.png": 0.2, "red/008.png": 0.95})
    written = write_report(
        tmp_path / "report.json",
        trained([Image("red/broken.jpg")], (0.5, 0.75)),
        evaluation,
        Leakage(
            [IdenticalImages([Image("red/011.png")], [Image("red/005.png")])],
            {Image("red/002.png", folder=photos): Image("red/020.png")},
        ),
        [],
        settings={"seed": 42, "model": Path("activity.model")},
    )
    assert [path.name for path in written] == [
        "report.json",
        "report_confusion.png",
        "report_mistakes.png",
    ]
    assert all(path.is_file() for path in written)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["accuracy"] == pytest.approx(1 / 3)
    assert report["confusion_matrix"] == {
        "labels": ["blue", "green", "red"],
        "counts": [[0, 0, 0], [0, 0, 0], [2, 0, 1]],
    }
    assert report["classification_report"]["red"]["recall"] == pytest.approx(1 / 3)
    assert report["classification_report"]["red"]["support"] == 3
    blue, _, red = report["recalls"]
    assert blue == {"label": "blue", "share": None, "files": 0, "low": 0, "high": 1}
    assert (red["label"], red["files"]) == ("red", 3)
    assert (red["low"], red["high"]) == pytest.approx((0.061, 0.792), abs=0.001)
    assert [mistake["photo"] for mistake in report["mistakes"]] == ["red/008.png", "red/002.png"]
    assert report["mistakes"][0] == {
        "photo": "red/008.png",
        "label": "red",
        "predicted": "blue",
        "probability": pytest.approx(0.95),
        "probability_of_label": pytest.approx(0.05),
    }
    assert report["identical_in_training_and_test"] == [
        {"training": ["red/011.png"], "test": ["red/005.png"]}
    ]
    assert report["nearly_the_same_in_training_and_test"] == [
        {"training": "red/020.png", "test": "red/002.png"}
    ]
    assert report["accuracy_of_photos"] == pytest.approx(1 / 3)
    assert report["accuracy_of_frames"] is None
    assert report["accuracy_without_near_copies"] == pytest.approx(1 / 2)
    assert report["unreadable_photos"] == ["red/broken.jpg"]
    assert report["history"]["test_loss"] == [0.9, 0.7, 0.8]
    assert report["fine_tuning_accuracy_on_held_out"] == [0.5, 0.75]
    assert report["fine_tuning_accuracy_of_carved_out"] == [0.5, 0.75]
    assert report["settings"] == {"seed": 42, "model": "activity.model"}


@pytest.mark.parametrize(("near", "said", "share"), [(None, None, None), ({}, [], 0)])
def test_report_tells_no_near_copies_from_none_looked_for(
    tmp_path: Path, photos: Path, near: dict[Image, Image] | None, said: object, share: object
) -> None:
    write_report(
        tmp_path / "report.json",
        trained([]),
        mistaken(photos, {"red/002.png": 0.9}),
        Leakage([], near),
        [],
        settings={},
    )
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["nearly_the_same_in_training_and_test"] == said
    assert report["accuracy_without_near_copies"] == share
