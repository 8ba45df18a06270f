"""Clips are split whole, by labels in proportion; photos keep the split that they have."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.media.images import Image
from activity.media.region import parse_region
from activity.temporal.segments import Segment
from activity.training.data.dataset import find_images
from activity.training.data.labelled import LabelledClip, LabelledPhoto
from activity.training.data.split import (
    files_taken_at_once,
    split_clips,
    split_images,
    split_photos,
)

LABELS = ["football", "tennis", "chess"]


REGIONS = [None, *map(parse_region, ("left=0,0,80,96", "right=80,0,80,96"))]


def frames_of(clips: list[set[str]]) -> dict[Image, str]:
    """Frames of clips; those of a clip that shows several labels are of its regions in turn."""
    return {
        Image(f"{number}.mp4", float(second), region=REGIONS[second % len(REGIONS)]): label
        for number, shown in enumerate(clips)
        for second, label in enumerate(sorted(shown))
    }


def photos_of(*labels: str, count: int = 9, **more: Any) -> list[LabelledPhoto]:
    return [
        LabelledPhoto(Image(f"{label}/{number:02}.jpg", None, Path(str(more))), label, **more)
        for label in labels
        for number in range(count)
    ]


@given(st.lists(st.sets(st.sampled_from([*LABELS, "unknown"]), min_size=1), max_size=40))
def test_frames_of_one_clip_are_never_on_both_sides(clips: list[set[str]]) -> None:
    frames = frames_of(clips)
    split = split_images([], [], frames, {})
    unknown = [*split.outliers, *split.unknown]
    assert Counter([*split.training, *split.test, *unknown]) == Counter([*frames])
    assert {frames[image] for image in unknown} <= {"unknown"}
    assert "unknown" not in {frames[image] for image in [*split.training, *split.test]}
    trained = {image.path for image in split.training}
    trained |= {image.path for image in split.outliers}
    assert not trained & {image.path for image in [*split.test, *split.unknown]}
    in_clips = Counter(label for shown in clips for label in shown - {"unknown"})
    tested = Counter(frames[image] for image in split.test)
    for label, count in in_clips.items():
        assert tested[label] <= round(count / 4)
        if count < 4:
            assert not tested[label]


@given(st.integers(0, 40), st.integers(0, 40))
def test_a_quarter_of_each_label_is_tested_where_clips_show_one(tennis: int, chess: int) -> None:
    frames = frames_of([{"tennis"}] * tennis + [{"chess"}] * chess)
    tested = Counter(frames[image] for image in split_images([], [], frames, {}).test)
    for label, count in (("tennis", tennis), ("chess", chess)):
        assert tested[label] == (round(count / 4) if count >= 4 else 0)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(LABELS),
            st.sampled_from([None, None, "train", "validation", "test"]),
            st.sampled_from([None, "a", "b", "c", "d", "e"]),
            st.integers(0, 1),
        ),
        max_size=60,
    )
)
def test_whatever_ties_photos_together_they_are_on_one_side(
    drawn: list[tuple[str, Any, str | None, int]],
) -> None:
    photos = [
        LabelledPhoto(Image(f"{number:02}.jpg"), label, dataset, part, group and f"{label}/{group}")
        for number, (label, part, group, dataset) in enumerate(drawn)
    ]
    split = split_images(photos, [], {}, {})
    images = [photo.image for photo in photos]
    assert sorted([*split.training, *split.test]) == images
    tested = {*split.test}
    have_test = {photo.dataset for photo in photos if photo.part == "test"}
    sides: dict[tuple[int, str], set[bool]] = {}
    for photo in photos:
        is_test = photo.image in tested
        if photo.part == "validation":
            assert is_test == (photo.dataset not in have_test)
        elif photo.part is not None:
            assert is_test == (photo.part == "test")
        elif photo.group is not None:
            sides.setdefault((photo.dataset, photo.group), set()).add(is_test)
    assert all(len(side) == 1 for side in sides.values())


def test_another_data_set_changes_nothing_about_the_split_of_the_first() -> None:
    first = photos_of(*LABELS)
    alone = split_images(first, [], {}, {})
    both = split_images([*first, *photos_of("tennis", "go", dataset=1)], [], {}, {})
    assert [image for image in both.test if image in {*alone.test}] == alone.test
    assert [image for image in both.training if image in {*alone.training}] == alone.training
    assert len(both.test) > len(alone.test)


def test_a_clip_that_is_split_already_keeps_its_side_and_so_do_its_copies() -> None:
    frames = frames_of([{"tennis"}] * 9)
    clips = [
        LabelledClip(Image("0.mp4"), [], part="train"),
        LabelledClip(Image("1.mp4"), [], part="test"),
        LabelledClip(Image("2.mp4"), [], part="validation"),
    ]
    # 3 to 6 are copies of the first, which is learned from.
    contents = {Path(f"{n}.mp4"): "0" if 3 <= n <= 6 else str(n) for n in range(9)}
    split = split_images([], clips, frames, contents)
    assert [image.path for image in split.test] == ["1.mp4"]
    assert {image.path for image in split.training} == {f"{n}.mp4" for n in range(9) if n != 1}


def test_copies_of_a_clip_are_on_one_side() -> None:
    clips = {f"{number}.mp4": {"tennis"} for number in range(16)}
    contents = {clip: str(int(clip[:-4]) // 2) for clip in clips}
    test = split_clips(clips, contents)
    assert len(test) == 4
    assert all(clip in test for clip in clips if contents[clip] in {contents[c] for c in test})


def test_clips_change_nothing_about_photos() -> None:
    photos = photos_of(*LABELS)
    training, test = split_photos(
        [photo.image.path for photo in photos], [photo.label for photo in photos]
    )
    split = split_images(photos, [], frames_of([{"tennis"}] * 8), {})
    assert [image for image in split.training if image.seconds is None] == [
        photos[i].image for i in training
    ]
    assert [image for image in split.test if image.seconds is None] == [
        photos[i].image for i in test
    ]


def test_a_copy_of_a_clip_to_test_with_is_never_learned_from() -> None:
    frames = frames_of([{"tennis"}] * 12)
    clips = [
        LabelledClip(Image("0.mp4"), [], part="test"),
        LabelledClip(Image("1.mp4"), [], part="train"),
    ]
    contents = {Path(f"{n}.mp4"): "0" if 2 <= n <= 9 else str(n) for n in range(12)}
    split = split_images([], clips, frames, contents)
    copies = {f"{n}.mp4" for n in range(12) if contents[Path(f"{n}.mp4")] == "0"}
    assert copies <= {image.path for image in split.test}
    assert not copies & {image.path for image in split.training}


def test_clips_that_are_cut_from_one_video_are_on_one_side() -> None:
    names = [f"Golf/v_Golf_g{group:02}_c{clip:02}.avi" for group in range(12) for clip in range(5)]
    frames = {Image(name, 0.0): "Golf" for name in names}
    contents = {Path(name): name for name in names}
    split = split_images([], [], frames, contents)
    groups = [{image.path[:15] for image in side} for side in (split.training, split.test)]
    assert len(groups[0]) == 9
    assert len(groups[1]) == 3
    assert not groups[0] & groups[1]


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=30, unique=True))
def test_whatever_ties_clips_together_they_are_on_one_side(drawn: list[tuple[int, int]]) -> None:
    names = [f"{number}/v_Golf_g{group:02}_c{n:02}.avi" for n, (group, number) in enumerate(drawn)]
    frames = {Image(name, 0.0): "Golf" for name in names}
    contents = {Path(name): str(n % 9) for n, name in enumerate(names)}
    tested = {image.path for image in split_images([], [], frames, contents).test}
    for first in names:
        for second in names:
            same_cut = first.rpartition("_c")[0] == second.rpartition("_c")[0]
            if same_cut or contents[Path(first)] == contents[Path(second)]:
                assert (first in tested) == (second in tested)


LIVE_PHOTOS = {
    "a phone": ("IMG_{}.JPG", "IMG_{}.MOV"),
    "edited": ("IMG_{}.JPG", "IMG_E{}.MOV"),
    "an edited photo": ("IMG_E{}.JPG", "IMG_{}.MOV"),
    "converted": ("IMG_{}.HEIC.jpg", "IMG_{}.MOV"),
    "downloaded": ("IMG_{}.jpeg", "img_{}_HEVC.mov"),
    "named after the photo": ("2024-{}.jpg", "2024-{}.jpg.mp4"),
    "another kind of photo": ("2024-{}.webp", "2024-{}.mp4"),
}


def sides_of(folder: Path) -> tuple[set[str], set[str]]:
    """Names of the photos and clips to learn from, and of those to test with."""
    found = find_images([folder], ["all"])
    frames = {clip.image._replace(seconds=0.0): clip.segments[0].label for clip in found.clips}
    split = split_images(found.photos, found.clips, frames, {})
    trained, tested = ({image.path for image in some} for some in (split.training, split.test))
    assert not trained & tested
    return trained, tested


@pytest.mark.parametrize("names", LIVE_PHOTOS.values(), ids=LIVE_PHOTOS)
def test_a_live_photo_is_on_one_side_and_photos_stay_where_they_were(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    photos, clips = (
        [f"{label}/{name.format(1000 + n)}" for label in ("golf", "polo") for n in range(16)]
        for name in names
    )
    for label in ("golf", "polo"):
        (tmp_path / label).mkdir()
    for photo in photos:
        (tmp_path / photo).write_bytes(b"")
    trained, tested = sides_of(tmp_path)
    for clip in clips:
        (tmp_path / clip).write_bytes(b"")
    for label in ("golf", "polo"):
        for number in range(8):
            (tmp_path / f"{label}/clip {number}.mp4").write_bytes(b"")
    now_trained, now_tested = sides_of(tmp_path)
    assert trained <= now_trained
    assert tested <= now_tested
    for photo, clip in zip(photos, clips, strict=True):
        assert (photo in now_tested) == (clip in now_tested)
    assert sum("/clip " in name for name in now_tested) == 4


def test_a_live_photo_of_which_a_part_is_learned_is_learned(tmp_path: Path) -> None:
    """A photo and what was edited of it may be on both sides, but not with the clip of both."""
    for label in ("golf", "polo"):
        (tmp_path / label).mkdir()
        for number in range(1000, 1016):
            for name in (f"IMG_{number}.JPG", f"IMG_E{number}.JPG"):
                (tmp_path / label / name).write_bytes(b"")
    _, before = sides_of(tmp_path)
    for label in ("golf", "polo"):
        for number in range(1000, 1016):
            (tmp_path / label / f"IMG_{number}.MOV").write_bytes(b"")
    trained, tested = sides_of(tmp_path)
    shots = [{name.replace("_E", "_")[:-4] for name in side} for side in (trained, tested)]
    assert not shots[0] & shots[1]
    assert {name for name in tested if name.endswith("JPG")} < before


def test_photos_that_are_called_alike_are_no_live_photos(tmp_path: Path) -> None:
    for label in ("golf", "polo"):
        (tmp_path / label).mkdir()
        for number in range(8):
            for suffix in (".jpg", ".png", ".webp"):
                (tmp_path / label / f"{number}{suffix}").write_bytes(b"")
    _, before = sides_of(tmp_path)
    (tmp_path / "golf/clip.mp4").write_bytes(b"")
    trained, tested = sides_of(tmp_path)
    assert tested == before
    assert {n.rpartition(".")[0] for n in trained} & {n.rpartition(".")[0] for n in tested}


@pytest.mark.parametrize("clip", ["golf/video_{}.mp4", "golf/video_{}/whole.mp4"])
def test_a_clip_is_on_the_side_of_its_frames(tmp_path: Path, clip: str) -> None:
    for number in range(8):
        for frame in range(3):
            path = tmp_path / f"golf/video_{number}/{frame:04}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
        (tmp_path / clip.format(number)).write_bytes(b"")
    for number in range(4):
        (tmp_path / "polo").mkdir(exist_ok=True)
        (tmp_path / f"polo/{number}.jpg").write_bytes(b"")
    _, tested = sides_of(tmp_path)
    for number in range(8):
        frames = {name for name in tested if name.startswith(f"golf/video_{number}/0")}
        assert (clip.format(number) in tested) == bool(frames)
    assert sum(name.endswith(".mp4") for name in tested) == 2


def test_clips_of_one_name_in_one_folder_are_on_one_side() -> None:
    names = [f"golf/{number}{suffix}" for number in range(12) for suffix in (".avi", ".mp4")]
    split = split_images([], [], {Image(name, 0.0): "golf" for name in names}, {})
    tested = {image.path for image in split.test}
    assert len(tested) == 6
    assert all((f"golf/{n}.avi" in tested) == (f"golf/{n}.mp4" in tested) for n in range(12))


def test_a_split_that_is_there_is_kept_though_it_parts_a_photo_from_its_clip() -> None:
    photos = [LabelledPhoto(Image("golf/1.jpg"), "golf", part="test")]
    clips = [LabelledClip(Image("golf/1.mov"), [Segment(0, math.inf, "golf")], part="train")]
    split = split_images(photos, clips, {Image("golf/1.mov", 0.0): "golf"}, {})
    assert [image.path for image in split.test] == ["golf/1.jpg"]
    assert [image.path for image in split.training] == ["golf/1.mov"]


def test_files_are_named_alike_only_if_a_clip_ties_them() -> None:
    photos = ["a/IMG_0001.JPG", "a/IMG_E0001.JPG", "a/2.jpg", "a/2.png", "b/3.jpg"]
    images = [Image(name) for name in photos]
    assert files_taken_at_once(images) == [str(Path(name)) for name in photos]
    frames = [Image(name, time) for name in ("a/IMG_0001.MOV", "b/4.mp4") for time in (0.0, 1.0)]
    live, other = str(Path("a/IMG_0001.JPG")), str(Path("b/4.mp4"))
    rest = [str(Path(name)) for name in photos[2:]]
    assert files_taken_at_once([*images, *frames]) == [live, live, *rest, live, live, other, other]


def test_photos_stay_where_they_were_though_all_their_clips_are_copies() -> None:
    photos = photos_of("golf", "polo", count=16)
    before = split_images(photos, [], {}, {})
    clips = {photo.image._replace(path=photo.image.path[:-4] + ".mov"): photo for photo in photos}
    frames = {clip._replace(seconds=0.0): photo.label for clip, photo in clips.items()}
    split = split_images(photos, [], frames, {clip.file: "the same" for clip in clips})
    assert [image for image in split.test if image.seconds is None] == before.test
    tested = {image.path[:-4] for image in before.test}
    assert {image.path[:-4] for image in split.test} == tested
    assert len(split.test) == 2 * len(tested)
    # A clip of its own, of which copies are on both sides, is learned from.
    frames[Image("golf/another.mov", 0.0)] = "golf"
    contents = {image.file: "the same" for image in frames}
    assert "golf/another.mov" in {
        image.path for image in split_images(photos, [], frames, contents).training
    }


def test_all_regions_of_a_clip_are_learned_where_one_has_to_be() -> None:
    left, right = REGIONS[1:]
    clips = [
        LabelledClip(Image(f"{number}.mp4", region=region), [], part=part)
        for number in range(8)
        for region, part in ((left, "train" if number < 4 else None), (right, None))
    ]
    frames = {clip.image._replace(seconds=0.0): "golf" for clip in clips}
    split = split_images([], clips, frames, {})
    tested = Counter(image.path for image in split.test)
    assert {*tested.values()} == {2}
    # They are held out together, too.
    names = files_taken_at_once([*frames])
    assert len({*names}) == 8
    assert names[::2] == names[1::2]
    assert not {"0.mp4", "1.mp4", "2.mp4", "3.mp4"} & {*tested}
