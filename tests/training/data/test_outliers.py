"""Outliers: which photos of none of the activities are learned, and which are judged by."""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np

from activity.media.images import Image
from activity.training.data.dataset import find_images
from activity.training.data.labelled import ImageSets, LabelledPhoto, Outliers, Part
from activity.training.data.split import build_sets, choose_outliers
from activity.training.results.remarks import remarks_on_sets


def photos_of(label: str, count: int, part: Part | None = None) -> list[LabelledPhoto]:
    names = (f"{label}/{part}{number}.jpg" for number in range(count))
    return [LabelledPhoto(Image(name), label, 0, part) for name in names]


def many(*counts: int) -> list[LabelledPhoto]:
    return [photo for place, n in enumerate(counts) for photo in photos_of(f"label {place}", n)]


def labels_of(images: list[Image]) -> Counter[str]:
    return Counter(image.path.partition("/")[0] for image in images)


def test_photos_are_drawn_evenly_and_one_label_in_five_is_kept_apart() -> None:
    chosen = choose_outliers(many(*[100] * 9, 10), [], 200, seed=1)
    drawn, unseen = labels_of(chosen.photos), labels_of(chosen.unseen)
    assert len(drawn) == 8
    assert len(unseen) == 2
    assert sorted(drawn) == chosen.labels
    assert sorted(unseen) == chosen.unseen_labels
    assert not {*drawn} & {*unseen}
    assert sum(drawn.values()) == 200
    # What a small folder lacks, the others give.
    large = [count for label, count in drawn.items() if label != "label 9"]
    assert max(large) - min(large) <= 1


def test_the_seed_alone_says_which() -> None:
    photos = many(*[50] * 5)
    first, again, other = (choose_outliers(photos, [], 40, seed) for seed in (1, 1, 2))
    assert first == again
    assert first.photos != other.photos


def test_fewer_photos_than_were_asked_for_are_all_taken() -> None:
    photos = many(3, 4, 5)
    chosen = choose_outliers(photos, [], 1000, seed=0)
    assert sorted([*chosen.photos, *chosen.unseen]) == sorted(photo.image for photo in photos)
    assert len(chosen.unseen_labels) == 1


def test_no_outliers_choose_nothing() -> None:
    assert choose_outliers(many(9, 9), [Image("a.mp4", 1.0)], 0, seed=0) == Outliers()


def test_one_label_alone_is_learned_and_unknown_always_is() -> None:
    alone = choose_outliers(many(9), [], 100, seed=0)
    assert (len(alone.photos), alone.unseen) == (9, [])
    for seed in range(5):
        both = choose_outliers([*many(9), *photos_of("unknown", 7)], [], 100, seed)
        assert labels_of(both.photos) == {"label 0": 9, "unknown": 7}
        three = choose_outliers([*many(9, 9), *photos_of("unknown", 7)], [], 100, seed)
        assert labels_of(three.photos)["unknown"] == 7
        assert len(three.photos) == 16


def test_photos_of_the_part_to_test_with_are_not_learned() -> None:
    photos = [*photos_of("chess", 5, "train"), *photos_of("chess", 5, "test")]
    assert labels_of(choose_outliers(photos, [], 100, seed=0).photos) == {"chess": 5}


def test_marked_frames_are_bounded_evenly_over_clips() -> None:
    long = [Image("long.mp4", float(second)) for second in range(500)]
    short = [Image("short.mp4", float(second)) for second in range(5)]
    chosen = choose_outliers([], [*long, *short], 50, seed=0)
    assert Counter(image.path for image in chosen.frames) == {"long.mp4": 45, "short.mp4": 5}


def draw(folder: Path, label: str, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    (folder / label).mkdir(parents=True)
    for number in range(count):
        pixels = random.integers(0, 256, (20, 30, 3), np.uint8)
        cv2.imwrite(str(folder / label / f"{number}.png"), pixels)


def sets_of(folder: Path, labels: list[str], outliers: int = 100) -> tuple[ImageSets, list[str]]:
    found = find_images([folder], labels)
    sets = build_sets(found, 1.0, None, outliers=outliers, seed=0)
    return sets, remarks_on_sets(found, sets)


def test_an_outlier_that_is_also_a_photo_of_an_activity_is_not_learned(tmp_path: Path) -> None:
    for seed, label in enumerate(("tennis", "football", "chess")):
        draw(tmp_path, label, 8, seed)
    (tmp_path / "chess/3.png").write_bytes((tmp_path / "tennis/0.png").read_bytes())
    (tmp_path / "chess/4.png").write_bytes((tmp_path / "chess/5.png").read_bytes())
    sets, remarks = sets_of(tmp_path, ["tennis", "football"])
    assert [image.path for image in sets.outliers.photos] == [
        f"chess/{number}.png" for number in (0, 1, 2, 4, 6, 7)
    ]
    assert all(image.digest for image in sets.outliers.photos)
    assert any("also photos of an activity, and are not used as outliers: 1" in r for r in remarks)
    assert any("learned as none of the activities: 6 photos (photos of chess" in r for r in remarks)
    assert any("no other folder is left to evaluate --unknown with" in r for r in remarks)
    assert {*sets.labels.values()} == {"tennis", "football"}


def test_all_folders_leave_only_unknown_which_is_no_activity(tmp_path: Path) -> None:
    for seed, label in enumerate(("tennis", "football", "unknown")):
        draw(tmp_path, label, 8, seed)
    found = find_images([tmp_path], ["all"])
    assert found.all_labels() == ["football", "tennis"]
    with_outliers, _ = sets_of(tmp_path, ["all"])
    assert labels_of(with_outliers.outliers.photos) == {"unknown": 8}
    without, remarks = sets_of(tmp_path, ["all"], outliers=0)
    assert without.outliers == Outliers()
    assert without.training == with_outliers.training
    assert without.test == with_outliers.test
    assert not any("none of the activities" in remark for remark in remarks)


def test_two_other_folders_are_one_to_learn_and_one_to_judge_by(tmp_path: Path) -> None:
    for seed, label in enumerate(("tennis", "football", "chess", "go")):
        draw(tmp_path, label, 5, seed)
    sets, remarks = sets_of(tmp_path, ["tennis", "football"])
    assert len({*sets.outliers.labels, *sets.outliers.unseen_labels}) == 2
    assert len(sets.outliers.photos) == len(sets.outliers.unseen) == 5
    kept = sets.outliers.unseen_labels[0]
    assert f"set aside to evaluate --unknown: 5 photos of {kept}" in remarks
