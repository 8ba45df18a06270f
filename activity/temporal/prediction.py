"""The prediction for one frame of a clip."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class Prediction:
    """The prediction for one frame, from which tables, summaries and pictures are made.

    Attributes:
        frame: number of the frame, from 0.
        time: time of the frame in the clip, in seconds.
        raw: probabilities of this frame alone, shape (labels,); None for a frame that was not
            classified (between the steps of ``--stride``).
        smoothed: probabilities behind the label, shape (labels,): the mean of the window that
            ends at this frame, or of the segment that contains the frame.
        label: number of the frame's label, which is drawn on it.
    """

    frame: int
    time: float
    raw: NDArray[np.float32] | None
    smoothed: NDArray[np.float64]
    label: int

    @property
    def probability(self) -> float:
        """Smoothed probability of the label, 0..1."""
        return float(self.smoothed[self.label])
