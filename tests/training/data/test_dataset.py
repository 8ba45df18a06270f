"""Photos and folders of photos, whatever is in them."""

import errno
import io
import os
import re
import subprocess
import sys
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activity.common.errors import UserError
from activity.media.frame import Frame
from activity.media.photo import read_photo
from activity.temporal.formats.annotations import LabelledMedia, Media
from activity.temporal.segment_files import write_annotations
from activity.temporal.segments import Segment
from activity.training.data.dataset import Found, find_images
from activity.training.data.labelled import ImageSets, SampledFrames
from activity.training.data.split import split_images, split_photos
from activity.training.results.remarks import remarks_on_found, remarks_on_sets
from tests.conftest import ROOT, decode_photo, posix

RANDOM = np.random.default_rng(0)
PICTURE = cv2.GaussianBlur(RANDOM.integers(0, 256, (60, 90, 3), np.uint8), (9, 9), 3)
# Each colour has its own brightness, so that none can be taken for another.
PICTURE = (PICTURE * (0.2, 0.5, 0.9)).astype(np.uint8)


def encoded(suffix: str, picture: np.ndarray = PICTURE, *options: int) -> bytes:
    written, content = cv2.imencode(suffix, picture, list(options))
    assert written
    return content.tobytes()


FORMATS = {
    "JPEG": encoded(".jpg"),
    "progressive JPEG": encoded(".jpg", PICTURE, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "PNG": encoded(".png"),
    "GIF": encoded(".gif"),
    "WebP": encoded(".webp"),
    "BMP": encoded(".bmp"),
    "TIFF": encoded(".tif"),
    "grey": encoded(".jpg", PICTURE[:, :, 0]),
    "with alpha": encoded(".png", np.dstack([PICTURE, PICTURE[:, :, 0]])),
    "16-bit": encoded(".png", PICTURE.astype(np.uint16) * 257),
    "one pixel": encoded(".png", PICTURE[:1, :1]),
    "30,000 pixels wide": encoded(".jpg", np.resize(PICTURE, (20, 30_000, 3))),
}


@pytest.mark.parametrize("name", FORMATS)
def test_photos_of_every_kind_are_read_whatever_their_name_says(name: str) -> None:
    pixels = decode_photo(FORMATS[name])
    assert pixels.shape == (224, 224, 3)
    assert pixels.dtype == np.uint8
    if name in ("PNG", "GIF", "WebP", "BMP", "TIFF", "JPEG", "16-bit"):
        expected = cv2.cvtColor(PICTURE, cv2.COLOR_BGR2RGB).mean(axis=(0, 1))
        np.testing.assert_allclose(pixels.mean(axis=(0, 1)), expected, atol=4)


def test_cmyk_and_a_broken_colour_profile_are_read() -> None:
    image = pytest.importorskip("PIL.Image")
    rgb = cv2.cvtColor(PICTURE, cv2.COLOR_BGR2RGB)
    cmyk, profile = io.BytesIO(), io.BytesIO()
    image.fromarray(rgb).convert("CMYK").save(cmyk, "JPEG")
    image.fromarray(rgb).save(profile, "PNG", icc_profile=b"no profile")
    for content in (cmyk, profile):
        pixels = decode_photo(content.getvalue())
        np.testing.assert_allclose(pixels.mean(axis=(0, 1)), rgb.mean(axis=(0, 1)), atol=6)


def test_a_photo_that_says_it_was_taken_sideways_is_turned_upright() -> None:
    picture = np.zeros((60, 90, 3), np.uint8)
    picture[:30] = 255
    plain = encoded(".jpg", picture)
    # An Exif block that holds the orientation alone: 6, to be turned clockwise.
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    sideways = plain[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + plain[2:]
    upright = decode_photo(sideways)
    assert upright[:, 200:].min() > 250
    assert upright[:, :24].max() < 5


@pytest.mark.parametrize("shape", [(90, 160), (160, 90), (300, 301), (240, 240), (1, 500)])
def test_the_centre_square_is_seen_undistorted_and_nothing_else(shape: tuple[int, int]) -> None:
    height, width = shape
    side = min(shape)
    image = np.zeros((height, width, 3), np.uint8)
    top, left = (height - side) // 2, (width - side) // 2
    image[top : top + side, left : left + side] = (10, 20, 200)
    image[top : top + side // 2, left : left + side] = (200, 20, 10)
    pixels = Frame(image).network_input()
    assert pixels.min() >= 10
    assert (pixels[:100] == (10, 20, 200)).all() or side == 1
    assert (pixels[124:] == (200, 20, 10)).all()


def test_squashed_all_of_the_image_is_seen() -> None:
    image = np.zeros((100, 300, 3), np.uint8)
    image[:, :100] = 255
    assert Frame(image).network_input().max() == 0
    squashed = Frame(image).network_input("squashed")
    assert squashed.shape == (224, 224, 3)
    assert (squashed[:, :74] == 255).all()
    assert (squashed[:, 76:] == 0).all()


NO_PHOTO = {
    "empty": b"",
    "text": b"this is no photo",
    "HTML": b"<!DOCTYPE html><title>404</title>",
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200),
    "a signature alone": b"\xff\xd8\xff\xe0",
}


@pytest.mark.parametrize("name", NO_PHOTO)
def test_what_is_no_photo_is_none(name: str) -> None:
    assert decode_photo(NO_PHOTO[name]) is None


@pytest.mark.parametrize("name", FORMATS)
def test_a_photo_cut_anywhere_is_none(name: str) -> None:
    content = FORMATS[name]
    for end in {*range(0, len(content), max(1, len(content) // 60)), len(content) - 1}:
        assert decode_photo(content[:end]) is None


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(FORMATS)),
    st.lists(st.tuples(st.integers(0, 3000), st.binary(max_size=5)), min_size=1, max_size=4),
)
def test_whatever_bytes_are_changed_pixels_come_out_or_none(
    name: str, changes: list[tuple[int, bytes]]
) -> None:
    content = FORMATS[name]
    for place, new in changes:
        content = content[:place] + new + content[place + len(new) :]
    pixels = decode_photo(content)
    assert pixels is None or (pixels.shape, pixels.dtype) == ((224, 224, 3), np.uint8)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return len(data).to_bytes(4, "big") + kind + data + check.to_bytes(4, "big")


def png(width: int, height: int, data: bytes) -> bytes:
    """A grey PNG of this size, with ``data`` for its pixels."""
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    header = png_chunk(b"IHDR", size + b"\x08\0\0\0\0")
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


def test_decompression_bombs_do_not_take_the_machines_memory(tmp_path: Path) -> None:
    # 268 million pixels, four times as many as are allowed, in 260 kB; decoded, 805 MB.
    side = 2**14
    compressor = zlib.compressobj(1)
    rows = [compressor.compress(bytes(side + 1)) for _ in range(side)]
    (tmp_path / "large.png").write_bytes(png(side, side, b"".join(rows) + compressor.flush()))
    (tmp_path / "huge.png").write_bytes(png(10**6, 10**6, zlib.compress(b"")))
    # A picture of 30x20 pixels, of which one chunk says that it is 3 GB long.
    whole = png(30, 20, zlib.compress(bytes(31 * 20)))
    (tmp_path / "chunk.png").write_bytes(whole[:33] + b"\xb6\0\0\0" + whole[37:])
    (tmp_path / "large.bmp").write_bytes(
        b"BM" + bytes(8) + b"\x36\0\0\0\x28\0\0\0" + b"\0\0\1\0" * 2 + b"\1\0\x18\0" + bytes(24)
    )
    (tmp_path / "large.ppm").write_bytes(b"P6 30000 30000 255\n")
    script = """
import sys
from pathlib import Path
from activity.media.photo import decode_image
from activity.media.frame import Frame
for path in Path(sys.argv[1]).iterdir():
    image = decode_image(path.read_bytes())
    if image is not None:
        Frame(image).network_input()
peak = [line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
print(int(peak[0].split()[1]) // 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True, text=True, timeout=60, cwd=ROOT, check=True,
    )  # fmt: skip
    assert int(done.stdout) < 600


def photo_in(dataset: Path, name: str) -> Path:
    path = dataset / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def photos_and_labels(*arguments: Any) -> tuple[list[str], list[str]]:
    found = find_images(*arguments).photos
    return [photo.image.path for photo in found], [photo.label for photo in found]


def folders(dataset: Path, *names: str, photos: int = 4) -> Path:
    for name in names:
        for number in range(photos):
            photo_in(dataset, f"{name}/{number}.jpg")
    dataset.mkdir(exist_ok=True)
    return dataset


def test_a_missing_data_set_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere", tmp_path / ("n" * 5000), photo_in(tmp_path, "file")):
        with pytest.raises(UserError, match=r"no folder of photos at .*--dataset"):
            find_images([path], ["all"])


def test_an_empty_data_set_says_what_it_should_hold(tmp_path: Path) -> None:
    photo_in(tmp_path, "beside the folders.jpg")
    photo_in(tmp_path, "tennis/notes.txt")
    photo_in(tmp_path, "tennis/.ipynb_checkpoints/1.jpg")
    photo_in(tmp_path, ".hidden/1.jpg")
    with pytest.raises(UserError, match=r"no photos in .* one folder for each activity"):
        find_images([tmp_path], ["all"])


def test_one_class_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"only photos of tennis .* at least two"):
        find_images([folders(tmp_path, "tennis")], ["all"])


def test_a_class_of_one_photo_is_too_small(tmp_path: Path) -> None:
    folders(tmp_path, "tennis", "football")
    for count in (1, 2, 3):
        photo_in(tmp_path, f"chess/{count}.jpg")
        with pytest.raises(UserError, match=rf"too few .*: chess \({count}\); .* at least 4"):
            find_images([tmp_path], ["all"])
    photo_in(tmp_path, "chess/4.jpg")
    assert "chess" in find_images([tmp_path], ["all"]).all_labels()


def test_labels_that_are_not_there_list_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no photos of chess .* it has: football, tennis"):
        find_images([folders(tmp_path, "tennis", "football")], ["chess"])


def test_nested_folders_upper_case_endings_and_odd_class_names(tmp_path: Path) -> None:
    names = ["--help", "all", "-", "网球", "a b", "it's", 'say "x"', "new\nline", "\udcff", "%s{0}"]
    folders(tmp_path, *names)
    photo_in(tmp_path, "all/1.JPEG")
    photo_in(tmp_path, "all/.hidden.jpg")
    photo_in(tmp_path, "deep/down/all/2.PNG")
    photos, labels = photos_and_labels([tmp_path], ["all"])
    assert set(labels) == set(names)
    assert labels.count("all") == 6
    assert photos == sorted(photos)
    assert all(read_photo(tmp_path / photo) == b"x" for photo in photos)
    assert set(photos_and_labels([tmp_path], ["all", "--help"])[1]) == {"all", "--help"}


def test_thousands_of_classes_are_split_and_messages_stay_short(tmp_path: Path) -> None:
    names = [f"class {number:04}" for number in range(1000)]
    photos, labels = photos_and_labels([folders(tmp_path, *names)], ["all"])
    training, test = split_photos(photos, labels)
    assert (len(training), len(test)) == (3000, 1000)
    assert {labels[place] for place in training} == set(names)
    with pytest.raises(UserError) as raised:
        find_images([tmp_path], ["chess", *map(str, range(2000))])
    assert len(str(raised.value)) < 600 + len(str(tmp_path))
    for name in names:
        photo_in(tmp_path / "few", f"{name}/0.jpg")
    with pytest.raises(UserError, match="too few") as raised:
        find_images([tmp_path / "few"], ["all"])
    assert len(str(raised.value)) < 600 + len(str(tmp_path))


@posix
def test_links_in_a_circle_end(tmp_path: Path) -> None:
    folders(tmp_path, "tennis", "football")
    (tmp_path / "tennis/again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "tennis/itself.jpg").symlink_to(tmp_path / "tennis/itself.jpg")
    photos, _ = photos_and_labels([tmp_path], ["all"])
    assert len(photos) == 9
    with pytest.raises(OSError, match="symbolic links"):
        read_photo(tmp_path / "tennis/itself.jpg")


@posix
def test_what_is_not_a_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    with (tmp_path / "sparse.jpg").open("wb") as file:
        file.truncate(2**40)
    for name in ("pipe.jpg", "device.jpg", "sparse.jpg"):
        with pytest.raises(OSError, match=r"not a (photo|regular file)") as raised:
            read_photo(tmp_path / name)
        assert raised.value.errno == errno.EINVAL


def test_the_split_is_the_one_that_everybody_has() -> None:
    # Scores are compared across machines and years: the very same photos are tested on.
    photos = [f"{label}/{number:02}.jpg" for label in ("golf", "polo") for number in range(12)]
    _, test = split_photos(photos, [photo.split("/")[0] for photo in photos])
    assert [photos[i] for i in test] == [
        *("golf/03.jpg", "golf/06.jpg", "golf/07.jpg"),
        *("polo/02.jpg", "polo/07.jpg", "polo/11.jpg"),
    ]


def test_later_kinds_are_found_and_split_by_themselves(tmp_path: Path) -> None:
    for label in ("football", "tennis"):
        (tmp_path / label).mkdir()
        for number in range(8):
            (tmp_path / label / f"{number}.jpg").write_bytes(b"photo")
    before = photos_and_labels([tmp_path], ["all"])
    tested = {before[0][i] for i in split_photos(*before)[1]}
    for number, suffix in enumerate([".webp", ".GIF", ".avif", ".webp", ".gif", ".Avif", ".webp"]):
        (tmp_path / "football" / f"new{number}{suffix}").write_bytes(b"photo")
    (tmp_path / "tennis/new.webp").write_bytes(b"photo")

    photos, labels = photos_and_labels([tmp_path], ["all"])
    assert len(photos) == 24
    assert find_images([tmp_path], ["all"]).left_out == {}
    training, test = split_photos(photos, labels)
    assert sorted(training + test) == list(range(24))
    now = {photos[i] for i in test}
    # Those of the kinds that were always read are tested as before, whatever comes beside them.
    assert {photo for photo in now if photo.endswith(".jpg")} == tested
    later = sorted(now - tested)
    assert len(later) == 2  # of football's seven; tennis's only one is for training
    assert all(photo.startswith("football/new") for photo in later)


@pytest.mark.parametrize("suffix", [".heic", ".HIF", ".jxl", ".mpo"])
def test_copies_of_another_kind_are_tested_with_the_same_photos(
    suffix: str, tmp_path: Path
) -> None:
    tested = []
    for folder, ending in (("jpegs", ".jpg"), ("copies", suffix)):
        for label in ("football", "tennis"):
            (tmp_path / folder / label).mkdir(parents=True)
            for number in range(60):
                (tmp_path / folder / label / f"{number}{ending}").write_bytes(b"photo")
        photos, labels = photos_and_labels([tmp_path / folder], ["all"])
        assert len(photos) == 120
        tested.append([Path(photos[i]).with_suffix("") for i in split_photos(photos, labels)[1]])
    assert tested[0] == tested[1]


def test_a_folder_of_webp_alone_is_a_data_set(tmp_path: Path) -> None:
    for label in ("football", "tennis"):
        (tmp_path / label).mkdir()
        for number in range(8):
            (tmp_path / label / f"{number}.webp").write_bytes(b"photo")
    photos, labels = photos_and_labels([tmp_path], ["all"])
    _, test = split_photos(photos, labels)
    assert sorted(labels[i] for i in test) == ["football", "football", "tennis", "tennis"]


@pytest.mark.parametrize("suffix", [".webp", ".gif", ".avif"])
def test_photos_of_later_kinds_are_read(suffix: str) -> None:
    if not cv2.haveImageWriter(f"photo{suffix}"):
        pytest.skip(f"this OpenCV cannot write {suffix}")
    content = cv2.imencode(suffix, PICTURE)[1].tobytes()
    pixels = decode_photo(content)
    assert pixels is not None
    # Of a GIF only 256 colours are left, and the other two are lossy.
    assert np.abs(pixels.astype(int) - Frame(PICTURE).network_input()).mean() < 12
    assert decode_photo(content[: len(content) // 3]) is None


def test_a_gif_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [np.full((40, 60, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 0, 255))]
    animation = cv2.Animation()
    animation.frames = frames
    animation.durations = [100, 100]
    cv2.imwriteanimation(str(tmp_path / "two.gif"), animation)
    pixels = decode_photo((tmp_path / "two.gif").read_bytes())
    assert pixels is not None
    np.testing.assert_allclose(pixels.mean(axis=(0, 1)), [0, 0, 255], atol=4)


def test_files_of_other_kinds_are_counted_by_their_endings(tmp_path: Path) -> None:
    folders(tmp_path, "tennis", "football", "chess")
    for name in ("tennis/a.php", "football/b.PHP", "tennis/c.aspx", "tennis/readme", "chess/d.txt"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "notes.txt").write_bytes(b"")
    (tmp_path / "tennis/.hidden.php").write_bytes(b"")
    found = find_images([tmp_path], ["tennis", "football"])
    assert found.left_out == {".php": 2, ".aspx": 1, "without an ending": 1}
    # A folder of such files alone is missed most.
    (tmp_path / "golf").mkdir()
    (tmp_path / "golf/1.cr2").write_bytes(b"")
    assert find_images([tmp_path], ["all"]).left_out[".cr2"] == 1
    assert find_images([tmp_path], ["tennis", "football", "golf"]).left_out[".cr2"] == 1


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".JFIF", ".jif", ".jfi"])
def test_photos_with_rarer_endings_of_jpeg_are_photos(tmp_path: Path, suffix: str) -> None:
    folders(tmp_path, "tennis", "football", photos=8)
    for label in ("tennis", "football"):
        for number in range(4):
            photo_in(tmp_path, f"{label}/new {number}.webp")
    before = {i.path for i in split_images(find_images([tmp_path]).photos, [], {}, {}).test}
    for label in ("tennis", "football"):
        for number in range(4):
            (tmp_path / f"{label}/newer {number}{suffix}").write_bytes(FORMATS["JPEG"])
    found = find_images([tmp_path])
    assert (len(found.photos), found.left_out) == (32, {})
    # Those of the kinds that were read before stay where they were.
    tested = {image.path for image in split_images(found.photos, [], {}, {}).test}
    assert before < tested
    labels = sorted(name.partition("/newer")[0] for name in tested - before)
    assert labels == ["football", "tennis"]


def test_a_run_that_ends_says_what_lay_in_the_other_folders(tmp_path: Path) -> None:
    folders(tmp_path, "football")
    for name in ("tennis/1.cr2", "tennis/2.CR2", "golf/night/1.psd", "football/notes.txt"):
        photo_in(tmp_path, name)
    (tmp_path / "chess").mkdir()
    inside = (
        r"; nothing to learn from in chess \(empty\), golf \(1 .psd\), tennis \(2 .cr2\); "
        r"left out \(neither photos nor clips\): 2 .cr2, 1 .txt, 1 .psd"
    )
    with pytest.raises(UserError, match=f"only photos of football in .*{inside}$"):
        find_images([tmp_path], ["all"])
    with pytest.raises(UserError, match=f"no photos of tennis, golf in .*{inside}$"):
        find_images([tmp_path], ["tennis", "golf"])
    photo_in(tmp_path, "tennis/1.jpg")
    with pytest.raises(UserError, match=r"too few .*: tennis \(1\); .* at least 4; .*2 .cr2"):
        find_images([tmp_path], ["all"])
    folders(tmp_path, "polo")
    with pytest.raises(UserError, match="and --labels leaves out football, tennis; nothing to"):
        find_images([tmp_path], ["polo"])


def test_a_run_without_photos_says_what_was_there_instead(tmp_path: Path) -> None:
    for name in ("1.jpg", "2.jpg", "notes.txt", "tennis/1.cr2"):
        photo_in(tmp_path, name)
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        photo_in(tmp_path, name)
    with pytest.raises(UserError, match=r"no photos in .* or with clips; ") as raised:
        find_images([tmp_path])
    said = str(raised.value).split("; ")[1:]
    assert said == [
        "a.mp4: no folder and no table says what it shows",
        "and 2 more clips or tables are flawed or say nothing",
        "nothing to learn from in tennis (1 .cr2)",
        "left out (neither photos nor clips): 1 .cr2",
        f"left out: 2 photos in {tmp_path.as_posix()}/ itself, which belong to no activity",
    ]


def test_photos_in_no_folder_are_told_in_a_run_that_goes_on(tmp_path: Path) -> None:
    folders(tmp_path, "tennis", "football")
    photo_in(tmp_path, "1.jpg")
    found = find_images([tmp_path])
    assert found.in_no_activity == {tmp_path.as_posix(): 1}
    assert any(f"1 photos in {tmp_path}/ itself" in said for said in remarks_on_found(None, found))


def test_the_default_activities_or_all_there_is(tmp_path: Path) -> None:
    folders(tmp_path / "some", "tennis", "football", "chess")
    assert set(find_images([tmp_path / "some"]).all_labels()) == {"tennis", "football"}
    folders(tmp_path / "none", "fencing", "chess")
    assert set(find_images([tmp_path / "none"]).all_labels()) == {"fencing", "chess"}


def test_a_slip_in_a_table_is_named_and_the_table_is_found_in_capitals(tmp_path: Path) -> None:
    folders(tmp_path, "tennis", "football")
    (tmp_path / "tennis/a.mp4").write_bytes(b"")
    (tmp_path / "tennis/a.CSV").write_text("start,end,label\n0,9,fotball\n")
    found = find_images([tmp_path], ["tennis", "football"])
    assert (found.clips, found.not_wanted) == ([], ["fotball"])
    assert tmp_path / "tennis/a.CSV" in found.inputs
    assert found.left_out == {}


@pytest.mark.parametrize(
    ("table", "wanted", "message"),
    [
        (None, ["all"], "no photos in .* one folder for each activity"),
        (None, ["tennis"], "no photos in"),
        ("0,9,tennis\n", ["all"], "no photos in .*; unknown/a.mp4: .* line 1: the first line"),
    ],
)
def test_footage_of_none_of_the_activities_alone_is_no_data_set(
    tmp_path: Path, table: str | None, wanted: list[str], message: str
) -> None:
    (tmp_path / "unknown").mkdir()
    (tmp_path / "unknown/a.mp4").write_bytes(b"")
    if table:
        (tmp_path / "unknown/a.csv").write_text(table)
    with pytest.raises(UserError, match=message):
        find_images([tmp_path], wanted)


def test_a_flawed_table_that_leaves_too_little_is_named(tmp_path: Path) -> None:
    folders(tmp_path, "tennis")
    (tmp_path / "match.mp4").write_bytes(b"")
    (tmp_path / "match.csv").write_text("start;end;label\n0;9;football\n")
    with pytest.raises(UserError, match=r"only photos of tennis .*; match.mp4: .* line 1: the fir"):
        find_images([tmp_path], ["all"])


def test_labels_of_tables_are_labels(tmp_path: Path) -> None:
    folders(tmp_path, "tennis", "football")
    for clip in ("tennis/a.mp4", "match.mkv", "chess/b.webm", "unlabelled.mov", ".hidden.mp4"):
        (tmp_path / clip).parent.mkdir(exist_ok=True)
        (tmp_path / clip).write_bytes(b"")
    (tmp_path / "match.csv").write_text("start,end,label\n0,9,tennis\n9,12,rally\n12,15,unknown\n")
    (tmp_path / "tennis/orphan.csv").write_text("")
    found = find_images([tmp_path], ["all"])
    assert found.all_labels() == ["chess", "football", "rally", "tennis"]
    assert [clip.image.path for clip in found.clips] == [
        "chess/b.webm",
        "match.mkv",
        "tennis/a.mp4",
    ]
    assert (found.in_tables_only, found.not_wanted) == (["rally"], [])
    assert found.left_out == {".csv": 1}
    assert list(found.skipped) == ["unlabelled.mov"]
    files = {*found.inputs}
    assert {tmp_path / "match.csv", tmp_path / "match.mkv", tmp_path / "tennis/0.jpg"} <= files

    default = find_images([tmp_path])
    assert default.all_labels() == ["football", "tennis"]
    assert [clip.image.path for clip in default.clips] == ["match.mkv", "tennis/a.mp4"]
    assert default.not_wanted == ["rally"]


@pytest.mark.parametrize(
    "names",
    [
        ("Tennis", "tennis"),
        ("tennis", "tennis "),
        ("caf\u00e9", "cafe\u0301"),
        ("STRASSE", "straße"),
    ],
)
def test_names_that_a_person_takes_for_one_are_refused(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    folders(tmp_path, *names, "football")
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("this file system takes them for one, too")
    for wanted in (["all"], [names[0], "football"]):
        with pytest.raises(
            UserError, match=r"differ only in case, in spaces .*: spell them"
        ) as raised:
            find_images([tmp_path], wanted)
        assert all(repr(name) in str(raised.value) for name in names)
    for name in names:
        folders(tmp_path, f"golf/{name}")
    assert find_images([tmp_path], ["football", "golf"]).all_labels() == ["football", "golf"]


def test_a_label_of_a_table_that_is_nearly_a_folders_is_refused(tmp_path: Path) -> None:
    folders(tmp_path, "tennis", "football")
    (tmp_path / "match.mp4").write_bytes(b"")
    (tmp_path / "match.csv").write_text("start,end,label\n0,9,Tennis\n")
    with pytest.raises(UserError, match="'Tennis' and 'tennis' differ only"):
        find_images([tmp_path], ["all"])


def test_folders_that_gave_nothing_are_named(tmp_path: Path) -> None:
    folders(tmp_path, "tennis", "football")
    for name in ("golf/1.cr2", "golf/2.CR2", "golf/night/3.txt", "tennis/night/notes.txt"):
        photo_in(tmp_path, name)
    (tmp_path / "chess").mkdir()
    (tmp_path / "tennis/@eaDir").mkdir()
    found = find_images([tmp_path], ["all"])
    assert found.gave_nothing == {
        "chess": "empty",
        "golf": "2 .cr2, 1 .txt",
        "tennis/night": "1 .txt",
    }
    assert list(find_images([tmp_path], ["tennis", "football"]).gave_nothing) == ["tennis/night"]


def test_photos_that_were_not_asked_for_are_handed_over_apart(tmp_path: Path) -> None:
    found = find_images([folders(tmp_path, "tennis", "football", "chess", "go")])
    assert {photo.label for photo in found.photos} == {"tennis", "football"}
    assert {photo.label for photo in found.outliers} == {"chess", "go"}
    assert found.outliers[0].image.file == tmp_path / "chess/0.jpg"
    assert find_images([tmp_path], ["all"]).outliers == []


def test_a_split_that_is_there_is_kept_and_needs_no_four_photos(tmp_path: Path) -> None:
    for part, count in (("train", 3), ("val", 2), ("test", 1)):
        folders(tmp_path, f"{part}/tennis", f"{part}/football", photos=count)
    photo_in(tmp_path, "test/beside.jpg")
    (tmp_path / "test/tennis/a.mp4").write_bytes(b"")
    found = find_images([tmp_path], ["all"])
    assert found.all_labels() == ["football", "tennis"]
    assert found.in_no_activity == {"test": 1}
    assert [clip.part for clip in found.clips] == ["test"]
    split = split_images(found.photos, [], {}, {})
    assert [image.path for image in split.test] == ["test/football/0.jpg", "test/tennis/0.jpg"]
    assert len(split.training) == 10
    folders(tmp_path, "test/chess")
    with pytest.raises(UserError, match="only photos to test with, and none to learn from: chess"):
        find_images([tmp_path], ["all"])


def test_several_data_sets_are_learned_from_together(tmp_path: Path) -> None:
    folders(tmp_path / "a", "tennis", "football", photos=8)
    folders(tmp_path / "b", "tennis", "chess", photos=5)
    photo_in(tmp_path / "b", "chess/only here.jpg")
    first = find_images([tmp_path / "a"], ["all"])
    found = find_images([tmp_path / "a", tmp_path / "b"], ["all"])
    assert found.all_labels() == ["chess", "football", "tennis"]
    paths = [photo.image.path for photo in found.photos]
    assert len(set(paths)) == len(paths) == 27
    assert {"a/tennis/0.jpg", "b/tennis/0.jpg", "tennis/7.jpg", "chess/only here.jpg"} <= {*paths}
    assert all(photo.image.file.read_bytes() == b"x" for photo in found.photos)
    tested = {image.file for image in split_images(found.photos, [], {}, {}).test}
    assert {image.file for image in split_images(first.photos, [], {}, {}).test} < tested


def test_data_sets_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    for above in ("one", "two"):
        folders(tmp_path / above / "data", "tennis", "football")
    found = find_images([tmp_path / "one/data", tmp_path / "two/data"], ["all"])
    paths = {photo.image.path for photo in found.photos}
    assert len(paths) == 16
    assert (tmp_path / "one/data/tennis/0.jpg").as_posix() in paths


def test_a_data_set_that_lies_in_another_is_refused(tmp_path: Path) -> None:
    folders(tmp_path, "tennis", "football")
    for datasets in ([tmp_path, tmp_path / "tennis"], [tmp_path, tmp_path]):
        with pytest.raises(UserError, match=r"is, or lies in, .*: name it once"):
            find_images(datasets, ["all"])


def test_a_photo_that_a_folder_and_a_table_hold_counts_once(tmp_path: Path) -> None:
    folders(tmp_path / "data", "tennis", "football")
    (tmp_path / "tables").mkdir()
    table = tmp_path / "tables/photos.csv"
    table.write_text("path,label\n../data/tennis/0.jpg,tennis\n../data/tennis/1.jpg,football\n")
    found = find_images([tmp_path / "data", table], ["all"])
    labels = sorted(photo.label for photo in found.photos if photo.image.file.name == "1.jpg")
    assert len(found.photos) == 9
    assert labels == ["football", "football", "tennis"]


def test_corrections_elsewhere_are_learned_from_and_never_tested_with(tmp_path: Path) -> None:
    folders(tmp_path / "data", "tennis", "football")
    (tmp_path / "corrected").mkdir()
    for number in range(8):
        (tmp_path / f"data/tennis/{number}.mp4").write_bytes(b"")
        (tmp_path / f"corrected/{number}.csv").write_text("start,end,label\n0,3,football\n")
    found = find_images([tmp_path / "data", tmp_path / "corrected"], ["all"])
    assert {segment.label for clip in found.clips for segment in clip.segments} == {"football"}
    assert {clip.part for clip in found.clips} == {"train"}
    assert tmp_path / "corrected/0.csv" in found.inputs
    assert (found.left_out, found.gave_nothing, found.skipped) == ({}, {}, {})
    one = find_images([tmp_path / "data", tmp_path / "corrected/0.csv"], ["all"])
    assert [clip.part for clip in one.clips].count("train") == 1
    table = tmp_path / "all.csv"
    table.write_text("clip,start,end,label\n" + "".join(f"{n}.mp4,0,3,go\n" for n in range(3)))
    with pytest.raises(UserError, match=r"all.csv say different things of tennis/0.mp4"):
        find_images([tmp_path / "data", tmp_path / "corrected", table], ["all"])
    found = find_images([tmp_path / "data", table], ["all"])
    assert found.in_tables_only == ["go"]


@posix
def test_linked_folders_are_activities(tmp_path: Path) -> None:
    folders(tmp_path / "photos", "tennis")
    folders(tmp_path / "data", "football")
    (tmp_path / "data/tennis").symlink_to(tmp_path / "photos/tennis")
    (tmp_path / "data/again").symlink_to(tmp_path / "photos/tennis")
    found = find_images([tmp_path / "data"], ["all"])
    assert len(found.photos) == 8
    (missed,) = found.not_followed
    assert missed in (str(tmp_path / "data/tennis"), str(tmp_path / "data/again"))


@pytest.mark.parametrize("ending", ["", ".csv"])
def test_parts_of_a_split_that_are_given_one_by_one_keep_it(tmp_path: Path, ending: str) -> None:
    given = []
    for part in ("train", "test"):
        folders(tmp_path / part, "tennis", "football", photos=6 if part == "train" else 4)
        photos = sorted((tmp_path / part).rglob("*.jpg"))
        rows = [f"{photo.relative_to(tmp_path).as_posix()},{photo.parent.name}" for photo in photos]
        (tmp_path / f"{part}.csv").write_text("\n".join(["path,label", *rows]))
        given.append(tmp_path / f"{part}{ending}")
    found = find_images(given)
    assert {photo.part for photo in found.photos} == {"train", "test"}
    assert all(f"/{photo.part}/" in photo.image.file.as_posix() for photo in found.photos)
    assert {photo.dataset for photo in found.photos} == {0}
    said = " ".join(remarks_on_found(None, found))
    for label in ("tennis", "football"):
        assert f"train/{label}" in said
        assert f"test/{label}" in said
    assert ", tennis" not in said
    alone = find_images([tmp_path / f"train{ending}"])
    assert {photo.part for photo in alone.photos} == {None}


def test_a_part_without_activities_given_beside_another_splits_nothing(tmp_path: Path) -> None:
    folders(tmp_path / "train", "tennis", "football")
    (tmp_path / "test").mkdir()
    (tmp_path / "test/0.jpg").write_bytes(b"")
    found = find_images([tmp_path / "train", tmp_path / "test"])
    assert {photo.part for photo in found.photos} == {None}


def test_a_table_that_splits_completes_one_that_does_not(tmp_path: Path) -> None:
    folders(tmp_path / "a", "tennis", "football")
    photos = sorted((tmp_path / "a").rglob("*.jpg"))
    rows = [f"{photo.relative_to(tmp_path).as_posix()},{photo.parent.name}" for photo in photos]
    (tmp_path / "all.csv").write_text("\n".join(["path,label", *rows]))
    (tmp_path / "split.csv").write_text(f"path,label,split\n{rows[0]},test\n{rows[1]},train\n")
    for tables in (["all.csv", "split.csv"], ["split.csv", "all.csv"]):
        found = find_images([tmp_path / table for table in tables])
        assert len(found.photos) == len(photos)
        assert sorted(photo.part for photo in found.photos if photo.part) == ["test", "train"]


def test_tables_of_photos_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    folders(tmp_path / "a", "tennis", "football")
    for name, label in (("one", "tennis"), ("two", "football")):
        (tmp_path / f"{name}.csv").write_text(f"path,label\na/tennis/0.jpg,{label}\n")
    with pytest.raises(UserError, match=r"0.jpg is tennis in one table and football in another"):
        find_images([tmp_path / "one.csv", tmp_path / "two.csv"])


@pytest.mark.parametrize(
    ("folder", "wanted", "spelled"),
    [
        ("tennis", ["Tennis", "football"], "'Tennis' and 'tennis'"),
        ("cafe\u0301", ["caf\u00e9", "football"], ""),
        ("Unknown", ["all"], "'Unknown' and 'unknown'"),
    ],
)
def test_a_name_that_is_nearly_another_is_never_taken_for_a_third_thing(
    tmp_path: Path, folder: str, wanted: list[str], spelled: str
) -> None:
    folders(tmp_path, folder, "football", "golf")
    with pytest.raises(UserError, match=f"the labels .*{spelled}.* differ only in case"):
        find_images([tmp_path], wanted)


def test_one_of_the_default_activities_is_not_taken_alone(tmp_path: Path) -> None:
    folders(tmp_path, "tennis", "badminton", "squash")
    assert find_images([tmp_path]).all_labels() == ["badminton", "squash", "tennis"]


def test_numbered_activities_in_one_folder_have_a_way_out(tmp_path: Path) -> None:
    folders(tmp_path / "digits", "0", "1")
    with pytest.raises(UserError, match=r"only photos of digits .* give --label-folder last"):
        find_images([tmp_path])
    assert find_images([tmp_path], None, "last").all_labels() == ["0", "1"]


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (b"clip;start;end;label\na.mp4;0;1;golf\n", "line 1: the first line should be"),
        (b"start,end,label,note\n0,1,golf,x\n", "line 1: the first line should be"),
        ("clip,start,end,label\nMüll.mp4,0,1,golf\n".encode("cp1252"), "is not UTF-8"),
    ],
)
def test_a_table_that_a_spreadsheet_has_changed_is_named(
    tmp_path: Path, table: bytes, why: str
) -> None:
    folders(tmp_path / "photos", "tennis", "football")
    (tmp_path / "corrected").mkdir()
    (tmp_path / "corrected/corrected.csv").write_bytes(table)
    (tmp_path / "corrected/scores.csv").write_text("name,points\n")
    found = find_images([tmp_path / "photos", tmp_path / "corrected"])
    (reason,) = found.skipped.values()
    assert why in reason
    assert found.left_out == {".csv": 1}


def frames_and_parts(found: Found) -> tuple[ImageSets, set[str]]:
    """A frame of each segment, split, and which clips are tested with."""
    frames = {
        clip.image._replace(seconds=segment.start): segment.label
        for clip in found.clips
        for segment in clip.segments
    }
    split = split_images(found.photos, found.clips, frames, {})
    labels = {photo.image: photo.label for photo in found.photos} | frames
    sampled = SampledFrames(frames, dict.fromkeys(frames, 1.0))
    sets = ImageSets(split.training, split.test, [], labels, sampled)
    return sets, {image.path for image in split.test if image.seconds is not None}


@pytest.mark.parametrize(
    ("table", "given"),
    [
        *((table, ["."]) for table in ("clips/{}.csv", "tables/{}.csv", "tables/all.csv")),
        *((table, ["clips", "tables"]) for table in ("tables/{}.csv", "tables/all.csv")),
        ("tables/all.csv", ["tables"]),
    ],
)
def test_clips_are_split_wherever_their_tables_lie(
    tmp_path: Path, table: str, given: list[str]
) -> None:
    for name in ("clips", "tables"):
        (tmp_path / name).mkdir()
    many = ["clip,start,end,label"]
    for number in range(16):
        (tmp_path / f"clips/{number}.mp4").write_bytes(b"")
        rows = ["0,3,football", "3,6,tennis"]
        many += [f"../clips/{number}.mp4,{row}" for row in rows]
        if "{}" in table:
            (tmp_path / table.format(number)).write_text("\n".join(["start,end,label", *rows]))
    if "{}" not in table:
        (tmp_path / table).write_text("\n".join(many))
    found = find_images([tmp_path / name for name in given], ["football", "tennis"])
    sets, tested = frames_and_parts(found)
    assert len(tested) == 4
    assert found.corrected == []
    assert not any("score" in remark for remark in remarks_on_sets(found, sets))


def test_clips_that_are_all_learned_from_are_not_called_too_few(tmp_path: Path) -> None:
    folders(tmp_path / "data", "tennis", "football")
    (tmp_path / "corrected").mkdir()
    for number in range(8):
        (tmp_path / f"data/tennis/match {number}.mp4").write_bytes(b"")
        (tmp_path / f"corrected/match {number}.csv").write_text("start,end,label\n0,3,football\n")
    found = find_images([tmp_path / "data", tmp_path / "corrected"], ["all"])
    sets, tested = frames_and_parts(found)
    assert tested == set()
    said = [remark for remark in remarks_on_sets(found, sets) if "score" in remark]
    assert said == [
        "clips whose tables correct their folders, or that lie outside the data sets, are all "
        "learned from, so that the score is of photos alone: football"
    ]
    assert len(found.corrected) == 8
    # Where nothing is tested with at all, that is why, too.
    alone = sets._replace(test=[])
    assert any(
        remark.startswith("clips whose tables correct") and remark.endswith(": football")
        for remark in remarks_on_sets(found, alone)
    )


@pytest.mark.parametrize(
    ("clips", "part", "said"),
    [
        (["train/tennis/{}.mp4"], "test", "no clips in the part to test with"),
        (["tennis/v_g01_c{:02}.mp4"], "", "the clips belong together, or with photos, or show a"),
        (["tennis/{}.mp4"], "", None),
    ],
)
def test_why_no_clip_is_tested_is_said_as_it_is(
    tmp_path: Path, clips: list[str], part: str, said: str | None
) -> None:
    for above in ("train/", "test/") if part else ("",):
        folders(tmp_path, f"{above}tennis", f"{above}football")
    for number in range(8):
        (tmp_path / clips[0].format(number)).write_bytes(b"")
    found = find_images([tmp_path], ["all"])
    sets, tested = frames_and_parts(found)
    remarks = [remark for remark in remarks_on_sets(found, sets) if "photos alone" in remark]
    assert bool(tested) == (said is None)
    assert [remark.startswith(said or "") for remark in remarks] == [True] * (said is not None)


def test_names_of_folders_tell_which_tier_has_the_labels(tmp_path: Path) -> None:
    for label in ("serve", "rally"):
        (tmp_path / label).mkdir()
        (tmp_path / label / f"{label}.mp4").write_bytes(b"")
    segments = [Segment(0, 4, "serve"), Segment(4, 8, "rally")]
    media = Media(tmp_path / "serve/serve.mp4", 8.0, Fraction(25))
    file = tmp_path / "serve/serve.eaf"
    write_annotations(file, [LabelledMedia(media, segments)])
    tier = re.search("<TIER.*</TIER>", file.read_text(), re.DOTALL)[0]
    other = re.sub("serve|rally", "Anna", tier.replace('TIER_ID="activity"', 'TIER_ID="player"'))
    other = re.sub(r'ANNOTATION_ID="a', 'ANNOTATION_ID="b', other)
    file.write_text(file.read_text().replace(tier, other + tier))
    found = find_images([tmp_path])
    assert found.skipped == {"serve/serve.eaf, tier player": "it is no segment"}
    assert [clip.segments for clip in found.clips if clip.image.path == "serve/serve.mp4"] == [
        segments
    ]
