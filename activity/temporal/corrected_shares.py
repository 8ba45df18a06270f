"""How wrong the shares of labels are: corrected by clips that a person has checked.

A classifier that takes a tenth of ``tennis`` for ``golf`` shifts the shares of both. The seconds of
the checked clips, by predicted and by true label, tell how often each label is which in truth. The
share of a true label is the sum of all predicted shares, each times that frequency: the stratified
estimator of P. Olofsson et al., "Good practices for estimating area and assessing accuracy of land
change", Remote Sensing of Environment 148 (2014), section 4.2; the strata are the predicted labels.

It holds where the checked clips are a random sample of all. The interval is that of the percentiles
of the bootstrap (B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13):
the clips are drawn again, with replacement, whole, since the seconds of a clip resemble each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from activity.temporal.judgement import NOT_JUDGED, frame_labels
from activity.temporal.learned import LearnedSpan, is_learned
from activity.temporal.predictions import Predictions
from activity.temporal.segments import UNKNOWN, Segment

FEWEST_CLIPS = 5
"""With fewer checked clips there is no interval."""

_DRAWS = 2000
_INTERVAL = (2.5, 97.5)  # percent
_SEED = 0
_DRAWN_AT_ONCE = 200


def labels_with_unknown(labels: Sequence[str]) -> list[str]:
    """Return the labels, and ``unknown`` last where it is not among them."""
    return [*labels] if UNKNOWN in labels else [*labels, UNKNOWN]


def confusion_in_seconds(
    predictions: Predictions,
    numbers: NDArray[np.integer],
    truth: Sequence[Segment],
    learned: Sequence[LearnedSpan] = (),
) -> NDArray[np.float64]:
    """Count the seconds of a checked clip by predicted and by true label.

    Frames without a truth, and those that the model has learned from, do not count.

    Args:
        predictions: of the clip.
        numbers: number of each frame's label, shape (frames,).
        truth: what it shows.
        learned: spans of it that the model has learned from.

    Returns:
        Shape (n, n), n as ``labels_with_unknown`` has them: rows are predicted, columns true.
    """
    names = labels_with_unknown(predictions.labels)
    true = frame_labels(truth, predictions.times, names)
    counts = (true != NOT_JUDGED) & (true < len(names)) & ~is_learned(predictions.times, learned)
    durations = np.diff([*predictions.times, predictions.end])
    confusion = np.zeros((len(names), len(names)))
    np.add.at(confusion, (numbers[counts], true[counts]), durations[counts])
    return confusion


@dataclass(frozen=True)
class CorrectedShares:
    """The shares of all labels, as corrected by checked clips.

    Attributes:
        confusion: seconds of the checked clips by predicted (row) and true label (column).
        shares: corrected, shape (labels,), 0..1.
        interval: lowest and highest of 95 %, shape (2, labels); None with fewer than
            ``FEWEST_CLIPS`` checked clips.
    """

    confusion: NDArray[np.float64]
    shares: NDArray[np.float64]
    interval: NDArray[np.float64] | None


def corrected_shares(
    predicted: NDArray[np.float64], checked: NDArray[np.float64]
) -> CorrectedShares:
    """Correct the shares of labels.

    Args:
        predicted: seconds of each label in each clip, checked or not, shape (clips, labels).
        checked: confusion of each clip in seconds, shape (clips, labels, labels); zeros for a clip
            that nobody has checked.
    """
    clips, labels = predicted.shape
    flat = checked.reshape(clips, labels * labels)
    whole = np.ones((1, clips))
    shares = _shares(whole, predicted, flat)[0]
    interval = None
    has_truth = flat.any(axis=1)
    if has_truth.sum() >= FEWEST_CLIPS:
        random = np.random.default_rng(_SEED)
        draws = []
        for _ in range(0, _DRAWS, _DRAWN_AT_ONCE):
            # Checked clips and others are drawn apart, so that no draw lacks the former.
            weights = np.zeros((_DRAWN_AT_ONCE, clips))
            for group in (np.flatnonzero(has_truth), np.flatnonzero(~has_truth)):
                if len(group):
                    even = np.full(len(group), 1 / len(group))
                    weights[:, group] = random.multinomial(len(group), even, _DRAWN_AT_ONCE)
            draws.append(_shares(weights, predicted, flat))
        interval = np.percentile(np.concatenate(draws), _INTERVAL, axis=0)
    return CorrectedShares(checked.sum(axis=0), shares, interval)


def _shares(
    weights: NDArray[np.float64], predicted: NDArray[np.float64], flat: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Corrected shares where each clip counts as often as its weight says, a row a draw."""
    labels = predicted.shape[1]
    seconds = weights @ predicted
    confusion = (weights @ flat).reshape(len(weights), labels, labels)
    of_label = confusion.sum(axis=2, keepdims=True)
    # A predicted label that no checked clip has is taken for right.
    frequencies = np.divide(
        confusion,
        of_label,
        out=np.broadcast_to(np.eye(labels), confusion.shape).copy(),
        where=of_label > 0,
    )
    corrected = np.einsum("dp,dpt->dt", seconds, frequencies)
    return np.asarray(corrected / np.maximum(corrected.sum(axis=1, keepdims=True), 1e-300))
