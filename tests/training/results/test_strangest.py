"""What the photos of each label look like, and which of them look like something else."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from activity.media.images import Image
from activity.network.imagenet_names import NAMES
from activity.network.unknown import Answers
from activity.training.features.sets import Examples
from activity.training.learning import head as module
from activity.training.learning.head import answers, learn_likeness
from activity.training.results.report import STRANGEST, looks_of_labels, picture_strangest

SOCCER_BALL, RACKET, BASEBALL = 805, 752, 429
LABELS = ["football", "tennis"]


def classifier() -> np.ndarray:
    """Each of three features is a name."""
    weights = np.zeros((4, NAMES), np.float16)
    for feature, name in enumerate((SOCCER_BALL, RACKET, BASEBALL)):
        weights[feature, name] = 12
    return weights


def examples(shown: list[int], labels: list[int], folder: Path = Path()) -> Examples:
    """Photos, each of which shows one of the three names, with two labels."""
    random = np.random.default_rng(0)
    table = (np.eye(3)[shown] + random.normal(0, 0.02, (len(shown), 3))).astype(np.float32)
    images = [Image(f"{number}.png", folder=folder) for number in range(len(shown))]
    targets = np.eye(2, dtype=np.float32)[labels]
    return Examples(images, targets, table, np.arange(len(shown)).reshape(-1, 1))


def together(first: Examples, second: Examples) -> Examples:
    """Both in one table of features, as those of a run are."""
    table = np.concatenate([first.table, second.table])
    second = replace(second, table=table, rows=second.rows + len(first.table))
    return replace(first, table=table).joined(second)


@pytest.fixture(autouse=True)
def _few_rows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 7)


def test_photos_of_another_thing_are_the_strangest_of_their_label() -> None:
    train = examples([0] * 20 + [2] + [1] * 20 + [0], [0] * 21 + [1] * 21)
    test = examples([0, 2, 1, 1], [0, 0, 1, 1])
    likeness = learn_likeness(train, classifier())
    football, tennis = looks_of_labels(likeness, LABELS, together(train, test))
    assert football.names == ["soccer ball"]
    assert tennis.names == ["racket"]
    assert {strange.photo.path for strange in football.strangest[:2]} == {"20.png", "1.png"}
    assert football.strangest[0].looks_like == ["baseball"]
    assert tennis.strangest[0].photo.path == "41.png"
    similarities = [strange.similarity for strange in football.strangest]
    assert similarities == sorted(similarities)
    assert similarities[2] > 0.9
    assert max(similarities[:2]) < 0.5


def test_no_more_are_listed_than_a_person_looks_at() -> None:
    train = examples([0] * (STRANGEST + 20) + [2], [0] * (STRANGEST + 20) + [1])
    first, second = looks_of_labels(learn_likeness(train, classifier()), LABELS, train)
    assert len(first.strangest) == STRANGEST
    assert [strange.photo.path for strange in second.strangest] == [f"{STRANGEST + 20}.png"]


def test_known_photos_are_trusted_more_than_others() -> None:
    train = examples([0] * 9 + [1] * 9, [0] * 9 + [1] * 9)
    likeness = learn_likeness(train, classifier())
    sure = np.tile(np.array([[0.9, 0.1]], np.float32), (8, 1))
    of_known = answers(likeness, sure, examples([0] * 8, [0] * 8))
    of_others = answers(likeness, sure, examples([2] * 8, [0] * 8))
    assert of_known.confidence.min() > 0.8
    assert of_others.confidence.max() < 0.4
    np.testing.assert_array_equal(of_known.probabilities, sure)
    plain = answers(None, sure, examples([2] * 8, [0] * 8))
    np.testing.assert_array_equal(plain.confidence, Answers.of(sure).confidence)


def test_the_picture_has_a_row_for_each_label_and_leaves_out_what_is_gone(tmp_path: Path) -> None:
    train = examples([0] * 9 + [2] + [1] * 9, [0] * 10 + [1] * 9, tmp_path)
    colours = {0: (0, 200, 0), 1: (200, 0, 0), 2: (0, 0, 250)}
    for number, shown in enumerate([0] * 9 + [2] + [1] * 9):
        picture = np.full((60, 60, 3), colours[shown], np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
    looks = looks_of_labels(learn_likeness(train, classifier()), LABELS, train)
    heights = []
    for shown in (looks, looks[:1]):
        picture_strangest(shown, tmp_path / "strangest.png")
        heights.append(cv2.imread(str(tmp_path / "strangest.png")).shape[0])
    assert heights[0] > 1.6 * heights[1]
    picture = cv2.imread(str(tmp_path / "strangest.png")).astype(int)
    red = np.abs(picture - colours[2]).sum(axis=2) < 30
    green = np.abs(picture - colours[0]).sum(axis=2) < 30
    # The strangest stands first.
    assert np.flatnonzero(red.any(axis=0)).max() < np.flatnonzero(green.any(axis=0)).min()
    (tmp_path / "9.png").unlink()
    picture_strangest(looks[:1], tmp_path / "strangest.png")
    picture = cv2.imread(str(tmp_path / "strangest.png")).astype(int)
    assert not (np.abs(picture - colours[2]).sum(axis=2) < 30).any()
