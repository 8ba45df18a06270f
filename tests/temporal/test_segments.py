"""Tables of segments, as people and spreadsheets write them."""

import os
from pathlib import Path

import pytest

from activity.common.errors import UserError
from activity.temporal.segments import Segment, read_segments, read_segments_of_clips

LABELS = ["football", "tennis", "with, comma"]


def table(folder: Path, content: str | bytes) -> Path:
    path = folder / "truth.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_table_is_read_in_the_order_of_time(tmp_path: Path) -> None:
    content = "start,end,label\n4.5,60,unknown\n0,4.5,tennis\n61,62,\n70,1e2,football\n"
    assert read_segments(table(tmp_path, content), LABELS) == [
        Segment(0, 4.5, "tennis"),
        Segment(4.5, 60, "unknown"),
        Segment(61, 62, ""),
        Segment(70, 100, "football"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffstart,end,label\r\n0,1,tennis\r\n",
        "Start, End, Label\n\n 0 , 1.0 , tennis \n\n",
        'start,end,label\n"0","1","tennis"',
        "start,end,label\n0,1,tennis\n,,\n",
    ],
    ids=["as a spreadsheet writes it", "spaces and empty lines", "quoted", "empty cells"],
)
def test_harmless_differences_are_read(tmp_path: Path, content: str) -> None:
    assert read_segments(table(tmp_path, content), LABELS) == [Segment(0, 1, "tennis")]


def test_a_table_without_segments_judges_nothing(tmp_path: Path) -> None:
    assert read_segments(table(tmp_path, "start,end,label\n"), LABELS) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "line 1: the first line should be start,end,label, not ''"),
        ("0,1,tennis\n", "the first line should be start,end,label, not '0,1,tennis'"),
        ("start;end;label\n0;1;tennis\n", "not 'start;end;label'"),
        ("start,end,label\n0,1\n", "line 2: 2 values instead of 3; a line looks like 0,4.5,tennis"),
        ("start,end,label\n0,5,1,0,tennis\n", "line 2: 5 values instead of 3"),
        ("start,end,label\n0:10,1:20,tennis\n", "'0:10' and '1:20' are not both numbers"),
        ("start,end,label\n0,,tennis\n", "'0' and '' are not both numbers"),
        ("start,end,label\n-1,2,tennis\n", "cannot go from -1 to 2 seconds"),
        ("start,end,label\n2,2,tennis\n", "cannot go from 2 to 2 seconds"),
        ("start,end,label\nnan,2,tennis\n", "cannot go from nan to 2"),
        ("start,end,label\n0,inf,tennis\n", "cannot go from 0 to inf"),
        ("start,end,label\n0,1,chess\n", "line 2: 'chess' is none of the labels: football, tennis"),
        (
            "start,end,label\n3,5,tennis\n0,4,football\n",
            "line 2: this segment starts at 3 s, before that of line 3 ends (4 s)",
        ),
        ("start,end,label\n0,1,Fußball\n".encode("latin-1"), "is not UTF-8: save it again"),
        ("start,end,label\n0,1,tennis\n".encode("utf-16"), "is not UTF-8: save it again"),
        ('start,end,label\n0,1,"tennis\n', "line 2: a value that starts with a quote should end"),
        ("start,end,label\n0,1,ten\0nis\n", "'ten\\x00nis' is none of the labels"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_place(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    path = table(tmp_path, content)
    with pytest.raises(UserError) as error:
        read_segments(path, LABELS)
    assert message in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no table of segments"):
        read_segments(tmp_path / "missing.csv", LABELS)
    with pytest.raises(UserError, match="no table of segments"):
        read_segments(tmp_path, LABELS)
    huge = tmp_path / "huge.csv"
    with huge.open("wb") as file:
        file.truncate(2**27)
    with pytest.raises(UserError, match="too large"):
        read_segments(huge, LABELS)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.csv")
        with pytest.raises(UserError, match="no table of segments"):
            read_segments(tmp_path / "pipe.csv", LABELS)


def test_a_table_of_many_clips_is_read_or_its_line_named(tmp_path: Path) -> None:
    def read(text: str) -> dict[str, list[Segment]]:
        (tmp_path / "clips.csv").write_text(text)
        found = read_segments_of_clips(tmp_path / "clips.csv")
        return {str(part): segments for part, segments in found.items()}

    head = "clip,start,end,label\n"
    assert read(f"{head}b.mp4,4,9,tennis\na b.mp4,0,1,unknown\nb.mp4,0,4,football\n") == {
        "b.mp4": [Segment(0, 4, "football"), Segment(4, 9, "tennis")],
        "a b.mp4": [Segment(0, 1, "unknown")],
    }
    regions = "clip,region,start,end,label\n"
    assert read(f"{regions}b.mp4,left,4,9,tennis\nb.mp4,,0,9,golf\nb.mp4,left,0,4,golf\n") == {
        "b.mp4 (left)": [Segment(0, 4, "golf"), Segment(4, 9, "tennis")],
        "b.mp4": [Segment(0, 9, "golf")],
    }
    for text, message in (
        ("start,end,label\n", "line 1: the first line should be clip,start,end,label"),
        (f"{regions}b.mp4,left,0,4\n", "line 2: 4 values instead of 5"),
        (f"{head}b.mp4,0,4\n", "line 2: 3 values instead of 4"),
        (f"{head} ,0,4,tennis\n", "line 2: it does not say which clip it is about"),
        (f"{head}a,0,4,go\nb,0,4,go\na,3,5,go\n", "line 4: this segment starts at 3 s, before"),
        (f"{head}a,4,0,go\n", "line 2: a segment cannot go from 4 to 0"),
    ):
        with pytest.raises(UserError, match=message):
            read(text)
