"""What photos say of themselves and OpenCV does not heed: orientation, depth, size."""

import io
import math
import struct
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity.media.photo import decode_image, hash_photo, why_unreadable
from tests.training.data.test_dataset import png, png_chunk

# Four quarters of different brightness: any way of turning it shows.
QUARTERS = np.kron(np.array([[30, 90], [150, 230]], np.uint8), np.ones((40, 60), np.uint8))
PICTURE = np.dstack([QUARTERS] * 3)


def avif(orientation: int) -> bytes:
    """The picture as an AVIF file whose viewer shows it upright, as libavif writes it."""
    image = pytest.importorskip("PIL.Image")
    if not pytest.importorskip("PIL.features").check("avif"):
        pytest.skip("this Pillow cannot write AVIF")
    lying = {
        1: lambda p: p, 2: np.fliplr, 3: lambda p: np.rot90(p, 2), 4: np.flipud,
        5: lambda p: np.swapaxes(p, 0, 1), 6: np.rot90,
        7: lambda p: np.rot90(np.swapaxes(p, 0, 1), 2), 8: lambda p: np.rot90(p, 3),
    }[orientation](PICTURE)  # fmt: skip
    exif = image.Exif()
    exif[0x112] = orientation
    written = io.BytesIO()
    image.fromarray(np.ascontiguousarray(lying)).save(written, "AVIF", exif=exif, quality=90)
    return written.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_avif_photo_is_turned_upright(orientation: int) -> None:
    content = avif(orientation)
    # What an earlier version kept of it, lying, is not found.
    assert (hash_photo(content) != sha256(content).hexdigest()) == (orientation > 1)
    pixels = decode_image(content)
    assert pixels is not None
    assert pixels.shape == PICTURE.shape
    assert np.abs(pixels.astype(int) - PICTURE).mean() < 6


def tiff(bits: int, samples: bytes, largest: int | None = None, *, width: int = 60) -> bytes:
    """A grey TIFF file, 40 pixels high."""
    tags = {256: width, 257: 40, 258: bits, 259: 1, 262: 1, 277: 1, 278: 40, 279: len(samples)}
    if largest is not None:
        tags[281] = largest
    tags[273] = 8 + 2 + (len(tags) + 1) * 12 + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + b"\0\0\0\0" + samples


def png16(values: np.ndarray, bits: int | None) -> bytes:
    content = cv2.imencode(".png", values)[1].tobytes()
    if bits is None:
        return content
    return content[:33] + png_chunk(b"sBIT", bytes([bits])) + content[33:]


TWELVE = (np.arange(40 * 60).reshape(40, 60) * 4095 // 2399).astype(np.uint16)
EIGHT = TWELVE >> 4


def test_twelve_bits_in_a_file_of_sixteen_are_scaled_by_what_the_file_says() -> None:
    raw = TWELVE.astype("<u2").tobytes()
    files = {
        "PNG, not put in front": png16(TWELVE, 12),
        "PNG, put in front": png16(TWELVE << 4, 12),
        "PNG, put in front and filled": png16((TWELVE << 4) | (TWELVE >> 8), 12),
        "PNG, 16 bits": png16(TWELVE << 4, None),
        "TIFF": tiff(16, raw, 4095),
        "TIFF, 16 bits": tiff(16, (TWELVE << 4).astype("<u2").tobytes()),
        "TIFF, statistics": tiff(16, (TWELVE << 4).astype("<u2").tobytes(), 65520),
    }
    for name, content in files.items():
        pixels = decode_image(content)
        assert pixels is not None, name
        assert np.abs(pixels[:, :, 0].astype(int) - EIGHT).max() <= 1, name


def test_a_dark_photo_of_twelve_bits_stays_dark() -> None:
    dark = (TWELVE >> 5) << 4
    assert decode_image(png16(dark, 12)).max() == int(dark.max()) >> 8
    # Nothing says that these are twelve bits: they are sixteen, as ever.
    assert decode_image(png16(TWELVE, None)).max() == 4095 >> 8


def test_packed_samples_of_twelve_bits_are_read() -> None:
    first, second = TWELVE.reshape(-1, 2).astype(int).T
    packed = np.stack([first >> 4, ((first & 15) << 4) | (second >> 8), second & 255], axis=1)
    pixels = decode_image(tiff(12, packed.astype(np.uint8).tobytes()))
    assert pixels is not None
    assert np.abs(pixels[:, :, 0].astype(int) - EIGHT).max() <= 1


def test_a_photo_that_is_too_large_says_so(tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(png(12_000, 9_000, b""))
    # A progressive JPEG has to be in memory as a whole. It says its size in its frame header.
    progressive = cv2.imencode(".jpg", PICTURE, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    large = progressive.replace(struct.pack(">HH", 80, 120), struct.pack(">HH", 9_000, 12_000))
    (tmp_path / "large.jpg").write_bytes(large)
    for name in ("large.png", "large.jpg"):
        assert why_unreadable(tmp_path / name) == (
            "108 megapixels: at most 67 are read (OPENCV_IO_MAX_IMAGE_PIXELS raises that)"
        )
    (tmp_path / "text.jpg").write_bytes(b"no photo")
    (tmp_path / "empty.jpg").write_bytes(b"")
    for name in ("text.jpg", "empty.jpg", "nowhere.jpg"):
        assert why_unreadable(tmp_path / name) == ""


@given(
    st.sampled_from([".jpg", ".png", ".tif", ".avif"]),
    st.lists(st.tuples(st.integers(0, 600), st.binary(max_size=4)), min_size=1, max_size=6),
    st.integers(0, 2000),
)
def test_whatever_a_damaged_header_says_nothing_is_raised(
    suffix: str, changes: list[tuple[int, bytes]], end: int
) -> None:
    content = HEADERS[suffix]
    for place, new in changes:
        content = content[:place] + new + content[place + len(new) :]
    for some in (content, content[:end]):
        assert len(hash_photo(some)) == 64
        for side in (math.inf, 224):
            pixels = decode_image(some, side)
            assert pixels is None or (pixels.ndim, pixels.dtype) == (3, np.uint8)


HEADERS = {
    ".jpg": cv2.imencode(".jpg", PICTURE)[1].tobytes(),
    ".png": png16(TWELVE, 12),
    ".tif": tiff(16, TWELVE.astype("<u2").tobytes(), 4095),
    ".avif": b"",
}
if cv2.haveImageWriter("photo.avif"):
    HEADERS[".avif"] = cv2.imencode(".avif", PICTURE)[1].tobytes()
