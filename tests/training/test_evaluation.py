"""What is read from predictions of the test photos, and whom it is fair to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.media.images import Image
from activity.training.evaluation import Evaluation, IdenticalImages, near_copies, straddling_groups


def test_mistakes_come_most_confident_first() -> None:
    probabilities = np.array([[0.9, 0.1], [0.3, 0.7], [0.6, 0.4], [0.05, 0.95]])
    evaluation = Evaluation(
        ["a", "b"], [*map(Image, "wxyz")], np.array([0, 0, 1, 0]), probabilities
    )
    assert evaluation.mistakes() == [3, 1, 2]
    assert evaluation.accuracy == pytest.approx(0.25)


def test_no_mistakes() -> None:
    evaluation = Evaluation(["a", "b"], [Image("x")], np.array([1]), np.array([[0.2, 0.8]]))
    assert evaluation.mistakes() == []
    assert evaluation.accuracy == 1


def test_only_groups_in_both_sets_straddle() -> None:
    t1, t2, t3, t4, e1, e2, e3, unreadable = map(
        Image, ("t1", "t2", "t3", "t4", "e1", "e2", "e3", "unreadable")
    )
    digests = {t1: "A", t2: "A", e1: "A", e2: "B", e3: "B", t3: "C", t4: "C"}
    groups = straddling_groups(digests, [t2, t1, t3, t4, unreadable], [e1, e2, e3])
    assert groups == [IdenticalImages([t1, t2], [e1])]


@given(st.lists(st.tuples(st.sampled_from("ABCDE"), st.booleans()), max_size=30))
def test_every_test_photo_with_a_twin_in_training_is_named_once(
    photos: list[tuple[str, bool]],
) -> None:
    digests = {Image(f"{place}"): digest for place, (digest, _) in enumerate(photos)}
    training = [name for name, (_, trained) in zip(digests, photos, strict=True) if trained]
    test = [name for name in digests if name not in training]
    groups = straddling_groups(digests, training, test)
    named = [photo for group in groups for photo in group.test]
    seen = {digests[photo] for photo in training}
    assert sorted(named) == sorted(photo for photo in test if digests[photo] in seen)
    for group in groups:
        assert len({digests[photo] for photo in group.training + group.test}) == 1
        assert group.training
        assert group.test


def test_near_copies_are_found_and_others_are_not() -> None:
    random = np.random.default_rng(0)
    features = random.normal(5, [1, 30, 0.1, *[1] * 37], (3000, 40)).astype(np.float32)
    training, test = np.arange(2000), np.arange(2000, 3000)
    features[:, 7] = 3  # says nothing
    features[2100] = features[1500] + random.normal(0, 0.01, 40) * features.std(axis=0)
    features[2900] = features[3] * 1.0
    images = [Image(f"{row}.jpg") for row in range(3000)]
    found = near_copies(features, training, test, images)
    assert found == {images[2100]: images[1500], images[2900]: images[3]}
    assert near_copies(features, training, test[:0], images) == {}


def test_more_pairs_than_can_be_compared_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activity.training.evaluation._MOST_PAIRS", 5)
    rows = np.arange(3)
    assert near_copies(np.eye(6, dtype=np.float32), rows, rows + 3, [Image("a")] * 6) is None
