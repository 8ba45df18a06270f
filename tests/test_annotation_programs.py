"""Both scripts with the files of other programs, as a lab uses them that has no photo."""

import json
import re
from pathlib import Path

import pytest

from activity.common.errors import UserError
from activity.temporal.segment_files import read_annotations
from activity.temporal.segments import Segment
from tests.conftest import RunMain, Trained, write_clip


def as_scored_by_hand(path: Path, clips: dict[str, list[Segment]]) -> Path:
    """A project that BORIS wrote: events in the order of time, and keys of its own."""
    events = {
        clip: sorted(
            [round(time, 3), "", label, "", "", "NA"]
            for start, end, label in segments
            for time in (start, end)
        )
        for clip, segments in clips.items()
    }
    labels = sorted({label for segments in clips.values() for *_, label in segments})
    project = {
        "time_format": "hh:mm:ss",
        "project_format_version": "7.0",
        "behaviors_conf": {
            str(number): {"type": "State event", "code": label, "modifiers": {}}
            for number, label in enumerate(labels)
        },
        "observations": {
            f"visit of {clip}": {
                "type": "MEDIA",
                "file": {"1": [clip], "2": []},
                "time offset": 0.0,
                "events": some,
                "media_info": {"length": {clip: 4.0}, "fps": {clip: 30.0}},
            }
            for clip, some in events.items()
        },
    }
    path.write_text(json.dumps(project))
    return path


def clips_in(said: str) -> int:
    """How many clips ``train.py`` trains on and tests with."""
    return sum(map(int, re.findall(r"frames of (\d+) clips to t", said)))


def test_a_lab_without_a_photo_trains_labels_corrects_and_learns_again(
    run_train: RunMain, run_predict: RunMain, tmp_path: Path
) -> None:
    known, new, model = tmp_path / "known", tmp_path / "new", tmp_path / "a.model"
    known.mkdir()
    new.mkdir()
    scored = {}
    for number in range(4):
        # In turn, or the place of the bar that moves would be learned.
        first, then = ("red", "blue") if number % 2 else ("blue", "red")
        clip = known / f"{number}.avi"
        write_clip(clip, [first] * 60 + [then] * 60, size=(160, 120 + 2 * number))
        scored[clip.name] = [Segment(0, 2, first), Segment(2, 4, then)]
    write_clip(new / "later.avi", ["blue"] * 60 + ["red"] * 60)
    write_clip(new / "last.avi", ["red"] * 90)
    as_scored_by_hand(known / "lab.boris", scored)

    files = ("--model", model, "--label-bin", tmp_path / "lb.pickle")
    cache = ("--cache", tmp_path / "cache", "--engine", "keras")
    network = ("--backbone", "efficientnet-lite0", "--epochs", 60, "--plot", tmp_path / "p.png")
    said = run_train("--dataset", known, *files, *cache, *network)
    assert clips_in(said) == 4

    project = tmp_path / "labelled.boris"
    label = ("--input", new, *files, *cache, "--smoothing", "viterbi", "--size", 16)
    run_predict(*label, "--segments", project)
    found = {some.clip: some.segments for some in read_annotations(project).clips}
    assert [each.label for each in found["new/later.avi"]] == ["blue", "red"]
    assert abs(found["new/later.avi"][0].end - 2) < 0.2
    assert [each.label for each in found["new/last.avi"]] == ["red"]
    behaviours = json.loads(project.read_text())["behaviors_conf"].values()
    assert [one["code"] for one in behaviours] == ["blue", "red", "unknown"]

    # Somebody opens it, moves a boundary, and stops the last behaviour early.
    content = json.loads(project.read_text())
    events = content["observations"]["later"]["events"]
    events[1][0] = events[2][0] = 1.9
    content["observations"]["last"]["events"][1][0] = 2.5
    project.write_text(json.dumps(content))
    said = run_predict(*label, "--truth", project)
    assert "frames right now: " in said

    said = run_train("--dataset", known, project, *files, *cache, *network)
    assert clips_in(said) == 6


def test_each_ending_is_read_beside_its_clip_and_as_truth(
    run_predict: RunMain, trained: Trained, tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / "match.mp4", ["red"] * 60 + ["blue"] * 60)
    common = ("--model", trained.model, "--label-bin", trained.label_bin, "--cache", trained.cache)
    for suffix in ("boris", "eaf", "xml", "llc", "txt", "otio", "edl"):
        path = tmp_path / f"labels.{suffix}"
        run_predict("--input", clip, *common, "--segments", path, "--size", 1)
        assert path.stat().st_size > 0
        if suffix not in ("otio", "edl"):
            said = run_predict("--input", clip, *common, "--truth", path, "--size", 1)
            assert "frames right now: 1.000 of 120" in said


def test_a_folder_gets_files_of_the_format_that_is_asked_for(
    run_predict: RunMain, trained: Trained, tmp_path: Path
) -> None:
    (tmp_path / "clips").mkdir()
    for name in ("a", "b"):
        write_clip(tmp_path / "clips" / f"{name}.mp4", ["red"] * 30)
    common = ("--model", trained.model, "--label-bin", trained.label_bin, "--cache", trained.cache)
    out = tmp_path / "out"
    run_predict(
        "--input", tmp_path / "clips", *common, "--segments", out, "--segments-format", "eaf"
    )
    assert sorted(path.name for path in out.iterdir()) == ["a.eaf", "b.eaf"]
    said = run_predict("--input", tmp_path / "clips", *common, "--truth", out)
    assert "frames right now: 1.000 of 60" in said


@pytest.mark.parametrize(
    ("clip", "label", "message"),
    [
        ("matsch.mp4", "red", r"matsch.mp4 is neither .*; the nearest name is match.mp4"),
        ("match.mp4", "gren", r"'gren' is none of the labels: .*; the nearest name is green"),
    ],
)
def test_a_name_that_does_not_match_is_told_with_the_nearest(
    run_predict: RunMain, trained: Trained, tmp_path: Path, clip: str, label: str, message: str
) -> None:
    write_clip(tmp_path / "match.mp4", ["red"] * 30)
    project = as_scored_by_hand(tmp_path / "lab.boris", {clip: [Segment(0, 1, label)]})
    common = ("--model", trained.model, "--label-bin", trained.label_bin, "--cache", trained.cache)
    with pytest.raises(UserError, match=message):
        run_predict("--input", tmp_path / "match.mp4", *common, "--truth", project)


def test_a_project_that_is_read_is_not_written_over(
    run_predict: RunMain, trained: Trained, tmp_path: Path
) -> None:
    clips = [write_clip(tmp_path / f"{name}.mp4", ["red"] * 30) for name in ("a", "b")]
    project = as_scored_by_hand(
        tmp_path / "lab.boris", {clip.name: [Segment(0, 1, "red")] for clip in clips}
    )
    was = project.read_bytes()
    common = ("--model", trained.model, "--label-bin", trained.label_bin, "--cache", trained.cache)
    for several in (clips, clips[:1]):
        with pytest.raises(UserError, match=r"would overwrite .*lab.boris, which is read"):
            run_predict("--input", *several, *common, "--truth", project, "--segments", project)
        assert project.read_bytes() == was
