"""One picture under two labels, byte for byte or nearly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.media.images import Image
from activity.training.feature_sets import Examples, FeatureSets
from activity.training.two_labels import near_copies_under_two_labels, under_two_labels


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("xyz")), max_size=20))
def test_a_content_is_named_if_and_only_if_it_has_two_labels(drawn: list[tuple[str, str]]) -> None:
    labels = {
        Image(f"{number}.jpg", digest=digest): label for number, (digest, label) in enumerate(drawn)
    }
    found = under_two_labels(labels)
    expected = {digest for digest in "ABC" if len({x for d, x in drawn if d == digest}) > 1}
    assert {drawn[int(path[:-4])][0] for files in found for path in files} == expected
    for files in found:
        assert len({*files.values()}) > 1
        assert all(drawn[int(path[:-4])][1] == label for path, label in files.items())


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


def test_too_many_images_to_compare_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activity.training.leakage.MOST_PAIRS", 5)
    features = np.eye(6, dtype=np.float32)
    assert near_copies_under_two_labels(feature_sets(features, np.arange(6) % 3, 2)) is None
