"""A photo: read and decoded safely."""

import errno
import hashlib
import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from activity.common.regular_file import check_regular_file
from activity.media.photo_header import Depth, depth_of, size_of, turns_of

LARGEST_FILE = 2**30
"""Bytes. An uncompressed photo of as many pixels as OpenCV is allowed to decode takes less."""

# Photos that are decoded in another way than by the first version: turned, or scaled to 8 bits.
_DECODED_ANEW = b"2"


# What OpenCV goes by; it is set when the package is imported.
_SIZE_LIMIT = "OPENCV_IO_MAX_IMAGE_PIXELS"


def read_photo(path: Path) -> bytes:
    """Read a photo's file.

    Raises:
        OSError: it cannot be read, is not a regular file (opening a pipe would wait for ever), or
            is larger than any photo.
    """
    if check_regular_file(path) > LARGEST_FILE:
        raise OSError(errno.EINVAL, "not a photo", str(path))
    return path.read_bytes()


def hash_photo(content: bytes) -> str:
    """Hash what a photo's file holds, and the way in which it is decoded, where that has changed.

    What was kept under the digest by a version that decoded it otherwise is not found again.

    Returns:
        64 hexadecimal digits; of most photos, SHA-256 of the content.
    """
    digest = hashlib.sha256(content)
    if turns_of(content) or depth_of(content):
        digest.update(_DECODED_ANEW)
    return digest.hexdigest()


def decode_image(content: bytes) -> NDArray[np.uint8] | None:
    """Decode an image file's bytes, upright; None if they cannot be.

    Returns:
        BGR, uint8, shape (height, width, 3), or None for content OpenCV cannot read.
    """
    if not content or _is_cut_png(content):
        return None
    depth = depth_of(content)
    flags = cv2.IMREAD_COLOR | (cv2.IMREAD_ANYDEPTH if depth else 0)
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error:
        return None
    if image is None:
        return None
    if image.dtype != np.uint8:
        image = _in_8_bits(np.asarray(image, np.uint16), depth)
    for how, which in turns_of(content):
        # OpenCV's flip code of an exchange of top and bottom is 0, of left and right 1.
        image = np.rot90(image, which) if how == "rotate" else cv2.flip(image, which)
    return np.ascontiguousarray(image, np.uint8)


def why_unreadable(file: Path) -> str:
    """Say why a photo could not be read, where there is more to say than that it is none.

    Returns:
        ``"108 megapixels: at most 67 are read ..."``, or nothing.
    """
    limit = os.environ.get(_SIZE_LIMIT, "")
    try:
        size = size_of(read_photo(file))
    except OSError:
        return ""
    if size is None or not limit.isdecimal() or size[0] * size[1] <= int(limit):
        return ""
    many, most = size[0] * size[1] / 1e6, int(limit) / 1e6
    return f"{many:.0f} megapixels: at most {most:.0f} are read ({_SIZE_LIMIT} raises that)"


def _in_8_bits(image: NDArray[np.uint16], depth: Depth | None) -> NDArray[np.uint8]:
    """Scale samples of 16 bits, of which a file may say that it uses fewer."""
    if depth is None:
        return (image >> 8).astype(np.uint8)
    shifted = depth.shifted
    if shifted is None:
        # Small values with something in the last bits were never put in front.
        last = image & (2 ** (16 - depth.bits) - 1)
        shifted = image.max(initial=0) >= 2**depth.bits or last.max(initial=0) <= 1
    if shifted:
        return (image >> 8).astype(np.uint8)
    return np.minimum(image >> (depth.bits - 8), 255).astype(np.uint8)


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
