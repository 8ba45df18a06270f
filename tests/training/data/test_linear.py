"""Four times as many files, folders or tables are four times the work, not sixteen times."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from activity.media.images import Image
from activity.temporal.formats.annotations import Wanted
from activity.temporal.region_files import RegionsOfClips
from activity.training.data.clips import Table, read_clip_tables
from activity.training.data.dataset import find_images
from activity.training.data.files import list_dataset, read_sources
from activity.training.data.split import split_clips, split_images
from tests.conftest import posix

Prepare = Callable[[Path, int], Callable[[], object]]


def written(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def tables_elsewhere(folder: Path, count: int, name: str, text: str) -> Callable[[], object]:
    clips = [Image(f"{n}/{name.format(n)}.mp4", None, folder) for n in range(count)]
    tables = [
        Table(f"t{n}", written(folder / f"t{n}/{name.format(n)}.csv", text.format(n)))
        for n in range(count)
    ]
    return lambda: read_clip_tables(clips, tables, Wanted(), RegionsOfClips())


def tables_of_one_clip(folder: Path, count: int) -> Callable[[], object]:
    return tables_elsewhere(folder, count, "{}", "start,end,label\n0,4,tennis\n")


def tables_that_name_a_clip(folder: Path, count: int) -> Callable[[], object]:
    return tables_elsewhere(folder, count, "{}", "clip,start,end,label\n{}.mp4,0,4,tennis\n")


def tables_that_could_be_of_any_clip(folder: Path, count: int) -> Callable[[], object]:
    return tables_elsewhere(folder, count, "clip", "start,end,label\n0,4,tennis\n")


def tables_given_one_by_one(folder: Path, count: int) -> Callable[[], object]:
    table = "start,end,label\n0,4,tennis\n"
    given = [written(folder / f"corrected/{n}.csv", table) for n in range(count)]
    return lambda: read_sources(given, Wanted())


def data_sets_given_one_by_one(folder: Path, count: int) -> Callable[[], object]:
    for number in range(count):
        for label in ("golf", "polo"):
            written(folder / f"{number}/{label}/1.jpg")
    given = [folder / str(number) for number in range(count)]

    def work() -> object:
        found = find_images(given, ["all"])
        return split_images(found.photos, [], {}, {})

    return work


def linked_folders(folder: Path, count: int) -> Callable[[], object]:
    (folder / "data").mkdir(parents=True)
    for number in range(count):
        written(folder / f"far/{number}/1.jpg")
        (folder / f"data/{number}").symlink_to(folder / f"far/{number}")
    return lambda: list_dataset(folder / "data")


def folders_without_photos(folder: Path, count: int) -> Callable[[], object]:
    for number in range(count):
        written(folder / f"{number:05}/1.cr2")
    for label in ("golf", "polo"):
        for number in range(4):
            written(folder / f"{label}/{number}.jpg")
    return lambda: find_images([folder], ["all"])


def labels_of_clips(_: Path, count: int) -> Callable[[], object]:
    labels = {f"{label}/{n}.mp4": {str(label)} for label in range(count) for n in range(4)}
    return lambda: split_clips(labels, {clip: clip for clip in labels})


@pytest.mark.parametrize(
    "prepare",
    [
        tables_of_one_clip,
        tables_that_name_a_clip,
        tables_that_could_be_of_any_clip,
        tables_given_one_by_one,
        data_sets_given_one_by_one,
        pytest.param(linked_folders, marks=posix),
        folders_without_photos,
        labels_of_clips,
    ],
)
def test_work_grows_as_what_is_there(tmp_path: Path, prepare: Prepare) -> None:
    few, more = (_steps(prepare(tmp_path / str(count), count)) for count in (40, 160))
    assert more < 5 * few


def _steps(work: Callable[[], object]) -> int:
    """Count the lines that Python runs, and each turn of a loop.

    Not its opcodes: the first of 3.12.1's are not traced.
    """
    steps = 0

    def count(_frame: FrameType, event: str, _argument: object) -> object:
        nonlocal steps
        steps += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        work()
    finally:
        sys.settrace(before)
    return steps
