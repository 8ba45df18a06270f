"""What --truth says of each clip."""

from pathlib import Path

import pytest

from activity.common.errors import UserError
from activity.labelling.jobs import plan_jobs
from activity.labelling.outputs import Outputs
from activity.labelling.review.data_files import data_file
from activity.labelling.truths import check_labels
from activity.temporal.segments import Segment

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
    check_labels(truth, ["chess", "tennis"])
    with pytest.raises(UserError, match="line 3: 'chess' is none of the labels: tennis, unknown"):
        check_labels(truth, ["tennis"])


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
