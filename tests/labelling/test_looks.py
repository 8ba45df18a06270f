"""What unknown and doubtful segments look like."""

import numpy as np

from activity.labelling.report import format_looks
from activity.labelling.review.doubt import with_looks
from activity.network.imagenet_names import NAMES
from activity.network.profiles import names_kept
from activity.temporal.predictions import Predictions
from activity.temporal.summary import Summary, summarise

LABELS = ("football", "tennis", "unknown")
BASEBALL, BALLPLAYER, RACKET = 429, 981, 752


def summary_of(raw: list[list[float]], names: list[int], numbers: list[int]) -> Summary:
    """A clip of a frame a second and of these names, labelled with these numbers."""
    looks = []
    for name in names:
        row = np.full(NAMES, 1e-6, np.float32)
        row[name] = 0.9
        looks.append(names_kept(row))
    times = np.arange(len(raw), dtype=float)
    probabilities = np.array(raw, np.float32)
    known = Predictions(times, probabilities, 1, LABELS, float(len(raw)), np.stack(looks))
    return with_looks(summarise(known, np.array(numbers), "smoothed"), known)


def test_unknown_and_doubtful_segments_have_names_and_others_none() -> None:
    summary = summary_of(
        [[0.9, 0.1, 0]] * 3 + [[0, 0, 1]] * 4 + [[0.4, 0.6, 0]] * 2,
        [RACKET] * 3 + [BALLPLAYER] * 3 + [BASEBALL] + [RACKET] * 2,
        [0] * 3 + [2] * 4 + [1] * 2,
    )
    assert [run.looks_like for run in summary.runs] == [
        *((), ("ballplayer", "baseball"), ("racket",))
    ]
    assert [*format_looks(summary)] == [
        "unknown, 0:03 to 0:07: looks like ballplayer, baseball",
        "tennis, 0:07 to 0:09: looks like racket",
    ]
    told = [segment.get("looks_like") for segment in summary.as_dict()["segments"]]
    assert told == [None, ["ballplayer", "baseball"], ["racket"]]


def test_the_longest_segments_are_told_of_and_the_others_counted() -> None:
    rows, numbers = [], []
    for length in (1, 3, 2, 4, 1, 5, 6, 7):
        rows += [[0, 0, 1.0]] * length + [[1.0, 0, 0]]
        numbers += [2] * length + [0]
    lines = [*format_looks(summary_of(rows, [BASEBALL] * len(rows), numbers))]
    assert len(lines) == 6
    assert lines[0] == "unknown, 0:02 to 0:05: looks like baseball"
    assert lines[-1] == "3 shorter segments are unknown or doubtful, too"


def test_without_names_a_summary_stays_as_it_is() -> None:
    known = Predictions(np.zeros(1), np.array([[0, 0, 1]], np.float32), 1, LABELS, 1.0)
    summary = summarise(known, np.array([2]), "smoothed")
    assert with_looks(summary, known) is summary
    assert [*format_looks(summary)] == []
