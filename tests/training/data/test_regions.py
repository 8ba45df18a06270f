"""Regions to learn from: which table is about which one, where it lies, and what is wrong."""

import math
from pathlib import Path

import pytest

from activity.common.errors import UserError
from activity.media.frame import Window
from activity.media.images import read_images
from activity.media.region import Region, parse_region
from activity.temporal.formats.annotations import LabelledMedia, Media
from activity.temporal.segment_files import write_annotations
from activity.temporal.segments import Segment
from activity.training.data.dataset import Found, find_images
from activity.training.data.split import build_sets
from activity.training.results.remarks import remarks_on_found
from tests.conftest import COLOURS_BGR, write_halves

LEFT, RIGHT = parse_region("left=0,0,0.5,1"), parse_region("right=0.5,0,0.5,1")
HALVES = (LEFT, RIGHT)
HEADER = "start,end,label\n"
RED, BLUE = [Segment(0, 3, "red")], [Segment(0, 3, "blue")]
SEGMENTS = {"left": RED, "right": BLUE}
NOTHING_SAYS = "nothing says where the region {0} is: give --region {0}=LEFT,TOP,WIDTH,HEIGHT"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set of one clip, red on the left and blue on the right."""
    (tmp_path / "data").mkdir()
    write_halves(tmp_path / "data/match.avi", [("red", "blue")] * 90)
    return tmp_path / "data"


def find(folder: Path, *more: Path, regions: tuple[Region, ...] = HALVES, **options: Path) -> Found:
    return find_images([folder, *more], ["red", "blue"], regions=regions, **options)


def shown(found: Found) -> dict[tuple[str, str], list[Segment]]:
    return {
        (clip.image.file.name, clip.image.region.name if clip.image.region else ""): clip.segments
        for clip in found.clips
    }


BOTH = {("match.avi", region): segments for region, segments in SEGMENTS.items()}


def write_beside(folder: Path) -> None:
    for region, (segment,) in SEGMENTS.items():
        (folder / f"match.{region}.csv").write_text(f"{HEADER}0,3,{segment.label}\n")


def write_audacity(folder: Path) -> None:
    for region, (segment,) in SEGMENTS.items():
        (folder / f"match.{region}.txt").write_text(f"0\t3\t{segment.label}\n")


def write_of_many(folder: Path) -> None:
    (folder / "all.csv").write_text(
        "clip,region,start,end,label\nmatch.avi,left,0,3,red\nmatch.avi,right,0,3,blue\n"
    )


def write_project(folder: Path, name: str) -> None:
    media = Media(folder / "match.avi", 3, 30)
    clips = [LabelledMedia(media, some, region) for region, some in SEGMENTS.items()]
    write_annotations(folder / name, clips, ["red", "blue"])


@pytest.mark.parametrize(
    "write",
    [
        write_beside,
        write_audacity,
        write_of_many,
        lambda folder: write_project(folder, "match.boris"),
        lambda folder: write_project(folder, "project.boris"),
        lambda folder: write_project(folder, "match.eaf"),
    ],
)
def test_whatever_file_says_it_a_region_has_its_segments(folder: Path, write) -> None:
    write(folder)
    found = find(folder)
    assert shown(found) == BOTH
    assert (found.skipped, found.corrected, found.without_table) == ({}, [], [])
    said = remarks_on_found(["red", "blue"], found)
    assert "  red: 1 regions of clips in " + str(folder) in said
    assert "regions that tables are about: left (of 1 clips), right (of 1 clips)" in said


def test_tables_of_regions_in_a_folder_of_corrections_are_about_the_clip_of_their_name(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "red").mkdir()
    (folder / "match.avi").rename(folder / "red/match.avi")
    write_halves(folder / "red/other.avi", [("red", "red")] * 90)
    corrected = tmp_path / "corrected"
    corrected.mkdir()
    (corrected / "match.left.csv").write_text(f"{HEADER}0,3,red\n")
    (corrected / "match.avi.right.csv").write_text(f"{HEADER}0,3,blue\n")
    found = find(folder, corrected)
    # The whole clip is not learned as red.
    assert shown(found) == BOTH | {("other.avi", ""): [Segment(0, math.inf, "red")]}
    assert found.corrected == ["red/match.avi"]
    assert {clip.image.name: clip.part for clip in found.clips} == {
        "red/match.avi (left)": "train",
        "red/match.avi (right)": "train",
        "red/other.avi": None,
    }


def test_a_clip_outside_the_data_sets_has_the_regions_of_its_line(
    folder: Path, tmp_path: Path
) -> None:
    table = tmp_path / "corrected.csv"
    table.write_text(
        "clip,region,start,end,label\ndata/match.avi,left,0,3,red\ndata/match.avi,cage 2,0,3,blue\n"
    )
    regions = tmp_path / "regions.csv"
    regions.write_text(
        "clip,region,left,top,width,height\ndata/match.avi,left,0,0,80,96\n"
        "data/match.avi,cage 2,80,0,80,96\n"
    )
    found = find(table, regions=(), region_table=regions)
    assert shown(found) == {("match.avi", "left"): RED, ("match.avi", "cage 2"): BLUE}
    assert regions in found.inputs


def test_a_clip_without_a_table_of_a_region_is_learned_whole(folder: Path) -> None:
    for label in ("red", "blue"):
        (folder / label).mkdir()
        write_halves(folder / label / "whole.avi", [(label, label)] * 30)
    write_beside(folder)
    found = find(folder, regions=(*HALVES, parse_region("middle=0.25,0,0.5,1")))
    assert shown(found) == BOTH | {("whole.avi", ""): [Segment(0, math.inf, "red")]}
    assert found.without_table == ["middle"]
    assert "regions that no table is about: middle" in remarks_on_found(None, found)


@pytest.mark.parametrize(
    ("table", "skipped"),
    [
        ("match.left.csv", "red/match.left.csv"),
        ("all.csv", "red/all.csv, red/match.avi (left)"),
    ],
)
def test_a_table_of_a_region_that_is_not_given_is_skipped_with_what_to_do(
    folder: Path, table: str, skipped: str
) -> None:
    for label in ("red", "blue"):
        (folder / label).mkdir()
        write_halves(folder / label / "whole.avi", [(label, label)] * 30)
    (folder / "match.avi").rename(folder / "red/match.avi")
    text = f"{HEADER}0,3,blue\n"
    if table == "all.csv":
        text = "clip,region,start,end,label\nmatch.avi,left,0,3,blue\n"
    (folder / "red" / table).write_text(text)
    found = find(folder, regions=(parse_region("lefft=0,0,0.5,1"),))
    assert list(found.skipped) == [skipped]
    assert found.skipped[skipped].startswith(NOTHING_SAYS.format("left"))
    assert found.skipped[skipped].endswith("the nearest name is lefft")
    # A table that names the region says that the whole clip is not what its folder says.
    assert (("match.avi", "") in shown(found)) == (table != "all.csv")


def test_a_name_with_a_point_is_that_of_a_clip_rather_than_of_a_region(folder: Path) -> None:
    write_halves(folder / "match.left.avi", [("blue", "red")] * 90, size=(64, 48))
    write_beside(folder)
    found = find(folder)
    assert shown(found) == {("match.left.avi", ""): RED, ("match.avi", "right"): BLUE}


def test_a_flawed_table_of_a_region_costs_that_region_only(folder: Path) -> None:
    (folder / "red").mkdir()
    (folder / "match.avi").rename(folder / "red/match.avi")
    (folder / "red/match.left.csv").write_text(f"{HEADER}5,4,red\n")
    (folder / "red/match.right.csv").write_text(f"{HEADER}0,3,blue\n3,4,red\n")
    found = find(folder)
    assert [*shown(found)] == [("match.avi", "right")]
    assert "cannot go from 5 to 4" in found.skipped["red/match.avi (left)"]


def test_tables_that_contradict_each_other_on_a_region_are_refused(folder: Path) -> None:
    write_beside(folder)
    write_of_many(folder)
    assert shown(find(folder)) == BOTH
    (folder / "match.left.csv").write_text(f"{HEADER}0,2,red\n")
    with pytest.raises(UserError, match=r"say different things of match.avi \(left\)"):
        find(folder)


def test_frames_are_of_the_pixels_of_the_region(folder: Path, tmp_path: Path) -> None:
    write_beside(folder)
    sets = build_sets(find(folder), 0.5, tmp_path / "cache", outliers=0, seed=0)
    images = [*sets.training]
    assert {str(image) for image in images} > {
        "match.avi (left) at 0 s",
        "match.avi (right) at 0.25 s",
    }
    assert len({image.digest for image in images}) == len(images)
    seen = dict(read_images(images))
    assert len(seen) == len(images) == 24
    for place, frame in seen.items():
        assert frame.size == (80, 96)
        label = sets.labels[images[place]]
        assert abs(frame.pixels[:, :78].mean(axis=(0, 1)) - COLOURS_BGR[label]).max() < 12
    assert {(span.window, span.start, span.end) for span in sets.learned} == {
        (Window(0, 0, 80, 96), 0, 3),
        (Window(80, 0, 80, 96), 0, 3),
    }


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ("left=100,0,80,96", r"left=100,0,80,96 is not inside the frames of match.avi, .* 160x96"),
        ("left=0,0,0.05,1", r"left=0,0,0.05,1 has 8x96 of the 160x96 pixels of match.avi: it"),
    ],
)
def test_a_region_that_a_clip_lacks_ends_it(folder: Path, region: str, message: str) -> None:
    write_beside(folder)
    found = find(folder, regions=(parse_region(region), RIGHT))
    with pytest.raises(UserError, match=message):
        build_sets(found, 1, None, outliers=0, seed=0)


def test_a_region_in_pixels_of_clips_of_two_sizes_ends_it(folder: Path) -> None:
    write_halves(folder / "other.avi", [("red", "blue")] * 30, size=(320, 192))
    (folder / "other.left.csv").write_text(f"{HEADER}0,3,red\n")
    write_beside(folder)
    in_pixels = parse_region("left=0,0,80,96")
    with pytest.raises(UserError, match=r"frames of match.avi are 160x96, those of other.avi 320x"):
        build_sets(find(folder, regions=(in_pixels, RIGHT)), 1, None, outliers=0, seed=0)
    assert len(build_sets(find(folder), 1, None, outliers=0, seed=0).learned) == 3


def test_two_regions_of_one_name_end_it_before_anything_is_read(folder: Path) -> None:
    with pytest.raises(UserError, match="two regions are called LEFT"):
        find(folder, regions=(LEFT, LEFT._replace(name="LEFT")))
