"""How far a test can be believed: what of the training set is in the test set, too."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.media.images import Image
from activity.training.feature_sets import Examples
from activity.training.leakage import IdenticalImages, near_copies, straddling_groups


def test_only_groups_in_both_sets_straddle() -> None:
    t1, t2, t3, t4, e1, e2, e3, unreadable = (
        Image(name, digest=digest)
        for name, digest in (
            *(("t1", "A"), ("t2", "A"), ("t3", "C"), ("t4", "C")),
            *(("e1", "A"), ("e2", "B"), ("e3", "B"), ("unreadable", "")),
        )
    )
    groups = straddling_groups([t2, t1, t3, t4, unreadable], [e1, e2, e3, unreadable])
    assert groups == [IdenticalImages([t1, t2], [e1])]


@given(st.lists(st.tuples(st.sampled_from("ABCDE"), st.booleans()), max_size=30))
def test_every_test_photo_with_a_twin_in_training_is_named_once(
    photos: list[tuple[str, bool]],
) -> None:
    images = [Image(str(place), digest=digest) for place, (digest, _) in enumerate(photos)]
    training = [image for image, (_, trained) in zip(images, photos, strict=True) if trained]
    test = [image for image in images if image not in training]
    groups = straddling_groups(training, test)
    named = [photo.path for group in groups for photo in group.test]
    seen = {photo.digest for photo in training}
    assert sorted(named) == sorted(photo.path for photo in test if photo.digest in seen)
    for group in groups:
        assert len({photo.digest for photo in group.training + group.test}) == 1
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

    def examples(rows: np.ndarray) -> Examples:
        of_rows = [images[row] for row in rows]
        return Examples(of_rows, np.ones((len(rows), 1), np.float32), features, rows.reshape(-1, 1))

    found = near_copies(examples(training), examples(test))
    assert found == {images[2100]: images[1500], images[2900]: images[3]}
    assert near_copies(examples(training), examples(test[:0])) == {}


def test_more_pairs_than_can_be_compared_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activity.training.leakage.MOST_PAIRS", 5)
    rows = np.arange(3).reshape(3, 1)
    features = np.eye(6, dtype=np.float32)
    training, test = (
        Examples([Image("a")] * 3, np.ones((3, 1), np.float32), features, some)
        for some in (rows, rows + 3)
    )
    assert near_copies(training, test) is None
