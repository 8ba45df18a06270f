"""The index of digests: a file that may have changed is read again; any other is not."""

import hashlib
import os
import shutil
import sqlite3
import sys
import time
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from activity.media import digest_index, images
from activity.media.images import hash_files
from tests.conftest import posix

LONG_AGO = (1_000_000_000, 1_000_000_000)  # of reading and of writing, in seconds since 1970
NAMES = ["one", "two"]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "dataset"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_text(name)
        os.utime(folder / name, LONG_AGO)
    return folder


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are read."""
    names: list[str] = []
    real = images.hash_file

    def noted(path: Path) -> str:
        names.append(path.name)
        return real(path)

    monkeypatch.setattr(images, "hash_file", noted)
    return names


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of an index; a minute passes before anything is hashed."""
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 60 * 10**9)
    return tmp_path / "cache"


def expected(dataset: Path) -> dict[str, str]:
    return {name: hashlib.sha256((dataset / name).read_bytes()).hexdigest() for name in NAMES}


def test_a_second_run_reads_nothing(dataset: Path, cache: Path, read: list[str]) -> None:
    assert hash_files(dataset, NAMES, cache) == expected(dataset)
    assert sorted(read) == NAMES
    read.clear()
    assert hash_files(dataset, NAMES, cache) == expected(dataset)
    assert read == []


def test_without_a_folder_nothing_is_kept(dataset: Path, cache: Path, read: list[str]) -> None:
    for _ in range(2):
        assert hash_files(dataset, NAMES, None) == expected(dataset)
    assert len(read) == 4


def write_again(file: Path) -> None:
    file.write_text("new")


def write_again_and_set_the_time_back(file: Path) -> None:
    file.write_text("new")
    os.utime(file, LONG_AGO)


def move_another_of_the_same_time_here(file: Path) -> None:
    other = file.with_name("other")
    other.write_text("new")
    os.utime(other, LONG_AGO)
    other.replace(file)


def copy_another_with_its_times(file: Path) -> None:
    other = file.with_name("other")
    other.write_text("new")
    os.utime(other, LONG_AGO)
    shutil.copy2(other, file)


@pytest.mark.parametrize(
    "change",
    [
        write_again,
        pytest.param(write_again_and_set_the_time_back, marks=posix),
        move_another_of_the_same_time_here,
        pytest.param(copy_another_with_its_times, marks=posix),
    ],
)
def test_a_file_of_the_same_size_that_has_changed_is_read_again(
    dataset: Path, cache: Path, read: list[str], change: Callable[[Path], None]
) -> None:
    hash_files(dataset, NAMES, cache)
    read.clear()
    change(dataset / "one")
    assert hash_files(dataset, NAMES, cache) == expected(dataset)
    assert read == ["one"]


def test_a_digest_of_an_earlier_version_is_not_believed(
    dataset: Path, cache: Path, read: list[str]
) -> None:
    """It does not tell how the photo was decoded."""
    hash_files(dataset, NAMES, cache)
    with closing(sqlite3.connect(cache / "digests.sqlite")) as table, table:
        for row in table.execute("SELECT * FROM digests").fetchall():
            checksum = zlib.crc32(repr(row[:-1]).encode())
            table.execute("UPDATE digests SET checksum = ? WHERE path = ?", [checksum, row[0]])
    read.clear()
    assert hash_files(dataset, NAMES, cache) == expected(dataset)
    assert sorted(read) == NAMES


def test_a_file_that_is_gone_is_not_known(dataset: Path, cache: Path) -> None:
    hash_files(dataset, NAMES, cache)
    (dataset / "one").unlink()
    assert list(hash_files(dataset, NAMES, cache)) == ["two"]


@pytest.mark.parametrize("older", [0, 2, 2.9])
def test_a_change_within_one_tick_of_the_clock_is_seen(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, older: float
) -> None:
    # A file system that shows no change at all: the same size, and a clock that stands still.
    tick = time.time_ns() - int(older * 1e9)
    state = digest_index.FileState(3, tick, tick, 1)
    for module in (images, digest_index):
        monkeypatch.setattr(module, "state_of", lambda _: state)
    monkeypatch.setattr(time, "time_ns", lambda: tick + int(older * 1e9))
    hash_files(dataset, NAMES, tmp_path / "cache")
    (dataset / "one").write_text("new")
    assert hash_files(dataset, NAMES, tmp_path / "cache") == expected(dataset)


def test_a_file_that_is_changed_while_it_is_read_is_read_again(
    dataset: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = images.hash_file

    def changed_meanwhile(path: Path) -> str:
        digest = real(path)
        write_again(path)
        return digest

    with monkeypatch.context() as patch:
        patch.setattr(images, "hash_file", changed_meanwhile)
        hash_files(dataset, NAMES, cache)
    assert hash_files(dataset, NAMES, cache) == expected(dataset)


def test_a_damaged_row_is_not_believed(dataset: Path, cache: Path) -> None:
    hash_files(dataset, NAMES, cache)
    with sqlite3.connect(cache / "digests.sqlite") as table:
        table.execute("UPDATE digests SET digest = ?", ["f" * 64])
    assert hash_files(dataset, NAMES, cache) == expected(dataset)


def test_a_damaged_index_is_started_anew(dataset: Path, cache: Path, read: list[str]) -> None:
    hash_files(dataset, NAMES, cache)
    (cache / "digests.sqlite").write_bytes(b"garbage " * 1000)
    assert hash_files(dataset, NAMES, cache) == expected(dataset)
    read.clear()
    assert hash_files(dataset, NAMES, cache) == expected(dataset)
    assert read == []


def test_a_folder_that_cannot_be_made_stops_nothing(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert hash_files(dataset, NAMES, tmp_path / "file" / "cache") == expected(dataset)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_a_name_that_is_no_text_is_known_again(dataset: Path, cache: Path, read: list[str]) -> None:
    name = os.fsdecode(b"caf\xe9")
    (dataset / name).write_text("x")
    for _ in range(2):
        assert list(hash_files(dataset, [name], cache)) == [name]
    assert read == [name]
