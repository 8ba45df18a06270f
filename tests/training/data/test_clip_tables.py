"""Tables of segments, and which clip each one is about."""

import os
from pathlib import Path

import pytest

from activity.common.errors import UserError
from activity.media.images import Image
from activity.temporal.formats.annotations import Wanted
from activity.temporal.region_files import RegionsOfClips
from activity.temporal.segments import Segment
from activity.training.data.clips import Table, ToldByTables, read_clip_tables
from tests.conftest import posix

ONE = "start,end,label\n0,4,tennis\n"
SEGMENTS = [Segment(0, 4, "tennis")]


def read(clips: list[Image], tables: list[Table]) -> ToldByTables:
    return read_clip_tables(clips, tables, Wanted(), RegionsOfClips())


def tell(folder: Path, clips: list[str], **tables: str) -> ToldByTables:
    """Write empty clips, then tables (``beside__match`` is beside/match.csv), and read them."""
    for clip in clips:
        (folder / clip).parent.mkdir(parents=True, exist_ok=True)
        (folder / clip).write_bytes(b"")
        os.utime(folder / clip, (1e9, 1e9))
    given = []
    for name, text in tables.items():
        path = folder / (name.replace("__", "/") + ".csv")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        given.append(Table(path.relative_to(folder).as_posix(), path))
    return read([Image(clip, None, folder) for clip in clips], given)


def segments(told: ToldByTables) -> dict[str, list[Segment]]:
    return {clip.path: some for clip, some in told.segments.items()}


def test_a_table_beside_a_clip_is_about_it(tmp_path: Path) -> None:
    told = tell(tmp_path, ["a/match.mp4", "b/match.mp4"], a__match=ONE)
    assert segments(told) == {"a/match.mp4": SEGMENTS}
    assert told.elsewhere == set()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0,4,tennis\n", "the first line should be start,end,label"),
        ("start,end,label\n0,5,tennis\n4,9,football\n", "before that of line 2 ends"),
        ("start,end,label\n5,4,tennis\n", "cannot go from 5 to 4"),
        ("start,end,label\nsoon,4,tennis\n", "are not both numbers"),
        ("start,end,label\n0,4,p\udceache\n", "is not UTF-8"),
    ],
)
def test_a_clip_whose_table_is_flawed_is_skipped_with_the_reason(
    tmp_path: Path, text: str, reason: str
) -> None:
    (tmp_path / "match.mp4").write_bytes(b"")
    (tmp_path / "match.csv").write_text(text, encoding="utf-8", errors="surrogateescape")
    clip = Image("match.mp4", None, tmp_path)
    told = read([clip], [Table("match.csv", tmp_path / "match.csv")])
    assert (told.segments, told.flawed) == ({}, {clip})
    assert reason in told.skipped["match.mp4"]


@pytest.mark.parametrize("name", ["match", "match.mp4"])
def test_a_table_elsewhere_is_about_the_clip_of_its_name(tmp_path: Path, name: str) -> None:
    told = tell(tmp_path, ["clips/match.mp4"], **{f"corrected__{name}": ONE})
    assert segments(told) == {"clips/match.mp4": SEGMENTS}
    assert {clip.path for clip in told.elsewhere} == {"clips/match.mp4"}
    assert [table.name for table in told.tables] == [f"corrected/{name}.csv"]


def test_a_table_may_name_its_clips(tmp_path: Path) -> None:
    outside = tmp_path / "outside/far.avi"
    outside.parent.mkdir()
    outside.write_bytes(b"")
    lines = [
        "../clips/a.mp4,0,4,tennis",
        "b.mp4,0,4,tennis",
        "..\\clips\\c.mp4,0,4,tennis",
        f"{outside.as_posix()},0,4,tennis",
        "../outside/far.avi,6,7,tennis",
    ]
    told = tell(
        tmp_path / "data",
        ["clips/a.mp4", "clips/b.mp4", "clips/c.mp4"],
        corrected__all="clip,start,end,label\n" + "\n".join(lines[:4]) + "\n",
    )
    assert told.skipped == {}
    assert segments(told) == {
        "clips/a.mp4": SEGMENTS,
        "clips/b.mp4": SEGMENTS,
        "clips/c.mp4": SEGMENTS,
        outside.resolve().as_posix(): SEGMENTS,
    }
    assert [clip.file for clip in told.segments][-1] == outside.resolve()


@pytest.mark.parametrize("clip", ["gone.mp4", "/nowhere/gone.mp4", "n" * 5000 + ".mp4", "a\0b.mp4"])
def test_a_missing_clip_is_skipped_and_the_others_are_not(tmp_path: Path, clip: str) -> None:
    told = tell(
        tmp_path,
        ["a.mp4"],
        corrected__all=f"clip,start,end,label\n{clip},0,4,go\na.mp4,0,4,tennis\n",
    )
    assert segments(told) == {"a.mp4": SEGMENTS}
    ((name, reason),) = told.skipped.items()
    assert name == f"corrected/all.csv, {clip}"
    assert "neither where the table says nor in the data sets" in reason


def test_a_table_of_a_missing_or_ambiguous_clip_is_skipped(tmp_path: Path) -> None:
    told = tell(tmp_path, ["x/a.mp4", "y/a.mp4"], c__a=ONE, c__gone=ONE)
    assert told.segments == {}
    assert "a clip a could be any of" in told.skipped["c/a.csv"]
    assert "a clip gone is neither" in told.skipped["c/gone.csv"]
    assert told.flawed == set()


def test_tables_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    other = "clip,start,end,label\nmatch.mp4,0,5,tennis\n"
    with pytest.raises(UserError, match=r"match.csv and c/x.csv say different things of match.mp4"):
        tell(tmp_path, ["match.mp4"], match=ONE, c__x=other)
    told = tell(tmp_path, ["match.mp4"], match=ONE, c__x=other.replace("5", "4"))
    assert segments(told) == {"match.mp4": SEGMENTS}


def test_one_clip_under_two_names_in_a_table_is_named(tmp_path: Path) -> None:
    text = "clip,start,end,label\na.mp4,0,4,tennis\n../a.mp4,5,6,tennis\n"
    told = tell(tmp_path, ["a.mp4"], c__x=text)
    assert told.segments == {}
    assert "different things of a.mp4 under two names" in told.skipped["c/x.csv"]


def test_a_flawed_table_of_many_clips_is_named_by_its_line(tmp_path: Path) -> None:
    told = tell(tmp_path, ["a.mp4"], c__x="clip,start,end,label\na.mp4,0,4\n", c__y="clip,b\n1,2\n")
    assert (
        "line 2: 3 values instead of 4; a line looks like match.mp4,0,4.5,tennis"
        in (told.skipped["c/x.csv"])
    )
    assert [table.name for table in told.others] == ["c/y.csv"]


def test_a_clip_that_has_changed_since_is_told(tmp_path: Path) -> None:
    told = tell(tmp_path, ["a.mp4", "b.mp4"], c__a=ONE, c__b=ONE)
    assert told.older == []
    os.utime(tmp_path / "b.mp4", (4e9, 4e9))
    assert [clip.path for clip in tell_again(tmp_path, "a.mp4", "b.mp4").older] == ["b.mp4"]


def tell_again(folder: Path, *clips: str) -> ToldByTables:
    tables = [Table(path.name, path) for path in sorted(folder.glob("c/*.csv"))]
    return read([Image(clip, None, folder) for clip in clips], tables)


@posix
def test_a_linked_clip_is_known_by_its_target(tmp_path: Path) -> None:
    tell(tmp_path, ["clips/a.mp4"], c__x="clip,start,end,label\na link.mp4,0,4,tennis\n")
    (tmp_path / "c/a link.mp4").symlink_to(tmp_path / "clips/a.mp4")
    told = tell_again(tmp_path, "clips/a.mp4")
    assert segments(told) == {"clips/a.mp4": SEGMENTS}


def test_a_table_beside_two_clips_of_its_name_is_about_neither(tmp_path: Path) -> None:
    told = tell(tmp_path, ["a.mp4", "a.mov", "b.mp4"], a=ONE, b=ONE)
    assert segments(told) == {"b.mp4": SEGMENTS}
    assert {clip.path for clip in told.flawed} == {"a.mp4", "a.mov"}
    assert all("could be any of" in told.skipped[clip] for clip in ("a.mp4", "a.mov"))


def test_files_of_other_programs_are_read_as_tables_are(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.mp4").write_bytes(b"")
    (tmp_path / "a.txt").write_text("0\t4\ttennis\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/b.llc").write_text(
        "{mediaFileName: 'b.mp4', cutSegments: [{start: 0, end: 4, name: 'tennis'}]}"
    )
    (tmp_path / "c.xml").write_text("<file><ALL_INSTANCES><instance/></ALL_INSTANCES></file>")
    tables = [Table(name, tmp_path / name) for name in ("a.txt", "other/b.llc", "c.xml")]
    clips = [Image(f"{name}.mp4", None, tmp_path) for name in ("a", "b", "c")]
    told = read(clips, tables)
    assert segments(told) == {"a.mp4": SEGMENTS, "b.mp4": SEGMENTS}
    assert {clip.path for clip in told.elsewhere} == {"b.mp4"}
    assert {clip.path for clip in told.flawed} == {"c.mp4"}
    assert "is no file of Sportscode instances" in told.skipped["c.mp4"]


def test_two_files_that_differ_by_rounding_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    (tmp_path / "a.csv").write_text("start,end,label\n0,4.000400,tennis\n")
    (tmp_path / "a.txt").write_text("0\t4\ttennis\n")
    tables = [Table(name, tmp_path / name) for name in ("a.csv", "a.txt")]
    told = read([Image("a.mp4", None, tmp_path)], tables)
    assert segments(told) == {"a.mp4": [Segment(0, 4.0004, "tennis")]}
    (tmp_path / "a.txt").write_text("0\t4.1\ttennis\n")
    with pytest.raises(UserError, match=r"a.csv and a.txt say different things of a.mp4"):
        read([Image("a.mp4", None, tmp_path)], tables)


@posix
@pytest.mark.parametrize("named", ["clips/caf\\udce9.mp4", "caf\\udce9.mp4"])
def test_a_name_that_is_not_unicode_is_known_as_the_review_page_spells_it(
    tmp_path: Path, named: str
) -> None:
    clip = "clips/caf\udce9.mp4"
    told = tell(tmp_path, [clip], corrected=f"clip,start,end,label\n{named},0,4,tennis\n")
    assert segments(told) == {clip: SEGMENTS}
    assert told.skipped == {}
