"""Segments as tables and subtitles."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.common.errors import UserError
from activity.temporal.segment_files import check_segments_suffix, write_segments
from activity.temporal.segments import Segment, read_segments
from tests.common.test_tables import NAMES

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


@pytest.mark.parametrize("rate", [24, 25, 30, Fraction(30_000, 1001), 60])
@pytest.mark.parametrize("suffix", [".srt", ".vtt"])
def test_a_change_is_shown_from_its_own_frame_on(
    suffix: str, rate: Fraction | int, tmp_path: Path
) -> None:
    """At each frame of ten minutes: neither label is shown on a frame of the other."""
    exact = [number / Fraction(rate) for number in range(int(600 * rate))]
    times = [float(time) for time in exact]
    path = tmp_path / f"labels{suffix}"
    write_segments(path, [Segment(*bounds, "tennis") for bounds in pairwise(times)])
    cues = [line.split(" --> ") for line in path.read_text().splitlines() if "-->" in line]
    bounds = [[_seconds_of(clock) for clock in cue] for cue in cues]
    assert len(bounds) == len(times) - 1
    for (start, end), (before, time, after) in zip(
        bounds[1:], zip(exact, exact[1:], exact[2:], strict=False), strict=True
    ):
        assert before < start <= time < end <= after


@given(st.integers(0, 10**9), st.integers(1, 10**6), st.integers(1, 2000))
def test_a_change_at_any_frame_time_is_shown_from_its_own_frame_on(
    tmp_path_factory: pytest.TempPathFactory, ticks: int, ticks_per_frame: int, shift: int
) -> None:
    """Times as files have them, in ticks of 1/90,000 s, less that of the first picture."""
    time = float(Fraction(ticks + shift, 90_000)) - float(Fraction(shift, 90_000))
    end = time + ticks_per_frame / 90_000
    path = tmp_path_factory.getbasetemp() / "change.vtt"
    write_segments(path, [Segment(time, end, "tennis")])
    clock = path.read_text().splitlines()[2].split(" --> ")[0]
    # By less than a millisecond: the frame before is farther away.
    assert 0 <= Fraction(ticks, 90_000) - _seconds_of(clock) < Fraction(1, 1000)


def _seconds_of(clock: str) -> Fraction:
    hours, minutes, seconds = clock.replace(",", ".").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)


@given(
    lengths=st.lists(st.integers(1, 10**9), max_size=20),
    labels=st.lists(NAMES | st.sampled_from(["tennis", "unknown"]), min_size=20),
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
    assert read_segments(path) == segments


def test_other_endings_are_refused() -> None:
    check_segments_suffix(Path("labels.SRT"))
    with pytest.raises(UserError, match=r"ending in \.csv, \.srt, \.vtt, \.boris"):
        check_segments_suffix(Path("labels.json"))
