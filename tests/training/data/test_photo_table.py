"""A table of photos and their labels, instead of folders."""

from pathlib import Path

import pytest

from activity.common.errors import UserError
from activity.media.images import read_images
from activity.training.data.dataset import find_images
from activity.training.data.files import read_photo_table
from activity.training.data.layout import Place
from activity.training.data.split import split_images


def table(folder: Path, text: str, *, encoding: str = "utf-8") -> Path:
    path = folder / "photos.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    "text",
    [
        "path,label,split\na/1.jpg,tennis,train\nb.jpg,go,\n",
        "\ufeffpath,label,split\r\na/1.jpg, tennis ,train\r\n\r\nb.jpg,go,\r\n",
        'Label,id,Path,SPLIT\n tennis,7,a/1.jpg,Train\n"go",8,b.jpg,""\n',
        "path,label,split\na\\1.jpg,tennis,train\nb.jpg,go,\nb.jpg,go,\n",
    ],
)
def test_tables_are_read_however_they_are_written(tmp_path: Path, text: str) -> None:
    rows = read_photo_table(table(tmp_path, text))
    assert rows == {"a/1.jpg": Place("tennis", "train"), "b.jpg": Place("go")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the first line should name the columns path,label"),
        ("a.jpg,tennis\n", "line 1: the first line should name the columns path,label"),
        ("path;label\na.jpg;tennis\n", "line 1: the first line should name"),
        ("path,label\na.jpg,tennis,4\n", "line 2: 3 values instead of 2"),
        ("path,label\na.jpg\n", "line 2: 1 values instead of 2"),
        ("path,label\na.jpg,\n", "line 2: it has no label"),
        ("path,label\na.jpg,go\n ,tennis\n", "line 3: it has no path"),
        ("path,label,split\na.jpg,go,holdout\n", "line 2: the split 'holdout' is none of train, "),
        ("path,label\na.jpg,go\na.jpg,chess\n", "line 3: a.jpg is chess here and go in line 2"),
        ("path,label,split\na,go,test\na,go,train\n", r"a is go \(train\) here and go \(test\) in"),
        ('path,label\n"a.jpg,go\n', "line 2: a value that starts with a quote"),
    ],
)
def test_what_is_wrong_in_a_table_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        read_photo_table(table(tmp_path, text))
    assert "\n" not in str(raised.value)
    with pytest.raises(UserError, match=message):
        find_images([tmp_path / "photos.csv"], ["all"])


def test_another_encoding_and_a_missing_table_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not UTF-8"):
        read_photo_table(table(tmp_path, "path,label\na.jpg,pêche\n", encoding="latin-1"))
    with pytest.raises(UserError, match=r"no table of photos at .*nowhere.csv"):
        find_images([tmp_path / "nowhere.csv"])


def test_a_table_labels_photos_and_clips_wherever_they_lie(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    absolute = (tmp_path / "elsewhere/x.jpg").as_posix()
    lines = [f"img/{label}{n}.jpg,{label}," for label in ("go", "chess") for n in range(8)]
    lines += [f"{absolute},go,test", "../a.mp4,chess,train", "without an ending,go,train"]
    path = table(tmp_path / "photos", "path,label,split\n" + "\n".join(lines) + "\n")
    found = find_images([path], ["all"])
    assert found.all_labels() == ["chess", "go"]
    files = [photo.image.file for photo in found.photos]
    assert tmp_path / "photos/img/go0.jpg" in files
    assert tmp_path / "elsewhere/x.jpg" in files
    assert tmp_path / "photos/without an ending" in files
    assert [clip.image.file for clip in found.clips] == [tmp_path / "photos/../a.mp4"]
    assert path in found.inputs
    split = split_images(found.photos, found.clips, {}, {})
    # A quarter of those that the table does not split, and the one that it does.
    assert len(split.test) == 5
    assert absolute in {image.path for image in split.test}


def test_a_photo_of_a_table_that_is_missing_is_skipped(tmp_path: Path) -> None:
    lines = [f"{label}{n}.jpg,{label}\n" for label in ("go", "chess") for n in range(4)]
    path = table(tmp_path, "path,label\n" + "".join(lines))
    photos = find_images([path], ["all"]).photos
    assert len(photos) == 8
    assert list(read_images([photo.image for photo in photos])) == []
