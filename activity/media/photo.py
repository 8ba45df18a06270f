"""A photo: read and decoded safely, and made into what the network sees; frames likewise."""

import errno
import stat
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

INPUT_SIZE = 224
"""Width and height in pixels of what most networks see."""

Framing = Literal["centre", "squashed"]
"""How an image becomes that square: its centre is taken, or its longer side shrunk more."""

# An uncompressed photo of as many pixels as OpenCV is allowed to decode takes less.
_LARGEST_FILE = 2**30


def read_photo(path: Path) -> bytes:
    """Read a photo's file.

    Raises:
        OSError: it cannot be read, is no plain file (opening a pipe would wait for ever), or is
            larger than any photo.
    """
    if check_plain_file(path) > _LARGEST_FILE:
        raise OSError(errno.EINVAL, "not a photo", str(path))
    return path.read_bytes()


def check_plain_file(path: Path) -> int:
    """Return a file's size in bytes.

    Raises:
        OSError: it cannot be reached, or is no plain file.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a plain file", str(path))
    return status.st_size


def decode_photo(content: bytes) -> NDArray[np.uint8] | None:
    """Decode an image file's bytes, upright, as the network sees it; None where it cannot be.

    Returns:
        RGB, uint8, shape (224, 224, 3), or None for content OpenCV cannot read.
    """
    image = decode_image(content)
    return None if image is None else network_input(image)


def decode_image(content: bytes) -> NDArray[np.uint8] | None:
    """Decode an image file's bytes, upright; None where they cannot be.

    Returns:
        BGR, uint8, shape (height, width, 3), or None for content OpenCV cannot read.
    """
    if not content or _is_cut_png(content):
        return None
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if image is None else np.asarray(image, np.uint8)


def _is_cut_png(content: bytes) -> bool:
    """Tell whether a PNG file claims a chunk that goes on beyond the file's end.

    OpenCV cannot read such a file either, but first takes as much memory as the chunk claims:
    4 GB for a file of 2 kB.
    """
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        return False
    place = 8
    while place + 8 <= len(content) and content[place + 4 : place + 8] != b"IEND":
        place += 12 + int.from_bytes(content[place : place + 4], "big")
    return place + 12 > len(content)


def network_input(
    image: NDArray[np.uint8], framing: Framing = "centre", side: int = INPUT_SIZE
) -> NDArray[np.uint8]:
    """Turn a photo or a frame, as OpenCV gives it, into what the network sees.

    A frame is wider than most photos. Squashed, people in it are thinner than in the photos the
    network has learned from; docs/recipe.md says what that costs on real clips.

    Args:
        image: BGR, uint8, shape (height, width, 3).
        framing: ``"centre"`` takes the square in the middle; ``"squashed"`` takes all of the image
            and does not keep its aspect ratio, as the source tutorial does.
        side: width and height of the network's input in pixels.

    Returns:
        RGB, uint8, shape (side, side, 3).
    """
    if framing == "centre":
        image = _centre_square(image)
    height, width = image.shape[:2]
    shrinking = height >= side and width >= side
    # INTER_AREA averages the pixels that become one: other methods skip some and alias.
    method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    resized = cv2.resize(image, (side, side), interpolation=method)
    return np.asarray(cv2.cvtColor(resized, cv2.COLOR_BGR2RGB), np.uint8)


def _centre_square(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]
