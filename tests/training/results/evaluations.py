"""Evaluations made by hand."""

from collections.abc import Sequence

import numpy as np

from activity.media.images import Image
from activity.network.unknown import UNSURE, Answers
from activity.training.results.score import Evaluation


def evaluation_of(
    labels: Sequence[str], images: Sequence[Image], truth: np.ndarray, probabilities: np.ndarray
) -> Evaluation:
    """An evaluation of images with labels alone, whose confidence is the highest probability."""
    none = Answers.of(np.empty((0, len(labels))))
    return Evaluation(labels, images, truth, Answers.of(probabilities), none, none, UNSURE)
