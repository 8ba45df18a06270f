"""What --truth says of each clip."""

import json
from pathlib import Path

import pytest

from activity.common.errors import UserError
from activity.labelling.outputs import Outputs
from activity.labelling.planning import plan_jobs
from activity.labelling.review.data_files import data_file
from activity.labelling.review.writer import write_clip as write_clip_on_page
from activity.labelling.truths import check_truths, known_before
from activity.temporal.judgement import Truth
from activity.temporal.segments import Segment
from tests.conftest import write_clip
from tests.labelling.review.drawn_page import FPS, review_clip
from tests.labelling.test_label_clip import SAVED

HEADER = "clip,start,end,label\n"


@pytest.fixture
def clips(tmp_path: Path) -> list[str]:
    (tmp_path / "clips").mkdir()
    paths = [tmp_path / "clips" / name for name in ("a.mp4", "b.mp4", "c.mp4")]
    for path in paths:
        path.write_bytes(path.name.encode())
    return [str(path) for path in paths]


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "review" / "corrected.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_a_table_of_many_clips_gives_each_clip_its_rows(clips: list[str], tmp_path: Path) -> None:
    truth = table(
        tmp_path, HEADER + "../clips/a.mp4,0,4,tennis\nb.mp4,0,2,golf\n../clips/a.mp4,5,6,golf\n"
    )
    jobs = plan_jobs(clips, Outputs(), truth)
    assert [job.truth and list(job.truth.segments) for job in jobs] == [
        [Segment(0, 4, "tennis"), Segment(5, 6, "golf")],
        [Segment(0, 2, "golf")],
        None,
    ]
    # One clip takes its rows, too; others of the table need not be labelled.
    (job,) = plan_jobs(clips[1:2], Outputs(tmp_path / "b.mp4"), truth)
    assert job.truth.segments == [Segment(0, 2, "golf")]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("gone.mp4,0,4,tennis\n", "corrected.csv: gone.mp4 is neither where the table says nor"),
        ("a.mp4,0,4,tennis\n../clips/a.mp4,0,4,golf\n", "different things of a.mp4 under two"),
        ("a.mp4,0,4,tennis\na.mp4,3,5,tennis\n", "line 3: this segment starts at 3 s, before"),
        ("a.mp4,0,4\n", "line 2: 3 values instead of 4"),
        (",0,4,tennis\n", "line 2: it does not say which clip it is about"),
        ("", "it names none of the clips of --input"),
    ],
)
def test_a_table_of_many_clips_that_is_wrong_is_one_line(
    clips: list[str], rows: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        plan_jobs(clips, Outputs(), table(tmp_path, HEADER + rows))


def test_a_name_that_two_clips_have_is_refused(clips: list[str], tmp_path: Path) -> None:
    other = tmp_path / "other" / "a.mp4"
    other.parent.mkdir()
    other.write_bytes(b"other")
    truth = table(tmp_path, HEADER + "a.mp4,0,4,tennis\n")
    with pytest.raises(UserError, match=r"a.mp4 could be any of .*: name the clip by its path"):
        plan_jobs([clips[0], str(other)], Outputs(), truth)


def test_a_label_that_the_model_does_not_know_is_named_with_its_line(tmp_path: Path) -> None:
    truth = table(tmp_path, HEADER + "a.mp4,0,4,tennis\nb.mp4,0,2,chess\n")
    check_truths([Truth(truth, [])], ["chess", "tennis"])
    with pytest.raises(UserError, match="line 3: 'chess' is none of the labels: tennis, unknown"):
        check_truths([Truth(truth, [])], ["tennis"])


def test_a_page_that_has_shown_a_clip_is_found(clips: list[str], tmp_path: Path) -> None:
    page = tmp_path / "review"
    truth = table(tmp_path, HEADER + "a.mp4,0,4,tennis\nb.mp4,0,4,tennis\n")
    data = data_file(page, "a")
    data.parent.mkdir()
    data.write_text("// written before\n")
    # In the folder of the table, or in that of the page that is written again.
    jobs = plan_jobs(clips[:2], Outputs(), truth)
    assert [job.earlier for job in jobs] == [data, None]
    beside = truth.rename(tmp_path / "clips" / "a.csv")
    (job,) = plan_jobs(clips[:1], Outputs(review=page), beside)
    assert job.earlier == data
    (job,) = plan_jobs(clips[:1], Outputs(), beside)
    assert job.earlier is None


def test_numbers_of_frames_become_seconds_at_the_rate_of_the_clip(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", ["red"] * 50, fps=25)
    result = {
        "type": "timelinelabels",
        "value": {"ranges": [{"start": 26, "end": 50}], "timelinelabels": ["red"]},
    }
    task = {
        "data": {"video": "/data/upload/1/0a1b2c3d-a.mp4"},
        "annotations": [{"result": [result]}],
    }
    truth = tmp_path / "export.json"
    truth.write_text(json.dumps([task]))
    (job,) = plan_jobs([str(clip)], Outputs(), truth)
    assert job.truth.segments == [Segment(1, 2, "red")]


def test_a_folder_may_hold_files_of_other_programs(clips: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "truth"
    folder.mkdir()
    (folder / "a.txt").write_text("0\t4\ttennis\n")
    (folder / "b.csv").write_text("start,end,label\n0,2,golf\n")
    jobs = plan_jobs(clips, Outputs(), folder)
    assert [job.truth and list(job.truth.segments) for job in jobs] == [
        [Segment(0, 4, "tennis")],
        [Segment(0, 2, "golf")],
        None,
    ]
    (folder / "a.csv").write_text("start,end,label\n0,4,golf\n")
    with pytest.raises(UserError, match=r"a\.csv, .*a\.txt are about one clip: keep the one"):
        plan_jobs(clips, Outputs(), folder)


def test_a_file_that_names_no_clip_wants_the_name_of_one(clips: list[str], tmp_path: Path) -> None:
    truth = tmp_path / "labels.txt"
    truth.write_text("0\t4\ttennis\n")
    (job,) = plan_jobs(clips[:1], Outputs(), truth)
    assert list(job.truth.segments) == [Segment(0, 4, "tennis")]
    with pytest.raises(UserError, match="does not say which clip it is about: name it after"):
        plan_jobs(clips, Outputs(), truth)
    jobs = plan_jobs(clips, Outputs(), truth.rename(tmp_path / "b.txt"))
    assert [job.truth is not None for job in jobs] == [False, True, False]


def test_results_in_the_folder_of_truths_are_no_truths(clips: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "truth"
    folder.mkdir()
    (folder / "a.csv").write_text("start,end,label\n0,4,tennis\n")
    (folder / "a.json").write_text('{"label": "tennis"}')  # a summary of --json
    (job,) = plan_jobs(clips[:1], Outputs(json=folder / "a.json"), folder)
    assert list(job.truth.segments) == [Segment(0, 4, "tennis")]


def test_a_page_of_another_number_of_frames_says_nothing_of_what_was_before(tmp_path: Path) -> None:
    """As where a run has ended early, or has read a damaged clip otherwise."""
    clip = tmp_path / "match.mp4"
    clip.write_bytes(b"a clip")
    drawn = review_clip(clip, [number / FPS for number in range(50)])
    write_clip_on_page(tmp_path, drawn)
    data = data_file(tmp_path, "match")
    found = known_before(data, drawn.shown, 50, SAVED)
    assert found.labels is not None
    assert len(found.labels) == 50
    assert known_before(data, drawn.shown, 49, SAVED).labels is None
