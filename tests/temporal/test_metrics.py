"""The measures of temporal segmentation, against plain definitions and worked examples."""

from dataclasses import replace
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.temporal.judgement import NOT_JUDGED, OVERLAPS, agreement, frame_labels
from activity.temporal.segments import Segment

SEQUENCES = st.lists(st.integers(0, 3), min_size=1, max_size=30)
PAIRS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40)


def judge(predicted: list[int], truth: list[int]):
    return agreement(np.array(predicted), np.array(truth))


def spans(sequence: list[int]) -> list[tuple[int, set[int]]]:
    """Label and frames of each segment."""
    numbered = groupby(enumerate(sequence), key=lambda item: item[1])
    return [(label, {frame for frame, _ in frames}) for label, frames in numbered]


def levenshtein(first: list[int], second: list[int]) -> int:
    if not first or not second:
        return len(first) + len(second)
    return min(
        levenshtein(first[1:], second) + 1,
        levenshtein(first, second[1:]) + 1,
        levenshtein(first[1:], second[1:]) + (first[0] != second[0]),
    )


def plain_f1(predicted: list[int], truth: list[int], least: float) -> float:
    """As the papers tell it: true positives, false positives, false negatives, one by one."""
    true, used = spans(truth), set()
    positives = 0
    for label, frames in spans(predicted):
        overlaps = [
            len(frames & others) / len(frames | others) if label == other else 0.0
            for other, others in true
        ]
        best = int(np.argmax(overlaps))
        if overlaps[best] >= least and best not in used:
            positives += 1
            used.add(best)
    false_positives, false_negatives = len(spans(predicted)) - positives, len(true) - positives
    return 2 * positives / (2 * positives + false_positives + false_negatives)


@given(SEQUENCES)
def test_the_truth_agrees_with_itself(sequence: list[int]) -> None:
    result = judge(sequence, sequence)
    assert (result.frames_right, result.edit, result.f1) == (1, 1, (1, 1, 1))
    assert result.switches == len(spans(sequence)) - 1


@given(PAIRS)
def test_f1_is_what_the_papers_define(pairs: list[tuple[int, int]]) -> None:
    predicted, truth = map(list, zip(*pairs, strict=True))
    expected = [plain_f1(predicted, truth, least) for least in OVERLAPS]
    assert judge(predicted, truth).f1 == pytest.approx(expected)


@given(
    st.lists(st.integers(0, 2), min_size=1, max_size=6),
    st.lists(st.integers(0, 2), min_size=1, max_size=6),
)
def test_the_edit_score_is_the_levenshtein_distance_of_segments(
    first: list[int], second: list[int]
) -> None:
    # Stretched to one length, so that only the order of the segments is compared.
    predicted = [label for label in first for _ in second]
    truth = [label for label in second for _ in first]
    found, true = ([label for label, _ in spans(s)] for s in (first, second))
    expected = 1 - levenshtein(found, true) / max(len(found), len(true))
    assert judge(predicted, truth).edit == pytest.approx(expected)


@given(PAIRS, st.permutations([0, 1, 2]))
def test_the_numbers_of_the_labels_do_not_matter(
    pairs: list[tuple[int, int]], renamed: list[int]
) -> None:
    predicted, truth = map(list, zip(*pairs, strict=True))
    result = judge(predicted, truth)
    assert judge([renamed[i] for i in predicted], [renamed[i] for i in truth]) == replace(
        result, recall={renamed[i]: share for i, share in result.recall.items()}
    )


def test_a_worked_example() -> None:
    truth = [0] * 10 + [1] * 10
    late = [0] * 14 + [1] * 6  # overlaps: 10 of 14 frames, 6 of 10
    result = judge(late, truth)
    assert (result.frames_right, result.edit, result.f1) == (0.8, 1, (1, 1, 1))
    assert (result.recall, result.delay) == ({0: 1, 1: 0.6}, 4)

    flickering = [0, 1] * 5 + [1] * 10
    result = judge(flickering, truth)
    assert result.frames_right == 0.75
    assert result.edit == pytest.approx(2 / 10)
    # Of ten segments, one 0 overlaps the truth by a tenth; the last, eleven 1, by 10 of 11.
    assert result.f1 == pytest.approx((4 / 12, 2 / 12, 2 / 12))


@given(PAIRS)
def test_recall_and_delay_are_what_they_say(pairs: list[tuple[int, int]]) -> None:
    predicted, truth = map(list, zip(*pairs, strict=True))
    result = judge(predicted, truth)
    of = {number: [p for p, t in pairs if t == number] for number in set(truth)}
    assert result.recall == {
        number: pytest.approx(found.count(number) / len(found)) for number, found in of.items()
    }
    delays = []
    for number, frames in spans(truth)[1:]:
        right = [frame for frame in frames if predicted[frame] == number]
        delays.append(min(right) - min(frames) if right else len(frames))
    assert result.delay == (pytest.approx(np.median(delays)) if delays else None)


def test_frames_that_are_not_judged_do_not_count() -> None:
    gap = NOT_JUDGED
    result = judge([0, 0, 1, 2, 1, 1], [0, 0, gap, gap, 1, 1])
    assert (result.frames_right, result.edit, result.f1) == (1, 1, (1, 1, 1))
    assert result.switches == 1


def test_frames_take_the_label_of_the_segment_they_lie_in() -> None:
    segments = [
        Segment(0, 1, "tennis"),
        Segment(1, 2, ""),
        Segment(3, 4, "unknown"),
        Segment(4, 5, "football"),
    ]
    times = np.array([0, 0.999, 1, 1.5, 2, 2.5, 3, 3.999, 4, 5, 6])
    found = frame_labels(segments, times, ["football", "tennis"])
    gap = NOT_JUDGED
    assert found.tolist() == [1, 1, gap, gap, gap, gap, 2, 2, 0, gap, gap]
    assert frame_labels([], times, ["tennis"]).tolist() == [gap] * len(times)
    known = frame_labels(segments, times, ["football", "tennis", "unknown"])
    assert known.tolist() == found.tolist()


def test_a_boundary_belongs_to_the_nearest_frame() -> None:
    """Files round times to milliseconds; a clip may have more frames than that in a second."""
    times = np.arange(100) / 10_000
    segments = [Segment(times[10], times[20], "a"), Segment(times[20] + 4e-7, 1, "b")]
    found = frame_labels(segments, times, ["a", "b"])
    assert found.tolist() == [NOT_JUDGED] * 10 + [0] * 10 + [1] * 80
    # Half a millisecond late is rounding, and one is not.
    late = [Segment(0, 1.0005, "a"), Segment(1.0005, 2.001, "b")]
    assert frame_labels(late, np.array([0.0, 1, 2, 3]), ["a", "b"]).tolist() == [0, 1, 1, -1]


def test_a_flickering_clip_of_hours_is_judged_in_seconds() -> None:
    random = np.random.default_rng(0)
    truth = np.repeat(random.integers(0, 22, 500), 200)
    result = agreement(random.integers(0, 22, len(truth)), truth)
    assert result.frames_right == pytest.approx(1 / 22, abs=0.01)
    assert result.edit < 0.02
