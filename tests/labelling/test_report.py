"""What a person is told of a run."""

from fractions import Fraction
from pathlib import Path

from activity.labelling.jobs import Job
from activity.labelling.outputs import Outputs
from activity.labelling.over_clips import OverClips, report_over_clips
from activity.labelling.report import report
from activity.labelling.results import Outcome
from activity.temporal.formats.annotations import Media
from activity.temporal.smoothing import Rolling
from activity.temporal.summary import summarise
from tests.predictions import predictions_of, random_raw


def test_numbers_of_clips_on_the_web_do_not_tell_how_to_reach_them(tmp_path: Path) -> None:
    jobs = [Job(f"https://me:secret@host/{n}.mp4?signature=8f2a", Outputs()) for n in "ab"]
    known = predictions_of(random_raw(30))
    summary = summarise(known, Rolling(1).numbers(known), "averaged")
    outcome = Outcome(summary, 30, 0, None, Media(Path("a.mp4"), known.end, Fraction(30)))
    done, failed = report(jobs, [(job, outcome) for job in jobs], [])
    assert failed == []
    table = tmp_path / "stats.csv"
    report_over_clips(OverClips(tables=[table]), done, 2, known.labels)
    assert "https://host/a.mp4" in table.read_text()
    assert "secret" not in table.read_text()
    assert "8f2a" not in table.read_text()
