"""A photo: read and decoded safely, upright, in the colours that a viewer shows.

Pillow opens it: it knows size, orientation, depth and colours of all kinds, and decodes HEIC, AVIF
and JPEG XL. OpenCV decodes the others, as it always has.
"""

import errno
import hashlib
import io
import math
import os
import struct
import threading
import warnings
from collections.abc import Generator, Mapping
from contextlib import nullcontext, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from activity.common.errors import UserError
from activity.common.regular_file import check_regular_file
from activity.media.frame import INPUT_SIZE, Frame, VideoInfo, plausible_fps
from activity.media.hdr import BT2020, HLG, P3, PQ, light_of, shown_light

if TYPE_CHECKING:
    from PIL import ImageCms

LARGEST_FILE = 2**30
"""Bytes. An uncompressed photo of as many pixels as are decoded takes less."""

START = 64
"""Bytes by which ``may_be_photo`` knows a file."""

# Pillow's names of the kinds; those of the first row it decodes, too.
_BY_PILLOW = ("HEIF", "AVIF", "JXL")
_BY_OPENCV = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
_INSTALL = {
    "HEIF": "HEIC: pip install pi-heif",
    "AVIF": "AVIF: pip install --upgrade pillow",
    "JXL": "JPEG XL: pip install -r requirements-photos.txt",
}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
_PNG = b"\x89PNG\r\n\x1a\n"
_JXL = b"\xff\x0a"
_TIFF = (b"II*\0", b"MM\0*")
_TIFF_BITS_AND_LARGEST = (258, 281)
_STARTS = (b"\xff\xd8\xff", _PNG, *_TIFF, b"GIF8", b"BM")

# Those of which several pictures are an animation, not a burst or what goes with a photo.
_ANIMATED = ("AVIF", "PNG", "WEBP", "JXL")
_PHOTO_SECONDS = 1.0  # for which a photo is shown

# Pixels in memory. OpenCV goes by the same; it is set when the package is imported.
_SIZE_LIMIT = "OPENCV_IO_MAX_IMAGE_PIXELS"
# Of photos that take more, one at a time is decoded: several at once would take gigabytes.
_LARGE = 2**24
_ONE_LARGE = threading.Lock()

# Photos that are decoded in another way than by an earlier version: turned, or scaled to 8 bits;
# then decoded smaller, or converted to sRGB.
_DECODED_ANEW, _DECODED_SMALLER = b"2", b"3"

# Bytes of a file in which its colours are described; rows of a picture that are converted at once.
_HEADER, _ROWS = 2**16, 256

# Levels of 255 by which a profile changes no colour of sRGB: it is sRGB under another name.
_SAME_COLOURS = 8


class _Depth(NamedTuple):
    """Bits of a sample in a file of 16 bits a sample.

    Attributes:
        bits: that carry the picture: 12 of many scanners and cameras.
        shifted: whether the decoder has put them in front already; None if nothing says so.
    """

    bits: int
    shifted: bool | None


def read_photo(path: Path) -> bytes:
    """Read a photo's file.

    Raises:
        OSError: it cannot be read, is not a regular file (opening a pipe would wait for ever), or
            is larger than any photo.
    """
    if check_regular_file(path) > LARGEST_FILE:
        raise OSError(errno.EINVAL, "not a photo", str(path))
    return path.read_bytes()


def may_be_photo(start: bytes) -> bool:
    """Tell from a file's first ``START`` bytes whether it is of a kind that photos are."""
    is_webp = start.startswith(b"RIFF") and start[8:12] == b"WEBP"
    return is_webp or bool(_kind_of(start)) or start.startswith(_STARTS)


def hash_photo(content: bytes) -> str:
    """Hash what a photo's file holds, and the way in which it is decoded, where that has changed.

    What was kept under the digest by a version that decoded it otherwise is not found again.

    Returns:
        64 hexadecimal digits; of most photos, SHA-256 of the content.
    """
    digest = hashlib.sha256(content)
    if _kind_of(content) in ("HEIF", "JXL"):  # of which no earlier version has kept anything
        return digest.hexdigest()
    photo = _opened(content)
    if photo and (_reduction(photo, INPUT_SIZE) > 1 or _to_srgb(_profile(photo))):
        digest.update(_DECODED_SMALLER)
    elif _depth_of(content) or (photo and photo.format == "AVIF" and _orientation(photo) > 1):
        digest.update(_DECODED_ANEW)
    return digest.hexdigest()


def decode_image(content: bytes, side: float = math.inf) -> NDArray[np.uint8] | None:
    """Decode an image file's bytes, upright, in the colours of sRGB; None if they cannot be.

    Of an animation, that is the first picture; of a burst or a motion photo, the one that is shown;
    of one with a gain map, the picture for ordinary screens.

    Args:
        content: of the file.
        side: width and height of a network's input in pixels. A photo whose shorter side is more
            than four times that comes out smaller, with at least twice as many pixels in its
            shorter side: a JPEG is then decoded in a fraction of the time and of the memory. By
            default, every photo comes out as large as it is.

    Returns:
        BGR, uint8, shape (height, width, 3), or None for content that cannot be read.
    """
    if not content or _is_cut_png(content):
        return None
    held = _pixels_in_memory(content, side)
    if held > _most_pixels():
        return None
    with _ONE_LARGE if held > _LARGE else nullcontext():
        return _decoded(content, side)


def why_unreadable(file: Path) -> str:
    """Say why a photo could not be read, where there is more to say than that it is none.

    Returns:
        ``"108 megapixels: at most 67 are read ..."``, what to install, or nothing.
    """
    try:
        content = read_photo(file)
    except OSError:
        return ""
    kind = _kind_of(content)
    if kind and kind not in _kinds():
        return _INSTALL[kind]
    many, most = _pixels_in_memory(content, INPUT_SIZE), _most_pixels()
    if many <= most:
        return ""
    return (
        f"{many / 1e6:.0f} megapixels: at most {most / 1e6:.0f} are read "
        f"({_SIZE_LIMIT} raises that)"
    )


class PhotoSource:
    """A photo, opened as a clip of one frame; or an animation, with all of its pictures."""

    live = False
    dropped = damaged = corrupt = 0

    def __init__(self, path: Path) -> None:
        """Open the photo and decode its first picture.

        Args:
            path: path of the file.

        Raises:
            UserError: it cannot be read.
        """
        try:
            content = read_photo(path)
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from error
        photo, first = _opened(content), decode_image(content)
        if first is None:
            first = decode_image(content, INPUT_SIZE)  # it may be one of 200 megapixels
        if first is None or photo is None:
            why = why_unreadable(path)
            raise UserError(f"cannot read {path} as a photo" + (f": {why}" if why else ""))
        self._content, self._photo, self._first = content, photo, first
        count = getattr(photo, "n_frames", 1) if photo.format in _ANIMATED else 1
        height, width = first.shape[:2]
        fps = 1 / (_PHOTO_SECONDS if count == 1 else self._seconds_of(0))
        self.info = VideoInfo(width, height, plausible_fps(fps), count)
        self._last = (-1.0, -1.0)  # time and end of the last frame, once it was read

    def frames(self) -> Generator[Frame, None, None]:
        """Yield the pictures in order, each when it is shown; a photo for one second."""
        if self.info.frame_count == 1:
            self._last = (0.0, _PHOTO_SECONDS)
            yield Frame(self._first, 0.0, _PHOTO_SECONDS)
            return
        end = 0.0
        for number in range(self.info.frame_count):
            duration = self._seconds_of(number)
            pixels = _decoded_by_pillow(self._photo)
            if pixels is None or pixels.shape != self._first.shape:
                return
            seconds, end = end, end + duration
            self._last = (seconds, end)
            pixels = np.ascontiguousarray(_in_srgb(pixels, self._photo, self._content))
            yield Frame(pixels, seconds, duration)

    def end_of(self, seconds: float) -> float:
        """Tell when the frame of that time ceases to be shown, as any source does."""
        last, end = self._last
        return end if seconds == last else seconds + 1 / self.info.fps

    def close(self) -> None:
        """Release the photo."""

    def _seconds_of(self, number: int) -> float:
        """Go to a picture, and tell for how many seconds it is shown."""
        try:
            self._photo.seek(number)
            self._photo.load()
            milliseconds = float(self._photo.info.get("duration", 0))
        except Exception:
            milliseconds = 0
        # As browsers do where none, or one too short to be seen, is given.
        return milliseconds / 1000 if milliseconds > 10 else 0.1


def _kind_of(start: bytes) -> str:
    """Tell which of the kinds that Pillow decodes a file is; empty if none."""
    if start[4:8] == b"ftyp":
        end = min(int.from_bytes(start[:4], "big"), START)
        brands = {start[place : place + 4] for place in range(8, end, 4)}
        return "AVIF" if brands & _AVIF_BRANDS else "HEIF" if brands & _HEIF_BRANDS else ""
    return "JXL" if start.startswith((_JXL, b"\0\0\0\x0cJXL \r\n\x87\n")) else ""


@lru_cache(maxsize=1)
def _kinds() -> Mapping[str, object]:
    """Make the kinds known to Pillow that can be read here; labelling clips needs none of them."""
    from PIL import (  # noqa: F401
        AvifImagePlugin,
        BmpImagePlugin,
        GifImagePlugin,
        JpegImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    with suppress(ImportError):
        import pi_heif

        pi_heif.register_heif_opener()
    with suppress(ImportError):
        import pillow_jxl  # noqa: F401
    # Pillow's own limit would refuse what is decoded at a fraction of its size; here, each size is
    # checked before anything is decoded. Of a damaged header, one is told by us.
    Image.MAX_IMAGE_PIXELS = 2**32
    warnings.filterwarnings("ignore", module=r"PIL\b")
    return Image.OPEN


def _opened(content: bytes) -> Image.Image | None:
    """Read a photo's header; None if there is none that can be true."""
    kind, known = _kind_of(content), _kinds()
    if kind and kind not in known:
        return None
    try:
        return Image.open(io.BytesIO(content), formats=[kind] if kind else _BY_OPENCV)
    except Exception:
        return None  # of a damaged header, a plugin may raise anything


def _is_jpeg(photo: Image.Image) -> bool:
    return photo.format in ("JPEG", "MPO")


def _reduction(photo: Image.Image, side: float) -> int:
    """Return by how much a photo is decoded smaller for a network: 1, 2, 4 or 8."""
    wanted = 2 * max(side, INPUT_SIZE)
    return max((scale for scale in (2, 4, 8) if min(photo.size) // scale >= wanted), default=1)


def _pixels_in_memory(content: bytes, side: float) -> int:
    """Return how many pixels of a photo are in memory at once while it is decoded; 0 if unknown."""
    if _kind_of(content) == "JXL":  # which is decoded as soon as it is opened
        return _jxl_pixels(content)
    photo = _opened(content)
    if photo is None:
        return 0
    # A progressive JPEG has to be in memory as a whole before any pixel is known.
    in_part = _is_jpeg(photo) and "progressive" not in photo.info
    return photo.width * photo.height // (_reduction(photo, side) ** 2 if in_part else 1)


def _jxl_pixels(content: bytes) -> int:
    """Read the size of a JPEG XL photo (ISO/IEC 18181-1, SizeHeader)."""
    boxes = {b"jxlc": 4, b"jxlp": 8}
    starts = [
        content.find(kind) + skip for kind, skip in boxes.items() if kind in content[:_HEADER]
    ]
    start = 0 if content.startswith(b"\xff\x0a") else min(starts, default=len(content))
    bits = int.from_bytes(content[start + 2 : start + 14], "little")

    def take(count: int) -> int:
        nonlocal bits
        value, bits = bits & ((1 << count) - 1), bits >> count
        return value

    is_small = take(1)
    height = 8 * (take(5) + 1) if is_small else take((9, 13, 18, 30)[take(2)]) + 1
    ratio = take(3)
    if ratio:
        return round(height * height * (1, 1, 1.2, 4 / 3, 1.5, 16 / 9, 1.25, 2)[ratio])
    width = 8 * (take(5) + 1) if is_small else take((9, 13, 18, 30)[take(2)]) + 1
    return height * width


def _most_pixels() -> int:
    limit = os.environ.get(_SIZE_LIMIT, "")
    return int(limit) if limit.isdecimal() else 2**30


def _orientation(photo: Image.Image) -> int:
    try:
        return int(photo.getexif().get(0x112, 1))
    except Exception:
        return 1


def _decoded(content: bytes, side: float) -> NDArray[np.uint8] | None:
    photo = _opened(content)
    if photo is None:  # of a kind that only OpenCV knows, or damaged
        return None if _kind_of(content) else _decoded_by_opencv(content, 1)
    reduction = _reduction(photo, side)
    if photo.format in _BY_PILLOW:
        pixels = _decoded_by_pillow(photo)
    else:
        pixels = _decoded_by_opencv(content, reduction if _is_jpeg(photo) else 1)
    if pixels is None:
        return None
    if reduction > 1 and not _is_jpeg(photo):
        size = (pixels.shape[1] // reduction, pixels.shape[0] // reduction)
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return np.ascontiguousarray(_in_srgb(pixels, photo, content))


def _decoded_by_pillow(photo: Image.Image) -> NDArray[np.uint8] | None:
    try:
        from PIL import ImageOps

        # A JPEG XL photo is turned by its decoder, unless it is a JPEG that was only packed.
        turned = photo.format == "JXL" and not getattr(photo, "jpeg", False)
        upright = photo if turned else ImageOps.exif_transpose(photo)
        if upright.mode.startswith(("I", "F")):
            grey = (np.asarray(upright, np.uint16) >> 8).astype(np.uint8)
            return np.dstack([grey] * 3)
        return np.asarray(upright.convert("RGB"))[:, :, ::-1]
    except Exception:
        return None  # likewise


def _decoded_by_opencv(content: bytes, reduction: int) -> NDArray[np.uint8] | None:
    depth = _depth_of(content)
    flags = cv2.IMREAD_COLOR | (cv2.IMREAD_ANYDEPTH if depth else 0)
    if reduction > 1:
        flags = getattr(cv2, f"IMREAD_REDUCED_COLOR_{reduction}")
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error:
        return None
    if image is None:
        return None
    if depth is None or image.dtype == np.uint8:
        return np.asarray(image, np.uint8)
    return _in_8_bits(np.asarray(image, np.uint16), depth)


def _depth_of(content: bytes) -> _Depth | None:
    """Return how many bits of each sample a PNG or TIFF file uses, where it says fewer than 16."""
    if content.startswith(_PNG) and content[24:25] == b"\x10":
        place = content.find(b"sBIT", 0, content.find(b"IDAT") + 1) + 4
        colours = content[place : place + (3 if content[25] & 2 else 1)]
        bits = max(colours, default=0) if place > 4 else 0
        # A writer should have put them in front; not all do.
        return _Depth(bits, shifted=None) if 8 < bits < 16 else None
    if content.startswith(_TIFF):
        from PIL import TiffImagePlugin

        tags = TiffImagePlugin.ImageFileDirectory_v2(content[:8])
        file = io.BytesIO(content)
        try:
            file.seek(tags.next)
            tags.load(file)
            bits, largest = (int(np.max(tags.get(tag, 0))) for tag in _TIFF_BITS_AND_LARGEST)
        except Exception:
            return None
        if bits in (10, 12, 14):
            return _Depth(bits, shifted=True)
        # The largest value that is used says how many bits there are if it is the largest that
        # fits.
        used = largest.bit_length()
        if bits == 16 and 8 < used < 16 and largest == 2**used - 1:
            return _Depth(used, shifted=False)
    return None


def _in_8_bits(image: NDArray[np.uint16], depth: _Depth) -> NDArray[np.uint8]:
    """Scale samples of 16 bits, of which a file says that it uses fewer."""
    shifted = depth.shifted
    if shifted is None:
        # Small values with something in the last bits were never put in front.
        last = image & (2 ** (16 - depth.bits) - 1)
        shifted = image.max(initial=0) >= 2**depth.bits or last.max(initial=0) <= 1
    if shifted:
        return (image >> 8).astype(np.uint8)
    return np.minimum(image >> (depth.bits - 8), 255).astype(np.uint8)


def _in_srgb(pixels: NDArray[np.uint8], photo: Image.Image, content: bytes) -> NDArray[np.uint8]:
    """Convert colours to sRGB, as a profile or, of HEIC and AVIF, three numbers say what they are.

    Of HDR, what is brighter than paper white (203 cd/m2, ITU-R BT.2408) becomes white.
    """
    if transform := _to_srgb(_profile(photo)):
        from PIL import ImageCms

        converted = ImageCms.applyTransform(Image.fromarray(pixels[:, :, ::-1]), transform)
        return np.asarray(converted, np.uint8)[:, :, ::-1]
    place = content.find(b"colrnclx", 0, _HEADER)
    if photo.format not in _BY_PILLOW or place < 0 or _profile(photo):
        return pixels
    primaries, transfer = struct.unpack_from(">HH", content, place + 8)
    if primaries not in (BT2020, P3) and transfer not in (PQ, HLG):
        return pixels
    light = _light_of_levels(transfer)
    shown = np.empty_like(pixels)
    for top in range(0, len(pixels), _ROWS):
        rgb = shown_light(light[pixels[top : top + _ROWS, :, ::-1]], transfer, primaries)
        srgb = np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)
        shown[top : top + _ROWS] = np.rint(255 * srgb)[:, :, ::-1]
    return shown


@lru_cache
def _light_of_levels(transfer: int) -> NDArray[np.float32]:
    """Return the light of each of 256 levels, shape (256,); what is not HDR is taken for sRGB."""
    level = np.linspace(0, 1, 256)
    if transfer in (PQ, HLG):
        light = light_of(level, transfer)
    else:
        light = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


def _profile(photo: Image.Image) -> bytes:
    return photo.info.get("icc_profile") or b""


@lru_cache(maxsize=64)
def _to_srgb(profile: bytes) -> "ImageCms.ImageCmsTransform | None":
    """Return what converts the colours of a profile, such as Apple's Display P3, to sRGB.

    Returns:
        None where there is nothing to convert: no profile, a damaged one, one that is sRGB under
        another name, or one of other colours than red, green and blue.
    """
    if not profile:
        return None
    from PIL import ImageCms

    levels = np.linspace(0, 255, 6).astype(np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(6, 36, 3)
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            *("RGB", "RGB"),
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
        )
        shown = ImageCms.applyTransform(Image.fromarray(colours), transform)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    return transform if np.abs(np.asarray(shown, int) - colours).max() > _SAME_COLOURS else None


def _is_cut_png(content: bytes) -> bool:
    """Tell whether a PNG file claims a chunk that goes on beyond the file's end.

    OpenCV cannot read such a file either, but first takes as much memory as the chunk claims:
    4 GB for a file of 2 kB.
    """
    if not content.startswith(_PNG):
        return False
    place = 8
    while place + 8 <= len(content) and content[place + 4 : place + 8] != b"IEND":
        place += 12 + int.from_bytes(content[place : place + 4], "big")
    return place + 12 > len(content)
