"""What a truth says of a clip, but for what the model has learned from."""

from pathlib import Path

import numpy as np
import pytest

from activity.temporal.judgement import (
    Earlier,
    Judgement,
    Truth,
    format_judgement,
    format_rightness,
    judge,
)
from activity.temporal.learned import LearnedSpan
from activity.temporal.segments import Segment
from activity.temporal.smoothing import RAW
from tests.predictions import predictions_of

LABELS = ["football", "tennis"]
TABLE = Path("truth.csv")


RAW_OF_CLIP = np.array([[frame < 60, frame >= 60] for frame in range(100)], np.float32)
CLIP = predictions_of(RAW_OF_CLIP, LABELS, fps=10)
"""Ten seconds at ten frames a second: football for 6 s, then tennis."""


def judged(earlier: Earlier, *segments: Segment) -> Judgement:
    return judge(CLIP.times, LABELS, {RAW: RAW.numbers(CLIP)}, RAW, Truth(TABLE, segments), earlier)


def test_what_was_learned_from_is_told_apart() -> None:
    """All is tennis; the model has learned that of 4 s in the middle and of the end."""
    before = np.array([0] * 90 + [1] * 10)
    stretches = [LearnedSpan("0" * 64, 5, 7), LearnedSpan("0" * 64, 8, float("inf"))]
    found = judged(Earlier(stretches, before), Segment(0, 20, "tennis"))
    assert (found.judged.frames, found.judged.right, found.judged.right_before) == (60, 10, 0)
    assert (found.learned.frames, found.learned.right, found.learned.right_before) == (40, 30, 10)
    assert found.learned.seconds == pytest.approx(4)
    assert found.agreements[RAW].frames_right == pytest.approx(10 / 60)
    assert found.as_dict()["frames"] == 60
    assert found.as_dict()["learned_from"] == {
        "frames": 40,
        "seconds": pytest.approx(4),
        "frames_right": 0.75,
        "frames_right_before": 0.25,
    }
    assert format_rightness([found]) == [
        "frames right before: 0.000, as the review page has them",
        "frames right now: 0.167 of 60",
        "left out of that: 4.0 s that the model has learned from (frames right there: 0.750, "
        "before 0.250)",
    ]


def test_where_all_was_learned_from_nothing_is_judged() -> None:
    found = judged(Earlier([LearnedSpan("0" * 64, 0, 3)]), Segment(1, 2, "football"))
    assert found.agreements == {}
    assert format_judgement(found) == (
        "the model has learned from all that truth.csv is about: nothing is judged"
    )
    assert format_rightness([found]) == [
        "left out of that: 1.0 s that the model has learned from (frames right there: 1.000)"
    ]


def test_the_frames_of_all_clips_are_counted_together() -> None:
    right = judged(Earlier(labels=np.zeros(100, int)), Segment(0, 1, "football"))
    wrong = judged(Earlier(labels=np.ones(100, int)), Segment(6, 9, "football"))
    assert format_rightness([right, wrong]) == [
        "frames right before: 0.250, as the review page has them",
        "frames right now: 0.250 of 40",
    ]
    # Of one clip nobody knows what was right before: no figure would be of the same frames.
    unknown = judged(Earlier(), Segment(6, 9, "football"))
    assert format_rightness([right, unknown]) == ["frames right now: 0.250 of 40"]
    assert format_rightness([]) == []
