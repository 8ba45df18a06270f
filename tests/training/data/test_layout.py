"""Which folder is the activity, what splits a data set, and what is too ambiguous to guess."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.common.errors import UserError
from activity.training.data.layout import PARTS, Folder, Place, read_layout


def layout(*paths: str, **options: Any) -> dict[str, Place]:
    places = read_layout({Folder(0, tuple(path.split("/"))) for path in paths}, **options)
    return {"/".join(folder.names): place for folder, place in places.items()}


def labels(*paths: str, **options: Any) -> list[str]:
    places = layout(*paths, **options)
    return [places[path].label for path in paths]


@given(st.sets(st.text("abcdetrainvl0123456789 -", min_size=1), min_size=2))
def test_folders_one_deep_are_the_activities_whatever_they_are_called(names: set[str]) -> None:
    parts = {PARTS[name] for name in names if name in PARTS}
    if "train" not in parts:
        assert layout(*names) == {name: Place(name) for name in names}


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        # Deeper, and only one level tells the photos apart.
        (["data/football", "data/tennis"], ["football", "tennis"]),
        (["football/images", "tennis/images"], ["football", "tennis"]),
        (["football/football", "tennis/tennis"], ["football", "tennis"]),
        (["all", "deep/down/all"], ["all", "all"]),
        # Names that count are not activities.
        (["football/video_0003", "football/video_0004"], ["football"] * 2),
        (["Golf/v_Golf_g01_c01", "Polo/v_Polo_g01_c01"], ["Golf", "Polo"]),
        (["2023/football", "2024/tennis"], ["football", "tennis"]),
        (["2023/football/17", "2024/tennis/3"], ["football", "tennis"]),
        (["1", "2"], ["1", "2"]),
        # One of the levels is an activity elsewhere.
        (["football", "football/night"], ["football", "football"]),
        (["football", "ball/football", "tennis"], ["football", "football", "tennis"]),
        # A train is an activity where nothing is beside it to test with.
        (["train", "bus"], ["train", "bus"]),
    ],
)
def test_the_level_that_is_the_activity_is_found(paths: list[str], expected: list[str]) -> None:
    places = layout(*paths)
    assert [places[path].label for path in paths] == expected
    assert {place.part for place in places.values()} == {None}


AMBIGUOUS = ["football/wide", "football/close", "tennis/wide", "tennis/close"]


def test_what_could_be_two_things_is_refused_and_a_flag_decides() -> None:
    with pytest.raises(UserError) as raised:
        layout(*AMBIGUOUS)
    message = str(raised.value)
    assert "football/close could be of football or of close" in message
    assert "--label-folder first" in message
    assert "\n" not in message
    assert labels(*AMBIGUOUS, label_folder="first") == ["football"] * 2 + ["tennis"] * 2
    assert labels(*AMBIGUOUS, label_folder="last") == ["wide", "close"] * 2
    with pytest.raises(UserError, match="of football or of tennis"):
        layout("football", "tennis", "football/tennis")


def test_labels_that_are_asked_for_decide() -> None:
    assert labels(*AMBIGUOUS, wanted=["football", "tennis"]) == ["football"] * 2 + ["tennis"] * 2
    assert labels(*AMBIGUOUS, wanted=["wide", "close"]) == ["wide", "close"] * 2
    # What is not asked for is not refused.
    assert labels("ball/football", "winter/luge", wanted=["football"])[0] == "football"


@pytest.mark.parametrize("validation", ["val", "valid", "Validation"])
@pytest.mark.parametrize("above", ["", "data/"])
def test_a_split_above_the_activities_is_kept(validation: str, above: str) -> None:
    places = layout(
        *(f"{above}{part}/{name}" for part in ("train", validation, "test") for name in "ab")
    )
    assert places[f"{above}train/a"] == Place("a", "train")
    assert places[f"{above}{validation}/b"] == Place("b", "validation")
    assert places[f"{above}test/a"] == Place("a", "test")


def test_a_split_below_the_activities_is_kept() -> None:
    places = layout("football/train", "football/val", "tennis/Train", "tennis/val", "go/train")
    assert {place.label for place in places.values()} == {"football", "tennis", "go"}
    assert [places[f"football/{part}"].part for part in ("train", "val")] == ["train", "validation"]
    assert places["go/train"] == Place("go", "train")


def test_a_flat_part_to_test_with_belongs_to_no_activity() -> None:
    places = layout("train/cats", "train/dogs", "test")
    assert places["test"] == Place("", "test")
    assert places["train/cats"] == Place("cats", "train")


def test_a_flat_part_to_train_on_is_refused_or_an_activity() -> None:
    with pytest.raises(UserError, match=r"train/ itself: it could be an activity, or the part"):
        layout("train", "test", "bus")
    assert labels("train", "test", "bus", label_folder="last") == ["train", "test", "bus"]


def test_frames_of_a_video_belong_together_and_kinds_of_photos_do_not() -> None:
    places = layout(
        "football/video_3", "tennis/video_3", "tennis/rally", "tennis", "football/final"
    )
    assert places["football/video_3"].group == "football/video_3"
    assert places["tennis/video_3"].group == "tennis/video_3"
    assert places["tennis/rally"].group == "tennis/rally"
    places = layout(*AMBIGUOUS, label_folder="first")
    assert {place.group for place in places.values()} == {None}


def test_data_sets_help_each_other_and_are_split_apart() -> None:
    frames, photos = Folder(1, ("football", "night")), Folder(0, ("football",))
    split = [Folder(1, ("train", "tennis")), Folder(1, ("test", "tennis"))]
    places = read_layout([frames, photos, *split])
    assert places[frames].label == "football"
    assert places[photos] == Place("football")
    assert [places[folder].part for folder in split] == ["train", "test"]


NAMES = st.sampled_from(["football", "tennis", "train", "val", "test", "video_1", "17", "close"])


@given(st.sets(st.tuples(st.integers(0, 1), st.lists(NAMES, min_size=1, max_size=4))
               .map(lambda drawn: Folder(drawn[0], tuple(drawn[1]))), max_size=12),
       st.sampled_from([None, "first", "last"]))  # fmt: skip
def test_any_layout_is_read_from_its_own_folders_or_refused_in_one_line(
    folders: set[Folder], label_folder: Any
) -> None:
    try:
        places = read_layout(folders, label_folder=label_folder)
    except UserError as refused:
        message = str(refused)
    else:
        message = ""
    if message:
        assert re.search(r"--label-folder (first|last)", message)
        assert "\n" not in message
        return
    assert places.keys() == folders
    for folder, place in places.items():
        assert place.label in {*folder.names, ""}
        assert place.label or place.part
        assert place.part in {None, *(PARTS.get(name) for name in folder.names)}
        assert place.group in (None, "/".join(folder.names))
    # The order in which folders are listed says nothing.
    assert read_layout(sorted(folders, reverse=True), label_folder=label_folder) == places


@pytest.mark.parametrize(
    ("train", "test"),
    [("seg_train", "seg_test"), ("training_set", "test_set"), ("train2017", "val2017")],
)
def test_parts_of_a_split_have_longer_names_and_a_folder_of_their_own_inside(
    train: str, test: str
) -> None:
    places = layout(f"{train}/{train}/sea", f"{train}/{train}/ice", f"{test}/{test}/sea")
    assert places[f"{train}/{train}/sea"] == Place("sea", "train")
    assert places[f"{test}/{test}/sea"].label == "sea"
    assert places[f"{test}/{test}/sea"].part in ("test", "validation")


def test_names_that_only_contain_a_part_are_activities() -> None:
    assert labels("strength_training", "cross_training") == ["strength_training", "cross_training"]
    assert labels("contest", "trained", "train") == ["contest", "trained", "train"]
    gym = ["circuit_training", "beep_test", "football"]
    assert labels(*gym) == gym
    assert labels(*gym[:2]) == gym[:2]
    assert labels(*(f"{name}/v1" for name in gym)) == gym
    # A train is an activity among means of transport, with or without a split.
    split = [f"{part}/{name}" for part in ("train", "test") for name in ("bus", "train")]
    assert labels(*split) == ["bus", "train"] * 2


def test_unlabelled_photos_beside_a_split_belong_to_no_activity() -> None:
    places = layout("seg_train/sea", "seg_train/ice", "seg_test/sea", "seg_pred/seg_pred")
    assert places["seg_pred/seg_pred"] == Place("")


def test_frames_of_clips_of_one_group_belong_together() -> None:
    places = layout(*(f"Golf/v_Golf_g0{group}_c0{clip}" for group in (1, 2) for clip in (1, 2)))
    assert places["Golf/v_Golf_g01_c01"].group == places["Golf/v_Golf_g01_c02"].group
    assert places["Golf/v_Golf_g01_c01"].group != places["Golf/v_Golf_g02_c01"].group


def test_an_activity_beside_a_split_may_be_split_itself() -> None:
    places = layout("train/a", "test/a", "b/train", "b/test")
    assert places["b/train"] == Place("b", "train")
    assert places["b/test"] == Place("b", "test")
