"""What phones and cameras write is read, upright and in the colours that a viewer shows.

docs/phones.md lists the same files.
"""

import io
import struct
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from activity.common.errors import UserError
from activity.media.clip import VideoSource, open_clip
from activity.media.frame import Plate
from activity.media.photo import decode_image, hash_photo, why_unreadable
from activity.media.sink import open_sink
from tests.clips import share_the_cores
from tests.conftest import ROOT, write_clip
from tests.hdr import HLG, PQ, hdr_levels


def scene(width: int = 240, height: int = 160) -> np.ndarray:
    """Soft colours of which none is the same in another quarter: BGR."""
    corners = np.array([[[40, 60, 200], [60, 190, 90]], [[190, 80, 50], [170, 170, 180]]], np.uint8)
    picture = cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(picture, np.uint8)


SCENE = scene()


def saved(pixels: np.ndarray, kind: str, **options: object) -> bytes:
    """Save BGR pixels with Pillow."""
    written = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels[:, :, ::-1])).save(written, kind, **options)
    return written.getvalue()


def heic(pixels: np.ndarray = SCENE, **options: object) -> bytes:
    pytest.importorskip("pillow_heif").register_heif_opener()
    pytest.importorskip("pi_heif")
    return saved(pixels, "HEIF", quality=95, **options)


def jxl(pixels: np.ndarray = SCENE, **options: object) -> bytes:
    pytest.importorskip("pillow_jxl")
    return saved(pixels, "JXL", lossless=True, **options)


def jxl_of(photo: bytes) -> bytes:
    """Pack a JPEG into JPEG XL: what is in it stays as it is."""
    pytest.importorskip("pillow_jxl")
    written = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "photo.jpg").write_bytes(photo)
        with Image.open(Path(folder) / "photo.jpg") as opened:
            opened.save(written, "JXL", lossless_jpeg=True)
    return written.getvalue()


def avif(pixels: np.ndarray = SCENE, **options: object) -> bytes:
    return saved(pixels, "AVIF", quality=95, **options)


def lying(orientation: int) -> dict[str, object]:
    exif = Image.Exif()
    exif[0x112] = orientation
    return {"exif": exif.tobytes()}


def profile_of(red: Sequence[float], green: Sequence[float], blue: Sequence[float]) -> bytes:
    """An ICC profile of these primaries (XYZ, adapted to D50) and a gamma of 2.2."""
    tags = {
        name: b"XYZ " + bytes(4) + struct.pack(">3i", *(round(65536 * one) for one in of))
        for name, of in {
            b"wtpt": (0.9642, 1, 0.8249), b"rXYZ": red, b"gXYZ": green, b"bXYZ": blue,
        }.items()
    }  # fmt: skip
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(2.2 * 256)) + bytes(2)
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    tags[b"desc"] = b"desc" + bytes(4) + struct.pack(">I", 5) + b"wide\0" + bytes(79)
    tags[b"cprt"] = b"text" + bytes(4) + b"none\0\0\0\0"
    place, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        table += name + struct.pack(">II", place + len(body), len(tag))
        body += tag + bytes(-len(tag) % 4)
    size = struct.pack(">I", place + len(body))
    head = size + bytes(4) + struct.pack(">I", 0x02400000) + b"mntrRGB XYZ " + bytes(12) + b"acsp"
    head += bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + body


P3 = profile_of((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
ADOBE = profile_of((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))
TO_XYZ = {
    P3: np.array([[0.5151, 0.2920, 0.1571], [0.2412, 0.6922, 0.0666], [-0.0011, 0.0419, 0.7841]]),
    ADOBE: np.array([[0.6097, 0.2053, 0.1492], [0.3111, 0.6257, 0.0632], [0.0195, 0.0609, 0.7446]]),
}
SRGB = np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]])


def linear(pixels: np.ndarray) -> np.ndarray:
    """Light of RGB from levels of BGR in sRGB."""
    level = pixels[:, :, ::-1] / 255
    return np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)


def in_profile(profile: bytes) -> np.ndarray:
    """The scene's levels, BGR, in the colours of a profile."""
    light = linear(SCENE) @ (np.linalg.inv(TO_XYZ[profile]) @ SRGB).T
    return np.rint(255 * np.clip(light, 0, 1) ** (1 / 2.2)).astype(np.uint8)[:, :, ::-1]


def hdr_avif(transfer: int) -> bytes:
    """The scene as an HDR photo: 10 bits, BT.2020."""
    levels = hdr_levels(linear(SCENE), transfer)
    deeper = np.rint(65535 * levels).astype(np.uint16)
    picture = av.VideoFrame.from_ndarray(deeper, format="rgb48le")
    written = io.BytesIO()
    with av.open(written, "w", format="avif") as file:
        stream = file.add_stream("libsvtav1", rate=1, options={"crf": "10", "preset": "8"})
        stream.width, stream.height, stream.pix_fmt = 240, 160, "yuv420p10le"
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = 9, transfer, 9
        context.color_range = 2
        picture = picture.reformat(format="yuv420p10le", dst_colorspace=9, dst_color_range=2)
        for packet in (*stream.encode(picture), *stream.encode(None)):
            file.mux(packet)
    share_the_cores()
    return written.getvalue()


def deep(kind: str, bits: int) -> bytes:
    deeper, options = SCENE * np.uint16(257), []
    if kind == ".avif":
        deeper = SCENE.astype(np.uint16) << (bits - 8)
        options = [cv2.IMWRITE_AVIF_DEPTH, bits, cv2.IMWRITE_AVIF_QUALITY, 95]
    if not cv2.haveImageWriter(f"photo{kind}"):
        pytest.skip(f"this OpenCV cannot write {kind}")
    return cv2.imencode(kind, deeper, options)[1].tobytes()


def jpeg(pixels: np.ndarray = SCENE, **options: object) -> bytes:
    return saved(pixels, "JPEG", quality=95, **options)


def with_gain_map() -> bytes:
    """The pictures of an Ultra HDR photo: one for any screen, and by how much each part is more."""
    gain = Image.fromarray(scene(60, 40)[:, :, 0])
    return saved(SCENE, "MPO", quality=95, save_all=True, append_images=[gain])


def with_clip_behind(folder: Path) -> bytes:
    return jpeg() + write_clip(folder / "behind.mp4", ["red"] * 5).read_bytes()


def animation(kind: str) -> bytes:
    others = [Image.fromarray(np.full_like(SCENE, level)) for level in (90, 200)]
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "AVIF" else {}
    return saved(
        SCENE, kind, save_all=True, append_images=others, duration=[100, 200, 300], **options
    )


KINDS: dict[str, Callable[[Path], bytes]] = {
    "iPhone, .heic": lambda _: heic(),
    "iPhone, .heic, lying": lambda _: heic(np.rot90(SCENE), **lying(6)),
    "iPhone, .heic, Display P3": lambda _: heic(in_profile(P3), icc_profile=P3),
    "iPhone, .jpg, Display P3": lambda _: jpeg(in_profile(P3), icc_profile=P3),
    "iPhone, screenshot, .png": lambda _: saved(in_profile(P3), "PNG", icc_profile=P3),
    "camera, .jpg, Adobe RGB": lambda _: jpeg(in_profile(ADOBE), icc_profile=ADOBE),
    "any phone, .jpg": lambda _: jpeg(),
    "any phone, .jpg, lying": lambda _: jpeg(np.rot90(SCENE), **lying(6)),
    "messenger, .jpg, progressive": lambda _: jpeg(progressive=True),
    "camera with two lenses, .mpo": lambda _: saved(
        SCENE, "MPO", quality=95, save_all=True, append_images=[Image.fromarray(SCENE[::-1])]
    ),
    "Pixel and Galaxy, Ultra HDR .jpg": lambda _: with_gain_map(),
    "Pixel and Galaxy, motion photo .jpg": with_clip_behind,
    ".avif, 8 bits": lambda _: avif(),
    ".avif, 10 bits": lambda _: deep(".avif", 10),
    ".avif, 12 bits": lambda _: deep(".avif", 12),
    ".avif, lying": lambda _: avif(np.rot90(SCENE), **lying(6)),
    ".avif, HDR, PQ": lambda _: hdr_avif(PQ),
    ".avif, HDR, HLG": lambda _: hdr_avif(HLG),
    ".avif, animated": lambda _: animation("AVIF"),
    ".jxl": lambda _: jxl(),
    ".jxl, made of a .jpg, lying": lambda _: jxl_of(jpeg(np.rot90(SCENE), **lying(6))),
    ".jxl, made of a .jpg, Display P3": lambda _: jxl_of(jpeg(in_profile(P3), icc_profile=P3)),
    ".webp": lambda _: saved(SCENE, "WEBP", quality=95),
    ".webp, animated": lambda _: animation("WEBP"),
    ".png, animated": lambda _: animation("PNG"),
    ".png, 16 bits": lambda _: deep(".png", 16),
    ".tif, 16 bits": lambda _: deep(".tif", 16),
    ".bmp": lambda _: saved(SCENE, "BMP"),
    ".gif": lambda _: saved(SCENE, "GIF"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_phones_and_cameras_write_is_read_as_a_viewer_shows_it(
    kind: str, tmp_path: Path
) -> None:
    content = KINDS[kind](tmp_path)
    pixels = decode_image(content)
    assert pixels is not None
    assert pixels.shape == SCENE.shape
    # PQ has few levels where a screen has many, and GIF few colours.
    most = {".gif": 6, ".avif, HDR, PQ": 4}.get(kind, 3)
    assert np.abs(pixels.astype(int) - SCENE).mean() < most


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != ".gif"])
def test_a_photo_is_a_clip_of_one_frame_whatever_its_name_says(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "photo.dat"
    path.write_bytes(KINDS[kind](tmp_path))
    source = open_clip(path)
    frames = list(source.frames())
    assert len(frames) == (3 if "animated" in kind else 1)
    assert np.abs(frames[0].pixels.astype(int) - SCENE).mean() < 4
    assert frames[0].seconds == 0
    assert source.end_of(frames[-1].seconds) == pytest.approx(0.6 if "animated" in kind else 1)


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "PNG", "GIF"])
def test_an_animation_is_a_clip_with_all_of_its_pictures(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"clip.{kind.lower()}"
    path.write_bytes(animation(kind))
    frames = list(open_clip(path).frames())
    assert [round(frame.seconds, 3) for frame in frames] == [0, 0.1, 0.3]
    for frame, level in zip(frames[1:], (90, 200), strict=True):
        assert np.abs(frame.pixels.astype(int) - level).mean() < 3


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("iphone.heic", (4032, 3024)),
        ("samsung_motion.heic", (3000, 4000)),
        ("burst.heic", (1280, 720)),
        ("sony.hif", (4240, 2832)),
        ("hdr.avif", (3681, 5594)),
        ("srgb.jxl", (1440, 1080)),
    ],
)
def test_real_photos_are_read_as_a_whole(
    name: str, size: tuple[int, int], real_data: Path, tmp_path: Path
) -> None:
    pytest.importorskip("pillow_jxl" if name.endswith(".jxl") else "pi_heif")
    path = real_data / "phones" / name
    pixels = decode_image(path.read_bytes())
    assert pixels is not None
    assert pixels.shape[1::-1] == size
    # Neither flat, as HDR is that nobody converts, nor dark.
    assert 60 < pixels.mean() < 180
    assert pixels.std() > 20
    (frame,) = open_clip(path).frames()
    assert frame.size == size
    with pytest.raises(UserError, match="as a video: it is a photo"):
        VideoSource(path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_large_photos_come_out_at_twice_the_side_of_the_network_or_more(kind: str) -> None:
    large = scene(1800, 2700)
    content = heic(large) if kind == "HEIF" else saved(large, kind)
    whole = decode_image(content)
    assert whole is not None
    assert whole.shape == large.shape
    for side, expected in ((224, (675, 450)), (300, (1350, 900)), (480, (2700, 1800))):
        smaller = decode_image(content, side)
        assert smaller is not None
        assert smaller.shape[:2] == expected
        shrunk = cv2.resize(whole, expected[::-1], interpolation=cv2.INTER_AREA)
        assert np.abs(shrunk.astype(int) - smaller).mean() < 1


def test_photos_that_are_decoded_as_before_keep_their_digests() -> None:
    same = [jpeg(scene(895, 895)), jpeg(icc_profile=b"broken"), saved(SCENE, "WEBP"), avif()]
    for content in same:
        assert hash_photo(content) == sha256(content).hexdigest()
    for content in (jpeg(scene(896, 896)), jpeg(in_profile(P3), icc_profile=P3)):
        assert hash_photo(content) != sha256(content).hexdigest()


def test_a_photo_of_200_megapixels_is_read_in_little_memory(tmp_path: Path) -> None:
    content = jpeg(np.full((64, 64, 3), (40, 60, 200), np.uint8))
    # The frame header says how large it is; what is missing at the end is grey.
    at = content.index(b"\xff\xc0") + 5
    content = content[:at] + struct.pack(">HH", 12_240, 16_320) + content[at + 4 :]
    (tmp_path / "200.jpg").write_bytes(content)
    assert why_unreadable(tmp_path / "200.jpg") == ""
    script = (
        "import resource; from activity.media.photo import decode_image; from pathlib import Path\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"pixels = decode_image(Path({str(tmp_path / '200.jpg')!r}).read_bytes(), 224)\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(pixels.shape, (after - before) // 1024)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    shape, _, megabytes = ran.stdout.rpartition(" ")
    assert shape == "(1530, 2040, 3)", ran.stderr
    assert int(megabytes) < 100  # as a whole, 600


@pytest.mark.parametrize("size", [(24, 16), (240, 160), (500, 500), (1200, 1000), (1601, 900)])
def test_a_jxl_photo_is_not_decoded_before_its_size_is_known(
    size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, packed = jxl(scene(*size)), jxl_of(jpeg(scene(*size)))
    for most, is_read in ((size[0] * size[1], True), (size[0] * size[1] - 1, False)):
        monkeypatch.setenv("OPENCV_IO_MAX_IMAGE_PIXELS", str(most))
        for photo in (content, packed):
            assert (decode_image(photo) is not None) == is_read
            (tmp_path / "photo").write_bytes(photo)
            assert ("megapixels" in why_unreadable(tmp_path / "photo")) != is_read


@pytest.mark.parametrize(
    ("start", "way_out"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC: pip install pi-heif"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL: pip install -r requirements-photos.txt"),
    ],
)
def test_where_nothing_can_read_a_kind_the_line_says_what_to_install(
    start: bytes, way_out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert decode_image(jpeg()) is not None  # so that all kinds are known
    for kind in ("HEIF", "JXL"):
        monkeypatch.delitem(Image.OPEN, kind, raising=False)
    path = tmp_path / "photo"
    path.write_bytes(start + bytes(200))
    assert why_unreadable(path) == way_out
    with pytest.raises(UserError, match=f"cannot read {path} as a photo: {way_out}"):
        open_clip(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_labelled_photo_is_written_as_a_picture(suffix: str, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(jpeg())
    source = open_clip(tmp_path / "photo.jpg")
    output = tmp_path / f"labelled{suffix}"
    with open_sink(output, source.info, None) as sink:
        for frame in source.frames():
            sink.write(frame, [Plate(20, 20, 40, 30, lambda pixels: pixels.fill(0))])
    written = decode_image(output.read_bytes())
    assert written is not None
    assert written[25:45, 25:55].max() < 30
    assert np.abs(written[60:].astype(int) - SCENE[60:]).mean() < 3


def test_a_clip_of_several_frames_is_no_picture(tmp_path: Path) -> None:
    source = open_clip(write_clip(tmp_path / "clip.mp4", ["red"] * 3))
    with (
        pytest.raises(UserError, match="a picture holds one frame"),
        open_sink(tmp_path / "clip.jpg", source.info, None) as sink,
    ):
        deque(map(sink.write, source.frames()))
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
