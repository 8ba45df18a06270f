"""Predictions that tests make up."""

from collections.abc import Sequence

import numpy as np

from activity.temporal.predictions import Predictions

FPS = 25.0
THREE = ("football", "tennis", "weight_lifting")


def predictions_of(
    raw: np.ndarray,
    labels: Sequence[str] = THREE,
    *,
    stride: int = 1,
    frames: int | None = None,
    fps: float = FPS,
) -> Predictions:
    """A clip whose every ``stride``-th frame has a row of ``raw``; as many frames as that gives."""
    frames = len(raw) * stride if frames is None else frames
    times = np.arange(frames) / fps
    return Predictions(times, np.asarray(raw, np.float32), stride, labels, frames / fps)


def random_raw(rows: int, seed: int = 0) -> np.ndarray:
    """Probabilities of a clip in which the activity changes now and then."""
    random = np.random.default_rng(seed)
    own = np.repeat(random.integers(0, 3, rows // 20 + 1), 20)[:rows]
    return (0.6 * random.dirichlet([0.5] * 3, rows) + 0.4 * np.eye(3)[own]).astype(np.float32)
