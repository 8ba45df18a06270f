"""What is drawn on a frame."""

import cv2
import numpy as np
from numpy.typing import NDArray


def draw_label(frame: NDArray[np.uint8], label: str) -> None:
    """Draw ``activity: <label>`` on a frame, in place.

    Args:
        frame: BGR, uint8, shape (height, width, 3).
        label: name of the activity.
    """
    scale = frame.shape[0] / 400
    thickness = max(1, round(3 * scale))
    place = (round(25 * scale), round(45 * scale))
    cv2.putText(
        frame, f"activity: {label}", place, cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 255, 0), thickness
    )
