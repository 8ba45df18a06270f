"""How far a test can be believed: what of the training set is in the test set, too."""

from hypothesis import given
from hypothesis import strategies as st

from activity.media.images import Image
from activity.training.results.score import IdenticalImages, straddling_groups


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
