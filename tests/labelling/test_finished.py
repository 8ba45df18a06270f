"""Clips that an earlier run has labelled are judged as that run would have judged them."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from activity.common.errors import UserError
from activity.labelling.finished import judge_finished
from activity.labelling.jobs import Job, Settings
from activity.labelling.label_clip import label_clip
from activity.labelling.outputs import Outputs
from activity.labelling.review.data_files import data_file
from activity.network.classifier import OpenClassifier
from activity.temporal.judgement import Judgement, Truth
from activity.temporal.learned import LearnedSpan
from activity.temporal.segments import Segment
from activity.temporal.smoothing import Rolling, Viterbi
from tests.clips import frame_times, write_av_clip
from tests.conftest import write_clip
from tests.labelling.test_label_clip import LABELS, SAVED, mean_colour

SETTINGS = Settings(Rolling(16))
TRUTH = Truth(Path("truth.csv"), [Segment(0.2, 1.5, "red"), Segment(1.5, 3.9, "blue")])


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    colours = ["red"] * 40 + ["green"] * 3 + ["red"] * 7 + ["blue"] * 70
    return write_clip(tmp_path / "clip.mp4", colours)


def judged(
    job: Job, settings: Settings, saved: object = SAVED
) -> tuple[Judgement, Callable[[], Judgement]]:
    """Label and judge a clip, and have it judged again from what was written."""
    (outcome,) = label_clip([job], OpenClassifier(saved, mean_colour), settings)
    return outcome.judgement, lambda: judge_finished(job, saved, settings)


@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("smoothing", [Rolling(16), Rolling(1), Viterbi(16)])
@pytest.mark.parametrize("more", [False, True])
def test_a_table_gives_the_judgement_of_the_run_that_wrote_it(
    more: bool, smoothing: Rolling | Viterbi, stride: int, clip: Path, tmp_path: Path
) -> None:
    settings = Settings(smoothing, stride, compare=(4,))
    outputs = Outputs(csv=tmp_path / "clip.csv", json=tmp_path / "clip.json" if more else None)
    first, again = judged(Job(str(clip), outputs, TRUTH), settings)
    assert first.judged.frames == pytest.approx(111, abs=1)
    assert 0 < first.judged.right < first.judged.frames or stride == 1
    assert again().as_dict() == first.as_dict()


def test_seconds_that_the_model_has_learned_from_are_left_out_again(
    clip: Path, tmp_path: Path
) -> None:
    from activity.common.regular_file import hash_file

    saved = replace(SAVED, learned=(LearnedSpan(hash_file(clip), 0, 1),))
    job = Job(str(clip), Outputs(csv=tmp_path / "clip.csv"), TRUTH)
    first, again = judged(job, Settings(Rolling(4)), saved)
    assert first.learned.frames == 24
    assert again().as_dict() == first.as_dict()


@pytest.mark.parametrize("pauses", [False, True])
def test_a_page_gives_the_judgement_of_the_labels_drawn(pauses: bool, tmp_path: Path) -> None:
    """Also where the page knows the times of its frames by ticks only."""
    milliseconds = [n * 33 + (n * n * 7 % 30 if pauses else 0) for n in range(100)]
    milliseconds[60:] = [time + 9000 * pauses for time in milliseconds[60:]]
    clip = write_av_clip(tmp_path / "clip.mp4", milliseconds)
    times = frame_times(clip)
    # Every edge lies at a frame.
    places = [*range(1, 100, 9)]
    truth = Truth(
        Path("truth.csv"),
        [Segment(times[a], times[b], "green" if a % 2 else "red") for a, b in pairwise(places)],
    )
    job = Job(str(clip), Outputs(review=data_file(tmp_path / "page", "clip")), truth)
    first, again = judged(job, Settings(Viterbi(8), compare=(4,)))
    found = again()
    assert first.judged.frames == places[-1] - places[0]
    assert (found.judged.frames, found.judged.right) == (first.judged.frames, first.judged.right)
    assert found.agreements == {Viterbi(8): first.agreements[Viterbi(8)]}
    assert found.judged.right_before is None


def reason(job: Job, settings: Settings = SETTINGS, saved: object = SAVED) -> str:
    with pytest.raises(UserError) as error:
        judge_finished(job, saved, settings)
    return str(error.value)


def test_why_a_clip_is_not_judged_is_told(clip: Path, tmp_path: Path) -> None:
    table, page = tmp_path / "clip.csv", data_file(tmp_path / "page", "clip")
    summary = tmp_path / "clip.json"
    everything = Job(str(clip), Outputs(csv=table, json=summary, review=page), TRUTH)
    page.parent.mkdir(parents=True)
    settings = SETTINGS
    label_clip([everything], OpenClassifier(SAVED, mean_colour), settings)
    with_table = replace(everything, outputs=Outputs(csv=table))
    with_page = replace(everything, outputs=Outputs(review=page))
    assert judge_finished(everything, SAVED, settings).judged.frames
    assert judge_finished(with_page, SAVED, settings).judged.frames

    assert "neither a table (--csv) nor a review page" in reason(
        replace(everything, outputs=Outputs(json=summary))
    )
    for other in (Settings(Rolling(8)), Settings(Rolling(16), 2), Settings(Viterbi(16))):
        assert reason(everything, other).startswith("it was labelled with other settings")
    assert "another --stride" in reason(with_table, Settings(Rolling(16), 2))
    assert "was made with other settings" in reason(with_table, Settings(Rolling(64)))
    others = replace(SAVED, activities=(*LABELS[:2], "rot"))
    assert "is not a table of the model's labels" in reason(with_table, saved=others)
    assert "of another clip or model" in reason(with_page, saved=others)
    another = replace(SAVED, digest="1" * 64)
    assert reason(everything, saved=another).startswith("another model has labelled it")

    rows = table.read_text().splitlines()
    for flawed in ("1,x,red,red,1,0,0,1", "1,0.03,red,rot,1,0,0,1", "1,0.03,red,red,1", '1,"', ""):
        table.write_text("\n".join([*rows[:2], flawed, *rows[3:]]))
        assert reason(with_table) == f"{table} is damaged"
    table.write_text(rows[0])
    assert "has no frames" in reason(with_table)
    table.unlink()
    assert reason(with_table).startswith(f"cannot read {table}")
    summary.write_text(json.dumps({"model": None}))
    assert "does not say how it was labelled" in reason(everything)
    clip.write_bytes(clip.read_bytes() + b"\0")
    assert "of another clip or model" in reason(with_page)
    clip.unlink()
    assert reason(with_page).startswith(f"cannot reach {clip}")
