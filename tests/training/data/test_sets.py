"""What images are for, and which stretches of clips they are from."""

import hashlib
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.media.images import Image
from activity.media.region import parse_region
from activity.temporal.learned import LearnedSpan
from activity.temporal.segments import Segment
from activity.training.data.dataset import Found
from activity.training.data.labelled import LabelledClip
from activity.training.data.split import build_sets
from activity.training.results.remarks import under_two_labels
from tests.conftest import write_clip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(("table", "whole", "tested")):
        write_clip(tmp_path / f"{name}.mp4", ["red"] * (30 * (4 - number)), size=(64, 48))
    return tmp_path


def test_stretches_that_give_images_to_learn_from_are_listed(folder: Path) -> None:
    table = [
        Segment(0, 1, "red"),
        Segment(1, 1.2, "blue"),  # too short to give a frame
        Segment(1.2, 2.4, "chess"),  # not to be learned
        Segment(2.4, 3.6, "unknown"),
    ]
    whole = [Segment(0, math.inf, "blue")]
    clips = [
        LabelledClip(Image("table.mp4", None, folder), table, 0, "train"),
        LabelledClip(Image("whole.mp4", None, folder), whole, 0, "train"),
        LabelledClip(Image("tested.mp4", None, folder), whole, 0, "test"),
        LabelledClip(Image("gone.mp4", None, folder), whole, 0, "train"),
    ]
    found = Found([], clips, not_wanted=["chess"])
    of_table, of_whole = (
        hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("table.mp4", "whole.mp4")
    )
    expected = [
        LearnedSpan(of_table, 0, 1),
        LearnedSpan(of_table, 2.4, 3.6),
        LearnedSpan(of_whole, 0, math.inf),
    ]
    sets = build_sets(found, 0.25, None, outliers=10, seed=0)
    assert sets.learned == expected
    # Nothing is learned of what is none of the activities.
    without = build_sets(found, 0.25, None, outliers=0, seed=0)
    assert without.learned == [expected[0], expected[2]]


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


def test_one_rectangle_of_a_clip_under_two_labels_is_named() -> None:
    frame = Image("match.mp4", 1.0, digest="A")
    names = {name: frame._replace(region=parse_region(f"{name}=0,0,80,80")) for name in "ab"}
    assert under_two_labels({names["a"]: "x", names["b"]: "y"}) == [
        {"match.mp4 (a)": "x", "match.mp4 (b)": "y"}
    ]
