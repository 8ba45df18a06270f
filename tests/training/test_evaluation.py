"""What is read from predictions of the test photos."""

import numpy as np
import pytest

from activity.media.images import Image
from activity.training.evaluation import Evaluation

NONE = np.empty((0, 2))


def test_mistakes_come_most_confident_first() -> None:
    probabilities = np.array([[0.9, 0.1], [0.3, 0.7], [0.6, 0.4], [0.05, 0.95]])
    evaluation = Evaluation(
        ["a", "b"], [*map(Image, "wxyz")], np.array([0, 0, 1, 0]), probabilities, NONE
    )
    assert evaluation.mistakes() == [3, 1, 2]
    assert evaluation.accuracy == pytest.approx(0.25)


def test_no_mistakes() -> None:
    evaluation = Evaluation(["a", "b"], [Image("x")], np.array([1]), np.array([[0.2, 0.8]]), NONE)
    assert evaluation.mistakes() == []
    assert evaluation.accuracy == 1
