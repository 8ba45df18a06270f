"""What other programs and libraries make of the files, and what is read of theirs."""

import json
import os
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.common.errors import UserError
from activity.temporal.formats.annotations import LabelledMedia, Media, NamedSegments, Wanted
from activity.temporal.formats.timecode import Timecode
from activity.temporal.segment_files import holds_segments, read_annotations, write_annotations
from activity.temporal.segments import Segment

NTSC = Fraction(30_000, 1001)
LABELS = ["football", "tennis", "golf", "ラベル"]


def on_frames(*spans: tuple[int, int, str]) -> list[Segment]:
    return [Segment(float(start / NTSC), float(end / NTSC), label) for start, end, label in spans]


SEGMENTS = on_frames((0, 100, "tennis"), (100, 101, "football"), (150, 1799, "ラベル"))


def written(folder: Path, name: str, segments: list[Segment], timecode: str | None = None) -> Path:
    media = Media(folder / "match.mp4", 100.1, NTSC, timecode)
    write_annotations(folder / name, [LabelledMedia(media, segments)], LABELS)
    return folder / name


def boris_says(path: Path) -> dict[str, object]:
    python = os.environ.get("BORIS_PYTHON")
    if not python:
        pytest.skip("BORIS_PYTHON names no Python that has BORIS 10 (boris-behav-obs)")
    script = Path(__file__).with_name("ask_boris.py")
    done = subprocess.run([python, script, path], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_boris_opens_a_project_of_many_clips_and_counts_the_same(tmp_path: Path) -> None:
    clips = [
        LabelledMedia(Media(tmp_path / "a.mp4", 100.1, NTSC), SEGMENTS),
        LabelledMedia(Media(tmp_path / "b.mp4", 9.0, NTSC), [Segment(0, 9, "golf")]),
        LabelledMedia(Media(tmp_path / "b.avi", 9.0, NTSC), [Segment(0, 4.0005, "golf")]),
    ]
    write_annotations(tmp_path / "clips.boris", clips, LABELS)
    said = boris_says(tmp_path / "clips.boris")
    assert (said["changed"], said["message"], said["wrong"]) == (False, None, "")
    assert said["paired"] == ["a", "b", "b.avi"]
    for (_, segments), budget in zip(clips, said["budgets"].values(), strict=True):
        for label in LABELS:
            seconds = [end - start for start, end, each in segments if each == label]
            duration, bouts, mean = budget[label]
            assert bouts == len(seconds)
            if seconds:
                assert duration == pytest.approx(sum(seconds), abs=0.001)
                assert mean == pytest.approx(sum(seconds) / bouts, abs=0.001)


@given(frame=st.integers(0, 24 * 3600 * 60 - 1), rate=st.sampled_from([30, 60]))
def test_timecodes_are_those_of_opentimelineio(frame: int, rate: int) -> None:
    opentime = pytest.importorskip("opentimelineio").opentime
    for exact in (Fraction(rate * 1000, 1001), Fraction(rate), Fraction(25)):
        timecode = Timecode.of(Media(Path("a.mp4"), 0.0, exact))
        if frame >= 24 * 3600 * exact:
            continue
        time = opentime.RationalTime(frame, float(exact))
        assert timecode.at(frame) == opentime.to_timecode(time, float(exact), timecode.drop)
        started = Timecode.of(Media(Path("a.mp4"), 0.0, exact, timecode.at(frame)))
        assert (started.first_frame, started.drop) == (frame, timecode.drop)


@pytest.mark.parametrize("timecode", [None, "01:00:00;00", "10:00:00:00"])
def test_opentimelineio_reads_the_markers_at_the_exact_frames(
    timecode: str | None, tmp_path: Path
) -> None:
    otio = pytest.importorskip("opentimelineio")
    timeline = otio.adapters.read_from_file(str(written(tmp_path, "a.otio", SEGMENTS, timecode)))
    (clip,) = timeline.find_clips()
    first = Timecode.of(Media(Path("a.mp4"), 0.0, NTSC, timecode)).first_frame
    assert clip.media_reference.target_url == "match.mp4"
    assert clip.source_range.start_time == otio.opentime.RationalTime(first, 30_000 / 1001)
    assert clip.source_range.duration.value == 3000
    assert timeline.global_start_time.value == first
    found = [
        (marker.name, marker.marked_range.start_time.value - first, marker.marked_range.duration)
        for marker in clip.markers
    ]
    assert [(name, start, duration.value) for name, start, duration in found] == [
        ("tennis", 0, 100),
        ("football", 100, 1),
        ("ラベル", 150, 1649),
    ]
    assert {duration.rate for *_, duration in found} == {30_000 / 1001}
    assert len({marker.color for marker in clip.markers}) == 3


def test_resolve_markers_keep_pace_with_the_clock(tmp_path: Path) -> None:
    segments = on_frames((0, 1800, "tennis"), (1800, 1802, "a|b"))
    lines = written(tmp_path, "a.edl", segments).read_text().splitlines()
    assert lines == [
        "TITLE: match",
        "FCM: DROP FRAME",
        "",
        "001  001      V     C        00:00:00;00 00:00:00;01 00:00:00;00 00:00:00;01  ",
        " |C:ResolveColorGreen |M:tennis |D:1800",
        "",
        "002  001      V     C        00:01:00;02 00:01:00;03 00:01:00;02 00:01:00;03  ",
        " |C:ResolveColorCyan |M:a/b |D:2",
        "",
    ]
    text = written(tmp_path, "a.edl", segments, "01:00:00:00").read_text()
    assert "FCM: NON-DROP FRAME" in text
    assert "01:01:00:00 01:01:00:01" in text


def test_pympi_reads_the_tier_and_its_clip(tmp_path: Path) -> None:
    elan = pytest.importorskip("pympi").Elan
    file = elan.Eaf(str(written(tmp_path, "a.eaf", SEGMENTS)))
    assert list(file.get_tier_names()) == ["activity"]
    expected = [(round(start * 1000), round(end * 1000), label) for start, end, label in SEGMENTS]
    assert sorted(file.get_annotation_data_for_tier("activity")) == expected
    assert file.media_descriptors[0]["RELATIVE_MEDIA_URL"] == "./match.mp4"
    assert file.media_descriptors[0]["MIME_TYPE"] == "video/mp4"


def test_the_tier_with_known_labels_is_taken_or_the_one_that_is_named(tmp_path: Path) -> None:
    elan = pytest.importorskip("pympi").Elan
    file = elan.Eaf()  # has an empty tier "default"
    file.add_linked_file("/far/away/match.mkv", "./match.mkv", "video/x-matroska", 500)
    for tier, label in (("speech", "hello"), ("sport", "tennis")):
        file.add_tier(tier)
        file.add_annotation(tier, 1000, 2500, label)
    path = tmp_path / "a.eaf"
    file.to_file(str(path))
    with pytest.raises(UserError, match=r"several tiers: name one .* default, speech, sport"):
        read_annotations(path)
    # The media starts at half a second: 1000 ms are a second and a half of it.
    sport = NamedSegments("match.mkv", [Segment(1.5, 3.0, "tennis")])
    assert read_annotations(path, Wanted(labels=["tennis"])).clips == [sport]
    (speech,) = read_annotations(path, Wanted("speech", ["tennis"])).clips
    assert speech.segments == [Segment(1.5, 3.0, "hello")]
    with pytest.raises(UserError, match="has no tier spech: it has default, speech, sport"):
        read_annotations(path, Wanted("spech"))


def test_kloppy_reads_the_instances_and_its_own_are_read(tmp_path: Path) -> None:
    sportscode = pytest.importorskip("kloppy.sportscode")
    codes = sportscode.load(str(written(tmp_path, "a.xml", SEGMENTS))).codes
    assert [code.code for code in codes] == ["tennis", "football", "ラベル"]
    for code, (start, end, _) in zip(codes, SEGMENTS, strict=True):
        assert code.start_timestamp.total_seconds() == pytest.approx(start, abs=1e-6)
        assert code.end_timestamp.total_seconds() == pytest.approx(end, abs=1e-6)


BORIS_PROJECT = {
    "project_format_version": "7.0",
    "behaviors_conf": {
        "0": {"type": "State event", "code": "tennis"},
        "1": {"type": "State event", "code": "golf"},
        "2": {"type": "Point event", "code": "ace"},
    },
    "observations": {},
}


def observation(events: list[list[object]], *media: str, **more: object) -> dict[str, object]:
    info = {"length": dict.fromkeys(media, 10.0), "offset": {"1": 0.0}}
    return {
        "type": "MEDIA",
        "file": {"1": [*media], "2": []},
        "events": events,
        "time offset": 0,
        "media_info": info,
    } | more


def boris(folder: Path, **observations: dict[str, object]) -> Path:
    path = folder / "lab.boris"
    path.write_text(json.dumps(BORIS_PROJECT | {"observations": observations}))
    return path


def test_boris_states_pair_and_the_offset_is_taken_off(tmp_path: Path) -> None:
    events = [[105, "A", "tennis", "fast", ""], [103, "A", "tennis", "", "", 90]]
    point = [[104, "", "ace", "", ""]]
    found = read_annotations(
        boris(tmp_path, one=observation(events + point, "a.mp4", **{"time offset": 100}))
    )
    assert found.clips == [NamedSegments("a.mp4", [Segment(3, 5, "tennis")])]
    assert found.left_out == ["observation 'one': point events, which take no time: 1"]


def test_boris_media_that_follow_each_other_are_told_apart(tmp_path: Path) -> None:
    events = [[8, "", "tennis", "", ""], [12.5, "", "tennis", "", ""]]
    found = read_annotations(boris(tmp_path, one=observation(events, "a.mp4", "b.mp4")))
    assert found.clips == [
        NamedSegments("a.mp4", [Segment(8, 10, "tennis")]),
        NamedSegments("b.mp4", [Segment(0, 2.5, "tennis")]),
    ]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (observation([[1, "", "tennis", "", ""]], "a.mp4"), "'tennis' is started and not stopped"),
        (observation([[1, "", "chess", "", ""]], "a.mp4"), "'chess' is not in the ethogram"),
        (observation([], "a.mp4") | {"type": "LIVE"}, "is not of media"),
        (observation([]), "has no media in player 1"),
        (observation([], "a.mp4", media_creation_date_as_offset=True), "from when its media were"),
        (
            observation([], "a.mp4", media_info={"length": {}, "offset": {"1": 2}}),
            "starts its first player late",
        ),
        (
            observation(
                [[t, s, c, "", ""] for s, c in (("A", "tennis"), ("B", "golf")) for t in (1, 3)],
                "a.mp4",
            ),
            "before 'golf' ends",
        ),
    ],
)
def test_a_flawed_boris_observation_does_not_cost_the_others(
    bad: dict[str, object], reason: str, tmp_path: Path
) -> None:
    good = observation([[1, "", "golf", "", ""], [2, "", "golf", "", ""]], "b.mp4")
    found = read_annotations(boris(tmp_path, bad=bad, good=good))
    assert found.clips == [NamedSegments("b.mp4", [Segment(1, 2, "golf")])]
    assert reason in found.flawed["bad"]


def test_losslesscut_projects_are_json5(tmp_path: Path) -> None:
    path = tmp_path / "match-proj.llc"
    path.write_text(
        "{\n  version: 2, // the newer one\n  mediaFileName: 'it\\'s \\\"a\\\" m\\u00e4tch.mp4',\n"
        "  cutSegments: [\n    {\n      end: 4.5,\n      name: 'tennis: a // b',\n      tags: {},\n"
        '    },\n    {start: +.5e1, end: 60., name: "golf", selected: true},\n'
        "    {start: 61, name: 'a marker'}, /* and\n one */ "
        "{start: 70, end: 80, name: ''},\n  ],\n}"
    )
    found = read_annotations(path)
    assert found.clips == [
        NamedSegments(
            'it\'s "a" mätch.mp4', [Segment(0, 4.5, "tennis: a // b"), Segment(5, 60, "golf")]
        )
    ]
    assert found.left_out == ["segments without a name or an end: 2"]


def test_audacity_labels_with_frequencies_moments_and_decimal_commas(tmp_path: Path) -> None:
    path = tmp_path / "match.txt"
    path.write_text("0,5\t2,25\ttennis\n\\\t100.0\t2000.0\n3\t3\tace\n4\t5\t007\n", "utf-8-sig")
    assert holds_segments(path)
    found = read_annotations(path)
    assert found.clips[0].segments == [Segment(0.5, 2.25, "tennis"), Segment(4, 5, "007")]
    assert found.left_out == ["labels of a moment, which take no time: 1"]
    path.write_text("1\t2\ttennis\nand a note\n")
    with pytest.raises(UserError, match="line 2: 'and a note' is not start, end and label"):
        read_annotations(path)


def test_label_studio_counts_frames_from_one(tmp_path: Path) -> None:
    ranges = [{"start": 1, "end": 30}, {"start": 61, "end": 61}]
    result = {
        "type": "timelinelabels",
        "value": {"ranges": ranges, "timelinelabels": ["tennis"]},
    }
    tasks = [
        {
            "id": 1,
            "data": {"video": "/data/upload/3/0a1b2c3d-match%20one.mp4"},
            "annotations": [{"was_cancelled": True, "result": []}, {"result": [result]}],
        },
        {"id": 2, "data": {"video": "/data/local-files/?d=clips/b.mp4"}, "annotations": []},
    ]
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks))
    assert holds_segments(path)
    (only,) = read_annotations(path).clips
    assert only.clip == "match one.mp4"
    assert only.in_seconds(Fraction(30)) == [Segment(0, 1, "tennis"), Segment(2, 61 / 30, "tennis")]


def test_via_3_segments_with_options_and_with_text(tmp_path: Path) -> None:
    project = {
        "project": {"pid": "__VIA_PROJECT_ID__", "pname": "matches"},
        "config": {},
        "attribute": {
            "1": {"aname": "sport", "type": 4, "options": {"0": "tennis", "1": "golf"}},
            "2": {"aname": "note", "type": 1, "options": {}},
        },
        "file": {"1": {"fid": "1", "fname": "match.mp4", "type": 4}},
        "metadata": {
            "1_a": {"vid": "1", "z": [0.5, 2.0], "xy": [], "av": {"1": "1"}},
            "1_b": {"vid": "1", "z": [3.0], "xy": [2, 10, 10, 5, 5], "av": {"1": "0"}},
            "1_c": {"vid": "1", "z": [0.0, 9.0], "xy": [], "av": {"2": "sunny"}},
        },
        "view": {"1": {"fid_list": ["1"]}},
    }
    path = tmp_path / "via.json"
    path.write_text(json.dumps(project))
    assert holds_segments(path)
    with pytest.raises(UserError, match="these attributes of time: sport, note: name one"):
        read_annotations(path)
    (only,) = read_annotations(path, Wanted("sport")).clips
    assert only == NamedSegments("match.mp4", [Segment(0.5, 2.0, "golf")])


@pytest.mark.parametrize("name", ["notes.txt", "results.json", "photos.xml", "coco.json"])
def test_other_files_are_not_taken_for_segments(name: str, tmp_path: Path) -> None:
    content = {
        "notes.txt": "the tennis court\t1\n",
        "results.json": '{"overall": {"label": "tennis"}, "segments": []}',
        "photos.xml": "<annotation><object>tennis</object></annotation>",
        "coco.json": '{"images": [], "annotations": []}',
    }
    (tmp_path / name).write_text(content[name])
    assert not holds_segments(tmp_path / name)
