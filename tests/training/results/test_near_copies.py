"""Images that show nearly the same picture, across the split and under two labels."""

import numpy as np
import pytest

from activity.media.images import Image
from activity.training.features.sets import Examples, FeatureSets
from activity.training.results.score import near_copies, near_copies_under_two_labels


def feature_sets(features: np.ndarray, labels: np.ndarray, tested: int) -> FeatureSets:
    """The last ``tested`` rows are for testing; each training image has a second, empty view."""
    count = len(features)
    table = np.concatenate([features, np.zeros((1, features.shape[1]), np.float32)])
    targets = np.eye(3, dtype=np.float32)[labels]

    def examples(first: int, last: int, views: int) -> Examples:
        rows = np.full((last - first, views), count)
        rows[:, 0] = np.arange(first, last)
        images = [Image(f"{row}.jpg") for row in range(first, last)]
        return Examples(images, targets[first:last], table, rows)

    train, test = examples(0, count - tested, 2), examples(count - tested, count, 1)
    none = test.take(np.arange(0))
    return FeatureSets(["a", "b", "c"], train, test, none, none, none, [])


def test_near_copies_are_named_whichever_side_they_are_on() -> None:
    random = np.random.default_rng(0)
    features = random.normal(3, 1, (2500, 40)).astype(np.float32)
    labels = np.arange(2500) % 3
    noise = random.normal(0, 0.05, (3, 40)).astype(np.float32)
    features[1300] = features[2] + noise[0]  # c and b, both in training
    features[2400] = features[1] + noise[1]  # b and a, across
    features[2401] = features[2450] + noise[2]  # b and c, both in the test set
    features[9] = features[12]  # one label: nothing wrong
    found = near_copies_under_two_labels(feature_sets(features, labels, 300))
    assert found is not None
    named = {tuple(image.path for image in pair.images): pair.labels for pair in found}
    assert named == {
        ("2.jpg", "1300.jpg"): ("c", "b"),
        ("1.jpg", "2400.jpg"): ("b", "a"),
        ("2401.jpg", "2450.jpg"): ("b", "c"),
    }
    assert found == sorted(found, key=lambda pair: -pair.similarity)
    assert found[0].as_dict()["images"] == [image.path for image in found[0].images]


def test_near_copies_are_found_and_others_are_not() -> None:
    random = np.random.default_rng(0)
    features = random.normal(5, [1, 30, 0.1, *[1] * 37], (3000, 40)).astype(np.float32)
    training, test = np.arange(2000), np.arange(2000, 3000)
    features[:, 7] = 3  # says nothing
    features[2100] = features[1500] + random.normal(0, 0.01, 40) * features.std(axis=0)
    features[2900] = features[3] * 1.0
    images = [Image(f"{row}.jpg") for row in range(3000)]

    def examples(rows: np.ndarray) -> Examples:
        of_rows = [images[row] for row in rows]
        return Examples(of_rows, np.ones((len(rows), 1), np.float32), features, rows.reshape(-1, 1))

    found = near_copies(examples(training), examples(test))
    assert found == {images[2100]: images[1500], images[2900]: images[3]}
    assert near_copies(examples(training), examples(test[:0])) == {}


def test_more_pairs_than_can_be_compared_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activity.training.results.score._MOST_PAIRS", 5)
    rows = np.arange(3).reshape(3, 1)
    features = np.eye(6, dtype=np.float32)
    training, test = (
        Examples([Image("a")] * 3, np.ones((3, 1), np.float32), features, some)
        for some in (rows, rows + 3)
    )
    assert near_copies(training, test) is None
    sets = feature_sets(features, np.arange(6) % 3, 2)
    assert near_copies_under_two_labels(sets) is None
