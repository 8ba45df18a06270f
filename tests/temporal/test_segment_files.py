"""Segments as tables and subtitles."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.common.errors import UserError
from activity.temporal.segment_files import check_segments_suffix, write_segments
from activity.temporal.segments import Segment, read_segments

SEGMENTS = [Segment(0, 3661.5, "tennis"), Segment(3661.5, 36000.0004, "Fußball & <so>")]


def test_subtitles_in_both_forms(tmp_path: Path) -> None:
    write_segments(tmp_path / "labels.srt", SEGMENTS)
    assert (tmp_path / "labels.srt").read_text(encoding="utf-8") == (
        "1\n00:00:00,000 --> 01:01:01,500\ntennis\n\n"
        "2\n01:01:01,500 --> 10:00:00,000\nFußball & <so>\n"
    )
    write_segments(tmp_path / "labels.VTT", SEGMENTS)
    assert (tmp_path / "labels.VTT").read_text(encoding="utf-8") == (
        "WEBVTT\n\n00:00:00.000 --> 01:01:01.500\ntennis\n\n"
        "01:01:01.500 --> 10:00:00.000\nFußball &amp; &lt;so&gt;\n"
    )


def test_a_label_with_a_line_end_stays_on_its_line(tmp_path: Path) -> None:
    write_segments(tmp_path / "labels.srt", [Segment(0, 1, "two\n\nlines")])
    assert "two\\n\\nlines\n" in (tmp_path / "labels.srt").read_text(encoding="utf-8")


def test_a_dot_in_a_label_stays_in_subrip(tmp_path: Path) -> None:
    write_segments(tmp_path / "labels.srt", [Segment(0, 1, "formula 1.5")])
    assert "formula 1.5\n" in (tmp_path / "labels.srt").read_text(encoding="utf-8")


@given(
    lengths=st.lists(st.integers(1, 10**9), max_size=20),
    labels=st.lists(st.sampled_from(["tennis", "a,b", 'quo"te', "unknown"]), min_size=20),
)
def test_a_table_is_read_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], labels: list[str]
) -> None:
    microseconds, segments = 0, []
    for length, label in zip(lengths, labels, strict=False):
        segments.append(Segment(microseconds / 1e6, (microseconds + length) / 1e6, label))
        microseconds += length
    path = tmp_path_factory.getbasetemp() / "round_trip.csv"
    write_segments(path, segments)
    assert read_segments(path, labels) == segments


def test_other_endings_are_refused() -> None:
    check_segments_suffix(Path("labels.SRT"))
    with pytest.raises(UserError, match=r"ending in \.csv, \.srt, \.vtt, \.boris"):
        check_segments_suffix(Path("labels.json"))
