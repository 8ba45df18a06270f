"""Clips are split whole, by labels in proportion; photos keep the split that they have."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from activity.media.images import Image
from activity.training.split import split_clips, split_images, split_photos

LABELS = ["football", "tennis", "chess"]


def frames_of(clips: list[set[str]]) -> tuple[list[Image], list[str]]:
    images, labels = [], []
    for number, shown in enumerate(clips):
        for second, label in enumerate(sorted(shown)):
            images.append(Image(f"{number}.mp4", float(second)))
            labels.append(label)
    return images, labels


@given(st.lists(st.sets(st.sampled_from([*LABELS, "unknown"]), min_size=1), max_size=40))
def test_frames_of_one_clip_are_never_on_both_sides(clips: list[set[str]]) -> None:
    images, labels = frames_of(clips)
    split = split_images(images, labels, {})
    assert sorted([*split.training, *split.test, *split.unknown]) == list(range(len(images)))
    assert {labels[i] for i in split.unknown} <= {"unknown"}
    assert "unknown" not in {labels[i] for i in [*split.training, *split.test]}
    trained = {images[i].path for i in split.training}
    assert not trained & {images[i].path for i in split.test}
    in_clips = Counter(label for shown in clips for label in shown - {"unknown"})
    tested = Counter(labels[i] for i in split.test)
    for label, count in in_clips.items():
        assert tested[label] <= round(count / 4)
        if count < 4:
            assert not tested[label]


@given(st.integers(0, 40), st.integers(0, 40))
def test_a_quarter_of_each_label_is_tested_where_clips_show_one(tennis: int, chess: int) -> None:
    images, labels = frames_of([{"tennis"}] * tennis + [{"chess"}] * chess)
    tested = Counter(labels[i] for i in split_images(images, labels, {}).test)
    for label, count in (("tennis", tennis), ("chess", chess)):
        assert tested[label] == (round(count / 4) if count >= 4 else 0)


def test_copies_of_a_clip_are_on_one_side() -> None:
    clips = {f"{number}.mp4": {"tennis"} for number in range(16)}
    contents = {clip: str(int(clip[:-4]) // 2) for clip in clips}
    test = split_clips(clips, contents)
    assert len(test) == 4
    assert all(clip in test for clip in clips if contents[clip] in {contents[c] for c in test})


def test_clips_change_nothing_about_photos() -> None:
    photos = [f"{label}/{number:02}.jpg" for label in LABELS for number in range(9)]
    labels = [photo.split("/")[0] for photo in photos]
    training, test = split_photos(photos, labels)
    frames, frame_labels = frames_of([{"tennis"}] * 8)
    split = split_images([*map(Image, photos), *frames], labels + frame_labels, {})
    assert [i for i in split.training if i < len(photos)] == training
    assert [i for i in split.test if i < len(photos)] == test
