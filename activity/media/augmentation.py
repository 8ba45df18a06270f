"""Augmented views of a photo: the same activity, turned, shifted, zoomed and mirrored."""

import cv2
import numpy as np
from numpy.typing import NDArray

from activity.media.frame import INPUT_SIZE, Frame, Window

# The source tutorial's ranges.
_ROTATION = 30.0  # degrees, either way
_ZOOM = 0.15  # of the size, either way, drawn apart for width and height
_SHIFT = 0.2  # of the size, either way

# Tells the random numbers that choose a stretch from those that turn and shift it.
_OF_STRETCHES = 1


def view_of_photo(
    image: Frame, digest: str, view: int, side: int = INPUT_SIZE
) -> NDArray[np.uint8]:
    """Show the network one view of a photo, or of a frame of a clip.

    Args:
        image: the photo.
        digest: SHA-256 of the photo's file, in hexadecimal.
        view: 0 is the photo as frames are seen, its centre square; 1 is all of it, squashed. 2, 3,
            ... are augmented, each from a stretch of the photo that is more or less squashed:
            between a square somewhere along its longer side, and all of it.
        side: width and height of the network's input in pixels.

    Returns:
        RGB, uint8, shape (side, side, 3); it depends on the photo, the number and the size alone.
    """
    if view == 0:
        return image.network_input(side=side)
    if view == 1:
        return image.network_input("squashed", side)
    random = np.random.default_rng([int(digest[:16], 16), view, _OF_STRETCHES])
    width, height = image.size
    shorter = min(height, width)
    wide = int(random.integers(shorter, width, endpoint=True))
    high = int(random.integers(shorter, height, endpoint=True))
    left = int(random.integers(width - wide, endpoint=True))
    top = int(random.integers(height - high, endpoint=True))
    return augmented_view(image.window(Window(left, top, wide, high), side), digest, view)


def augmented_view(pixels: NDArray[np.uint8], digest: str, view: int) -> NDArray[np.uint8]:
    """Draw one augmented view of a photo.

    The view depends on nothing but the photo's content and the view's number, so its features
    can be kept from run to run. (Keras's random layers draw from one stream for a whole batch:
    there a photo's view depends on its neighbours.)

    Args:
        pixels: the photo, RGB, uint8, shape (height, width, 3).
        digest: SHA-256 of the photo's file, in hexadecimal.
        view: 0 is the photo itself; 1, 2, ... are augmented.

    Returns:
        RGB, uint8, of the same shape; where the transformed photo leaves the frame empty, the
        nearest pixel is repeated.
    """
    if view == 0:
        return pixels
    random = np.random.default_rng([int(digest[:16], 16), view])
    height, width = pixels.shape[:2]
    angle = np.deg2rad(random.uniform(-_ROTATION, _ROTATION))
    mirror = random.choice([-1.0, 1.0])
    zoom = random.uniform(1 - _ZOOM, 1 + _ZOOM, size=2) * [mirror, 1.0]
    shift = random.uniform(-_SHIFT, _SHIFT, size=2) * [width, height]
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = rotation * zoom
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    matrix = np.column_stack([linear, centre + shift - linear @ centre])
    moved = cv2.warpAffine(
        pixels, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.uint8)
