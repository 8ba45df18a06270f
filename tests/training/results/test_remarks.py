"""What a training run says of its photos and clips."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from activity.media.images import Image
from activity.temporal.segments import Segment
from activity.training.data.dataset import Found
from activity.training.data.labelled import (
    ImageSets,
    LabelledClip,
    LabelledPhoto,
    Part,
    SampledFrames,
)
from activity.training.results.remarks import (
    remarks_on_found,
    remarks_on_sets,
    remarks_on_unreadable,
)
from activity.training.results.score import IdenticalImages, Leakage, remarks_on_score
from tests.training.results.evaluations import evaluation_of


def found(*labels: str, **others: Any) -> Found:
    photos = [LabelledPhoto(Image(f"{label}/1.jpg"), label) for label in labels]
    return replace(Found(photos, []), **others)


def test_which_labels_are_taken_is_told() -> None:
    assert remarks_on_found(None, found("chess", "fencing")) == [
        "fewer than two of weight_lifting, tennis, football were found: taking all activities",
        "learning 2 activities:",
        "  chess: 1 photos in chess",
        "  fencing: 1 photos in fencing",
    ]
    assert remarks_on_found(None, found("tennis", "football", left_out={".php": 9, ".x\n": 2})) == [
        "no photos of weight_lifting: continuing without it",
        "learning 2 activities:",
        "  football: 1 photos in football",
        "  tennis: 1 photos in tennis",
        "left out (neither photos nor clips): 9 .php, 2 .x\\n",
    ]


def test_what_is_learned_is_told_with_the_places_where_it_lies() -> None:
    clips = [
        LabelledClip(
            Image("match.mp4", folder=Path("sports")),
            [Segment(0, 4, "tennis"), Segment(4, 9, "unknown")],
        ),
        LabelledClip(Image("tennis/a.mp4"), [Segment(0, math.inf, "tennis")]),
        LabelledClip(Image("go/b.mp4"), [Segment(0, math.inf, "go")]),
    ]
    photos = [
        LabelledPhoto(Image(path), "tennis")
        for path in ("2023/tennis/1.jpg", "2023/tennis/2.jpg", "2024/te\nnnis/1.jpg")
    ]
    what = found(photos=photos, clips=clips, gave_nothing={"golf": "2 .heic"}, not_followed=["go"])
    assert remarks_on_found(["all"], replace(what, in_no_activity={"test": 3})) == [
        "learning 2 activities:",
        "  go: 1 clips in go",
        "  tennis: 3 photos and 2 clips in 2023/tennis, 2024/te\\nnnis, sports, … (4 in all)",
        "nothing to learn from in golf: 2 .heic",
        "left out: 3 photos in test/ itself, which belong to no activity and cannot be scored",
        "link not followed, because its target is read already: go",
    ]


def test_data_sets_are_told_apart_by_their_folders() -> None:
    photos = [
        LabelledPhoto(Image("tennis/1.jpg", None, Path("a")), "tennis"),
        LabelledPhoto(Image("tennis/2.jpg", None, Path("b")), "tennis", dataset=1),
    ]
    assert "  tennis: 2 photos in a/tennis, b/tennis" in remarks_on_found(
        ["all"], found(photos=photos)
    )


def test_one_picture_under_two_labels_is_named_with_both() -> None:
    labels = {
        Image("football/1.jpg", digest="1"): "football",
        Image("tennis/1.jpg", digest="1"): "tennis",
        Image("tennis/2.jpg", digest="1"): "tennis",
        Image("football/unreadable.jpg"): "football",
        Image("tennis/unreadable.jpg"): "tennis",
        Image("tennis/a.mp4", 0.0, digest="2"): "tennis",
        Image("football/a.mp4", 0.0, digest="2"): "football",
        Image("tennis/a.mp4", 1.0, digest="3"): "tennis",
        Image("football/a.mp4", 1.0, digest="3"): "football",
    }
    frames = [image for image in labels if image.seconds is not None]
    sampled = SampledFrames(seconds=dict.fromkeys(frames, 0.5))
    sets = ImageSets([*labels], [], [], labels, sampled)
    remarks = remarks_on_sets(found(), sets)
    assert remarks[:3] == [
        "2 photos or clips are there under two labels, of which one is wrong:",
        "  football/1.jpg (football), tennis/1.jpg (tennis), tennis/2.jpg (tennis)",
        "  football/a.mp4 (football), tennis/a.mp4 (tennis)",
    ]
    assert remarks[-1] == "learned from clips: 1 s of football, 1 s of tennis"
    same = sets._replace(labels=dict.fromkeys(labels, "tennis"))
    assert not any("two labels" in said for said in remarks_on_sets(found(), same))


def test_a_split_that_is_kept_is_told() -> None:
    def said(*parts: Part | None) -> str:
        photos = [
            LabelledPhoto(Image(f"{n}.jpg"), "tennis", part=part) for n, part in enumerate(parts)
        ]
        sets = ImageSets([], [], [], {}, SampledFrames())
        return remarks_on_sets(found(photos=photos), sets)[0]

    kept = "the existing split is kept: "
    assert kept not in said(None)
    assert said("train", "validation") == f"{kept}its validation part is used for testing"
    assert said("train", "validation", "test") == (
        f"{kept}its test part is used for testing, and its validation part is used for training"
    )


def test_what_clips_and_tables_have_wrong_is_told() -> None:
    clips = [LabelledClip(Image("c.mp4"), [Segment(0, 9, "tennis"), Segment(9, 12, "chess")])]
    what = found(
        "football",
        clips=clips,
        skipped={"b.mp4": "line 3: overlaps"},
        in_tables_only=["fotball", "tennis"],
        not_wanted=["chess"],
        changed=["c.mp4"],
    )
    frames = SampledFrames(
        skipped={"d\n.mp4": "no frame in it"}, too_long=["c.mp4"], without_frames=["e.mp4"]
    )
    photo = Image("football/1.jpg")
    sets = ImageSets([photo], [], [], {photo: "football"}, frames)
    assert remarks_on_sets(what, sets) == [
        "skipped 2 clips or tables:",
        "  b.mp4: line 3: overlaps",
        "  d\\n.mp4: no frame in it",
        "the table of c.mp4 extends beyond the end of the clip",
        "no frames to learn from (no segment with a label, or very short ones only): e.mp4",
        "c.mp4 has changed since its table was written: see whether the times still hold",
        "labels that are in tables of segments, but no folder has: fotball "
        "(the nearest name is football), tennis",
        "segments left out, because their labels were not asked for: chess",
        "1 photos to train on, and nothing to test with: there is no score, and --unknown, which "
        "needs test images, will not work with this model",
    ]


def test_labels_whose_clips_are_too_few_to_split_are_named() -> None:
    training = [Image("t.mp4", 0.0), Image("c.mp4", 0.0), Image("c.mp4", 1.0), Image("t/1.jpg")]
    test = [Image("t/2.jpg"), Image("f.mp4", 3.0)]
    training.append(Image("rugby/1.webp"))  # the only one of its kind
    labels = dict(
        zip(
            [*training, *test],
            ["tennis", "chess", "chess", "tennis", "rugby", "tennis", "f"],
            strict=True,
        )
    )
    frames = [image for image in training if image.seconds is not None]
    sampled = SampledFrames(seconds=dict.fromkeys(frames, 1.0))
    sets = ImageSets(training, test, [], labels, sampled)
    assert remarks_on_sets(found(), sets) == [
        "2 photos and 3 frames of 2 clips to train on, 1 photos and 1 frames of 1 clips to test "
        "with",
        "too few clips to split, so that the score is of photos alone: tennis",
        "too few photos or clips to split, or none in the part to test with, so that there is no "
        "score: chess, rugby",
        "learned from clips: 2 s of chess, 1 s of tennis",
    ]


def test_what_cannot_be_read_is_counted_and_named() -> None:
    assert remarks_on_unreadable([]) == []
    images = [Image("a/\x1b.jpg"), Image("c.mp4", 1.0), Image("c.mp4", 2.0)]
    assert remarks_on_unreadable(images) == [
        "skipped 1 photos that cannot be read:",
        "  a/\\x1b.jpg",
        "skipped 2 frames that cannot be read:",
        "  2 of c.mp4",
    ]


def test_scores_are_given_apart_and_without_copies() -> None:
    images = [Image("1.jpg"), Image("2.jpg"), Image("c.mp4", 0.0), Image("c.mp4", 1.0)]
    evaluation = evaluation_of(
        ["a", "b"], images, np.array([0, 0, 0, 0]), np.eye(2)[[0, 1, 0, 0]] * 0.9 + 0.05
    )
    identical = [IdenticalImages([Image("3.jpg")], [Image("1.jpg")])]
    assert remarks_on_score(evaluation, Leakage(identical, {Image("1.jpg"): Image("3.jpg")})) == [
        "right: 50.0% of 2 photos; 100.0% of 2 frames of 1 clips",
        "too few to test with for a score that means much: a 75% of 3 photos or clips "
        "(95 % interval: 26% to 96%)",
        "1 photos of the test set are byte-identical to training photos: "
        "the score is up to 25.0% too high",
        "1 test images show nearly the same picture as a training image; "
        "without them, 66.7% are right",
    ]
    frames = evaluation_of(["a", "b"], images[2:], np.array([0, 1]), np.eye(2)[[0, 0]])
    assert remarks_on_score(frames, Leakage([], dict.fromkeys(images[2:], Image("3.jpg")))) == [
        "right: 50.0% of 2 frames of 1 clips",
        "too few to test with for a score that means much: a 100% of 1 photos or clips "
        "(95 % interval: 21% to 100%), b 0% of 1 photos or clips (95 % interval: 0% to 79%)",
        "2 test images show nearly the same picture as a training image; without them, none are "
        "left",
    ]
    many = [Image(f"{number}.jpg") for number in range(40)]
    truth = np.arange(40) % 2
    photos = evaluation_of(["a", "b"], many, truth, np.eye(2)[truth])
    assert remarks_on_score(photos, Leakage([], {})) == []
    assert remarks_on_score(photos, Leakage([], None)) == [
        "too many images to look for near copies among them"
    ]


def test_activities_with_too_few_test_photos_for_a_score_are_named() -> None:
    truth = np.repeat([0, 1, 2], [3, 300, 9])
    images = [Image(f"{number}.jpg") for number in range(len(truth))]
    labels = ["che\nss", "football", "golf"]
    evaluation = evaluation_of(labels, images, truth, np.eye(3)[truth])
    assert remarks_on_score(evaluation, Leakage([], {})) == [
        "too few to test with for a score that means much: che\\nss 100% of 3 photos or clips "
        "(95 % interval: 44% to 100%)"
    ]


def test_activities_that_are_rare_beside_another_are_named() -> None:
    no_frames = SampledFrames()

    def remarks(**counts: int) -> list[str]:
        images = [
            (Image(f"{label}/{number}.jpg"), label)
            for label, count in counts.items()
            for number in range(count)
        ]
        training = [image for image, _ in images]
        tested = {Image(f"{label}/test.jpg"): label for label in counts}
        sets = ImageSets(training, list(tested), [], dict(images) | tested, no_frames)
        return remarks_on_sets(found(*counts), sets)[1:]

    assert remarks(tennis=225, football=225, chess=45) == []
    assert remarks(tennis=225, football=230, chess=9, golf=44) == [
        "rare beside football (230 images to learn from), and so recognised less often, although "
        "each image of them counts more: chess (9), golf (44); add photos of them"
    ]
