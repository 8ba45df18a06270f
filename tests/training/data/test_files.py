"""Files and folders of a data set: links are followed, what other programs leave there is not."""

import os
from pathlib import Path

import pytest
from imutils import paths

from activity.common.errors import UserError
from activity.training.data.files import list_dataset
from tests.conftest import posix


def photo(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def files(dataset: Path) -> list[str]:
    return sorted(file.as_posix() for file in list_dataset(dataset).files)


def test_a_plain_folder_lists_what_the_tutorials_library_does(tmp_path: Path) -> None:
    for name in ("tennis/1.jpg", "tennis/2.JPEG", "football/deep/3.png", "football/4.tif"):
        photo(tmp_path / name)
    images = [Path(path).relative_to(tmp_path).as_posix() for path in paths.list_images(tmp_path)]
    assert files(tmp_path) == sorted(images)


@pytest.mark.parametrize(
    "junk",
    ["@eaDir", ".AppleDouble", "#recycle", "lost+found", "__MACOSX", "$RECYCLE.BIN", ".hidden"],
)
def test_what_other_programs_leave_is_left_out(tmp_path: Path, junk: str) -> None:
    photo(tmp_path / "tennis/1.jpg")
    photo(tmp_path / f"tennis/{junk}/1.jpg")
    photo(tmp_path / f"{junk}/tennis/1.jpg")
    listing = list_dataset(tmp_path)
    assert listing.files == [Path("tennis/1.jpg")]
    assert listing.folders == [Path("tennis")]


@posix
def test_linked_folders_are_followed(tmp_path: Path) -> None:
    photo(tmp_path / "elsewhere/1.jpg")
    photo(tmp_path / "elsewhere/night/2.jpg")
    photo(tmp_path / "data/.store/3.jpg")
    (tmp_path / "data/tennis").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data/football").symlink_to(".store", target_is_directory=True)
    (tmp_path / "linked data").symlink_to(tmp_path / "data")
    for dataset in (tmp_path / "data", tmp_path / "linked data"):
        assert files(dataset) == ["football/3.jpg", "tennis/1.jpg", "tennis/night/2.jpg"]
        assert list_dataset(dataset).not_followed == []


@posix
def test_links_in_circles_end_and_nothing_is_listed_twice(tmp_path: Path) -> None:
    photo(tmp_path / "data/tennis/1.jpg")
    photo(tmp_path / "other/2.jpg")
    links = {
        "data/tennis/itself": "data/tennis",
        "data/up": "data",
        "data/above": ".",
        "data/football": "other",
        "data/soccer": "other",
        "other/back": "data",
    }
    for link, target in links.items():
        (tmp_path / link).symlink_to(tmp_path / target)
    (tmp_path / "data/broken").symlink_to(tmp_path / "nowhere")
    listing = list_dataset(tmp_path / "data")
    assert files(tmp_path / "data") == ["broken", "football/2.jpg", "tennis/1.jpg"]
    assert {path.as_posix() for path in listing.not_followed} == {
        *("tennis/itself", "up", "above", "soccer", "football/back"),
    }


def test_empty_folders_are_listed_too(tmp_path: Path) -> None:
    (tmp_path / "tennis/night").mkdir(parents=True)
    assert list_dataset(tmp_path).folders == [Path("tennis"), Path("tennis/night")]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="everything may be read")
def test_a_folder_without_rights_gives_nothing(tmp_path: Path) -> None:
    photo(tmp_path / "tennis/1.jpg")
    (tmp_path / "tennis").chmod(0)
    assert list_dataset(tmp_path).files == []
    (tmp_path / "tennis").chmod(0o700)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no folder of photos at"):
        list_dataset(tmp_path / "nowhere")
