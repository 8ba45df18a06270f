"""Shares corrected by checked clips: exact where they can be, and as sure as they say."""

import numpy as np
import pytest

from activity.temporal.corrected_shares import (
    FEWEST_CLIPS,
    confusion_in_seconds,
    corrected_shares,
    labels_with_unknown,
)
from activity.temporal.learned import LearnedSpan
from activity.temporal.segments import Segment
from tests.predictions import predictions_of


def test_the_seconds_of_a_clip_by_predicted_and_true_label() -> None:
    known = predictions_of(np.eye(3)[[0, 0, 1, 1, 1]], ("golf", "tennis", "chess"), fps=1)
    numbers = np.array([0, 0, 1, 1, 1], np.uint8)
    truth = [Segment(0, 1, "golf"), Segment(1, 3, "tennis"), Segment(3, 4, "unknown")]
    confusion = confusion_in_seconds(known, numbers, truth)
    assert labels_with_unknown(known.labels) == ["golf", "tennis", "chess", "unknown"]
    assert confusion.tolist() == [[1, 1, 0, 0], [0, 1, 0, 1], [0] * 4, [0] * 4]
    learned = [LearnedSpan("0" * 64, 0.0, 2.0)]
    assert confusion_in_seconds(known, numbers, truth, learned).sum() == 2


def test_where_all_clips_are_checked_the_shares_are_the_true_ones() -> None:
    random = np.random.default_rng(3)
    confusions = random.gamma(1, 5, (12, 3, 3))
    found = corrected_shares(confusions.sum(axis=2), confusions)
    assert found.shares == pytest.approx(confusions.sum(axis=(0, 1)) / confusions.sum())
    assert found.interval is not None
    low, high = found.interval
    assert ((low <= found.shares) & (found.shares <= high)).all()


def test_a_known_confusion_is_undone() -> None:
    # A fifth of what is called golf is tennis, and nothing else is wrong.
    right = np.array([[0.8, 0.2], [0.0, 1.0]])
    predicted = np.array([[10.0, 10.0]] * 10)
    checked = np.zeros((10, 2, 2))
    checked[:6] = right * 10
    found = corrected_shares(predicted, checked)
    assert found.shares == pytest.approx([0.4, 0.6])
    assert found.interval is not None
    assert found.interval[0] == pytest.approx([0.4, 0.6])  # all checked clips say the same


def test_few_checked_clips_give_no_interval_and_unchecked_labels_are_taken_as_they_are() -> None:
    predicted = np.array([[10.0, 0.0], [0.0, 10.0]])
    checked = np.zeros((2, 2, 2))
    checked[0, 0] = [5, 5]
    found = corrected_shares(predicted, checked)
    assert found.interval is None
    assert found.shares == pytest.approx([0.25, 0.75])
    assert FEWEST_CLIPS > 1


@pytest.mark.parametrize("checked", [20, 100])
def test_the_interval_covers_the_truth_in_nineteen_of_twenty_draws(checked: int) -> None:
    random = np.random.default_rng(1)
    mean = np.array([5.0, 3.0, 1.5])
    usual = np.array([[0.85, 0.1, 0.05], [0.15, 0.8, 0.05], [0.1, 0.1, 0.8]])
    truth = mean / mean.sum()
    covered = []
    for _ in range(200):
        confusions = np.zeros((100, 3, 3))
        for clip, shares in enumerate(random.dirichlet(mean, 100)):
            for label in range(3):
                mistaken = random.dirichlet(8 * usual[label])
                confusions[clip, :, label] = 60 * shares[label] * mistaken
        seen = confusions.copy()
        seen[checked:] = 0
        found = corrected_shares(confusions.sum(axis=2), seen)
        assert found.interval is not None
        low, high = found.interval
        covered.append((low <= truth) & (truth <= high))
    assert (np.mean(covered, axis=0) >= 0.9).all()
    assert (np.mean(covered, axis=0) <= 0.99).all()
