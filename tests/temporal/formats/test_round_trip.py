"""Every format that is written and read gives the segments back, within its resolution."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from activity.common.errors import UserError
from activity.common.stores import clip_location
from activity.temporal.formats.annotations import LabelledMedia, Media
from activity.temporal.judgement import frame_labels
from activity.temporal.learned import LearnedSpan, is_learned
from activity.temporal.segment_files import (
    FORMATS,
    READ_SUFFIXES,
    SEGMENT_SUFFIXES,
    holds_segments,
    read_annotations,
    write_annotations,
)
from activity.temporal.segments import Segment

BOTH_WAYS = [suffix for suffix in SEGMENT_SUFFIXES if suffix in READ_SUFFIXES]
RESOLUTION = {".boris": 1e-3, ".eaf": 1e-3}  # seconds; of the others a microsecond

LABELS = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ufffe\uffff"),
    min_size=1,
    max_size=20,
).filter(lambda label: label == label.strip())


@st.composite
def clips(draw: st.DrawFn) -> list[Segment]:
    """Segments on whole frames of a clip at 30000/1001 a second, with gaps, some one frame long."""
    labels = draw(st.lists(LABELS, min_size=1, max_size=6, unique=True))
    frame, segments = 0, []
    for _ in range(draw(st.integers(0, 12))):
        start = frame + draw(st.sampled_from([0, 0, 1, 50]))
        frame = start + draw(st.sampled_from([1, 1, 2, 30, 100_000]))
        times = (float(number / Fraction(30_000, 1001)) for number in (start, frame))
        segments.append(Segment(*times, draw(st.sampled_from(labels))))
    return segments


MANY = [Segment(n / 25, (n + 1) / 25, f"ラベル {n}") for n in range(200)]
PERSIAN = "\u0645\u06cc\u200c\u062e\u0648"  # with a sign that keeps letters apart
SCRIPTS = [PERSIAN, "Fußball & <so>", "网球", "a,b|c", "'\"quoted\"'", "007", "1.10", "true"]
IN_ANY_SCRIPT = [Segment(n, n + 1, label) for n, label in enumerate(SCRIPTS)]


def written(path: Path, segments: list[Segment]) -> Path:
    media = Media(path.with_suffix(".mp4"), 10.0, Fraction(30_000, 1001))
    write_annotations(path, [LabelledMedia(media, segments)], ["tennis"])
    return path


@pytest.mark.parametrize("suffix", BOTH_WAYS)
@settings(max_examples=40)
@given(segments=clips())
@example(segments=MANY)
@example(segments=IN_ANY_SCRIPT)
def test_segments_are_read_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, segments: list[Segment]
) -> None:
    path = written(tmp_path_factory.getbasetemp() / f"match{suffix}", segments)
    found = read_annotations(path)
    assert (found.flawed, found.left_out) == ({}, [])
    (only,) = found.clips
    assert only.clip in ("", "match.mp4")
    assert [segment.label for segment in only.segments] == [segment.label for segment in segments]
    most = 0.51 * RESOLUTION.get(suffix, 1e-6)
    for segment, was in zip(only.segments, segments, strict=True):
        assert abs(segment.start - was.start) <= most
        assert abs(segment.end - was.end) <= most


RATES = [24, 25, 30, 50, 60, 120, *(Fraction(whole, 1001) for whole in (24_000, 30_000, 60_000))]


@pytest.mark.parametrize("suffix", BOTH_WAYS)
@settings(max_examples=60)
@given(
    rate=st.sampled_from(RATES),
    lengths=st.lists(st.integers(1, 200), min_size=1, max_size=20),
    digits=st.sampled_from([6, 15]),
)
def test_each_frame_has_its_label_again(
    tmp_path_factory: pytest.TempPathFactory,
    suffix: str,
    rate: Fraction | int,
    lengths: list[int],
    digits: int,
) -> None:
    """Also where the times of frames are those of a table of predictions, to the microsecond."""
    numbers = np.repeat(np.arange(len(lengths)) % 2, lengths)
    exact = [float(frame / Fraction(rate)) for frame in range(len(numbers) + 1)]
    bounds = [exact[frame] for frame in np.cumsum([0, *lengths])]
    segments = [Segment(*some, "ab"[n % 2]) for n, some in enumerate(pairwise(bounds))]
    path = tmp_path_factory.getbasetemp() / f"frames{suffix}"
    media = Media(path.with_suffix(".mp4"), exact[-1], Fraction(rate))
    write_annotations(path, [LabelledMedia(media, segments)])
    (only,) = read_annotations(path).clips
    times = np.round(exact[:-1], digits)
    assert frame_labels(only.segments, times, ["a", "b"]).tolist() == numbers.tolist()
    spans = [LearnedSpan("", start, end) for start, end, label in only.segments if label == "b"]
    assert is_learned(times, spans).tolist() == (numbers == 1).tolist()


@pytest.mark.parametrize("suffix", BOTH_WAYS)
def test_what_nobody_knows_is_a_gap(suffix: str, tmp_path: Path) -> None:
    some = [Segment(0, 1, "tennis"), Segment(1, 2, ""), Segment(2, 3, "unknown")]
    (only,) = read_annotations(written(tmp_path / f"match{suffix}", some)).clips
    assert [each for each in only.segments if each.label] == [some[0], some[2]]


ODD = [
    "two\n\nlines\tand\x00a \udce9",
    " spaces\u3000",
    r"a\x0ab \udce9 \x5c",
    "a\\\udce9",
    r"C:\x41\new",
]


@pytest.mark.parametrize("suffix", BOTH_WAYS)
@pytest.mark.parametrize("label", ODD)
def test_a_label_with_any_characters_is_read_back(suffix: str, label: str, tmp_path: Path) -> None:
    path = written(tmp_path / f"match{suffix}", [Segment(0, 1, label)])
    (only,) = read_annotations(path).clips
    assert only.segments == [Segment(0, 1, label)]


@pytest.mark.parametrize("suffix", [".boris", ".eaf", ".xml", ".llc", ".txt"])
def test_a_label_with_control_characters_stays_on_its_line(suffix: str, tmp_path: Path) -> None:
    path = written(tmp_path / f"match{suffix}", [Segment(0, 1, "two\nlines\x00 \udce9")])
    assert r"two\x0alines\x00 \udce9" in path.read_text().replace("\\\\", "\\")


@pytest.mark.parametrize("suffix", BOTH_WAYS)
def test_what_is_written_is_taken_for_segments(suffix: str, tmp_path: Path) -> None:
    assert holds_segments(written(tmp_path / f"match{suffix}", [Segment(0, 1, "tennis")]))


BAD = {
    "empty": b"",
    "text": b"tennis\n",
    "not_utf8": b"\xff\xfe\x00",
    "json": b'{"a": 1}',
    "deep": b"[" * 100_000,
    "list": b"[1, [2]]",
    "xml": b"<file></file>",
    "half": b"<file><ALL_INSTANCES><instance><start>1",
    "entities": b'<!DOCTYPE a [<!ENTITY b "c">]><file>&b;</file>',
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("suffix", READ_SUFFIXES)
@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_a_bad_file_is_one_line(suffix: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"match{suffix}"
    path.write_bytes(content)
    if suffix == ".txt" and not content:  # a file of labels without a label is one
        assert read_annotations(path).clips[0].segments == []
        return
    with pytest.raises(UserError) as caught:
        read_annotations(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", READ_SUFFIXES)
def test_a_file_that_is_damaged_is_one_line(suffix: str, tmp_path: Path) -> None:
    if FORMATS[suffix].write is None:
        pytest.skip("not written here")
    whole = written(tmp_path / f"match{suffix}", IN_ANY_SCRIPT).read_bytes()
    for end in range(0, len(whole), max(1, len(whole) // 60)):
        for content in (whole[:end], whole[:end] + b'"0' + whole[end + 2 :]):
            path = tmp_path / f"damaged{suffix}"
            path.write_bytes(content)
            if message := refusal(path):
                assert message.startswith((str(path), "cannot"))
                assert "\n" not in message


def refusal(path: Path) -> str:
    try:
        read_annotations(path)
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("suffix", [".xml", ".llc", ".txt"])
def test_two_labels_at_a_time_are_refused_by_name(suffix: str, tmp_path: Path) -> None:
    path = written(tmp_path / f"match{suffix}", [Segment(0, 3, "serve"), Segment(2, 4, "rally")])
    with pytest.raises(UserError, match=r"'rally' starts at 2 s, before 'serve' ends \(3 s\)"):
        read_annotations(path)


def test_a_project_about_a_clip_on_the_web_says_nothing_secret(tmp_path: Path) -> None:
    clip = clip_location("https://me:secret@host/match.mp4?signature=8f2a")
    media = Media(clip, 10.0, Fraction(25))
    path = tmp_path / "match.boris"
    write_annotations(path, [LabelledMedia(media, [Segment(0, 1, "tennis")])])
    assert "secret" not in path.read_text()
    assert "8f2a" not in path.read_text()
    (only,) = read_annotations(path).clips
    assert only.clip == "https://host/match.mp4"
