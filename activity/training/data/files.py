"""The files of data sets: those below folders, and those that tables name."""

import os
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from imutils import paths

from activity.common.errors import UserError, shortened
from activity.common.stores import is_stored, list_files
from activity.common.tables import column_names, header_of, read_rows
from activity.media.clip import CLIP_SUFFIXES
from activity.media.images import Image
from activity.media.region import Region
from activity.temporal.formats.annotations import Wanted
from activity.temporal.region_files import read_regions
from activity.temporal.segment_files import READ_SUFFIXES, holds_segments
from activity.temporal.segments import HEADER, HEADERS_OF_MANY
from activity.training.data.clips import Table, ToldByTables, read_clip_tables
from activity.training.data.labelled import LATER_SUFFIXES
from activity.training.data.layout import PARTS, Folder, Place, part_called, parts_among

_PHOTO_SUFFIXES = {*paths.image_types, *(suffix for group in LATER_SUFFIXES for suffix in group)}
_MAY_BE_ELSE = (".txt", ".xml", ".json")  # what many files are that have no segments

# What file servers, archivers and operating systems put beside people's files. Names that begin
# with a dot (.AppleDouble, .ipynb_checkpoints) are left out as hidden.
_JUNK = {
    "#recycle",
    "$recycle.bin",
    "@eadir",
    "__macosx",
    "lost+found",
    "system volume information",
}


@dataclass(frozen=True)
class Sources:
    """What lies in all the data sets. Two files of one name are told apart by their ``path``.

    Attributes:
        photos, clips: each with its folder there.
        rows: what tables say of photos and clips that they name.
        tables: tables of segments, or of something else.
        photo_tables: that the rows are from.
        others: files of other kinds, by their folder, with their endings.
        beside: how many photos lie right in which data set, in no folder of an activity.
        folders: all of them, with their names.
        not_followed: links to folders that are listed already.
        told: what tables of segments say of clips.
        regions: names of the regions that these tables may be about.
    """

    photos: dict[Image, Folder] = field(default_factory=dict)
    clips: dict[Image, Folder] = field(default_factory=dict)
    rows: dict[Image, Place] = field(default_factory=dict)
    tables: dict[Table, Folder] = field(default_factory=dict)
    photo_tables: list[Path] = field(default_factory=list)
    others: list[tuple[Folder, str]] = field(default_factory=list)
    beside: Counter[str] = field(default_factory=Counter)
    folders: dict[Folder, str] = field(default_factory=dict)
    not_followed: list[str] = field(default_factory=list)
    told: ToldByTables = field(default_factory=ToldByTables)
    regions: set[str] = field(default_factory=set)


def read_sources(
    datasets: Sequence[Path],
    wanted: Wanted,
    regions: Sequence[Region] = (),
    region_table: Path | None = None,
) -> Sources:
    """List the files of all data sets, each with the folder, row or table that says what it shows.

    Args:
        datasets: folders; tables of photos (``path,label``); tables of segments that name their
            clips (``clip,start,end,label``, or ``clip,region,start,end,label``), or are named after
            them (``start,end,label``); files of segments of other programs.
        wanted: what to take of such a file, where there is a choice.
        regions, region_table: as ``read_regions`` takes them.

    Raises:
        UserError: one of them is missing, no such table, or lies in another; or two tables
            contradict each other.
    """
    _check_apart(datasets)
    sources = Sources()
    entries: list[_Entry] = []
    for dataset, place in zip(datasets, _number(datasets), strict=True):
        if _is_table(dataset) and not dataset.is_dir():
            entries += _of_table(dataset, place, sources.photo_tables)
            continue
        listing = list_dataset(dataset)
        entries += [
            _Entry(dataset, file.as_posix(), _below(place, file.parent)) for file in listing.files
        ]
        if place.names:
            sources.folders[place] = dataset.as_posix()
        for folder in listing.folders:
            name = folder if len(datasets) == 1 else dataset / folder
            sources.folders[_below(place, folder)] = name.as_posix()
        sources.not_followed.extend(str(dataset / folder) for folder in listing.not_followed)
    # The split goes by the order of paths in each data set.
    entries.sort(key=lambda entry: (entry.place.dataset, entry.path))
    has_clips = any(entry.suffix in CLIP_SUFFIXES for entry in entries)
    for image, entry in zip(_tell_apart(entries), entries, strict=True):
        _sort_in(sources, image, entry, has_clips=has_clips)
    folders = {name for folder in sources.clips.values() for name in folder.names}
    of_clips = read_regions(regions, region_table, [clip.file for clip in sources.clips])
    names = of_clips.names
    wanted = replace(wanted, labels={*wanted.labels, *folders}, regions=names)
    told = read_clip_tables([*sources.clips], [*sources.tables], wanted, of_clips)
    return replace(sources, told=told, regions=names)


def _is_table(dataset: Path) -> bool:
    return dataset.suffix.lower() in READ_SUFFIXES


class _Entry(NamedTuple):
    """A file by its path from a folder; in ``place`` of a data set, or in a row of a table."""

    folder: Path
    path: str
    place: Folder
    row: Place | None = None

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.path).suffix.lower()


def _check_apart(datasets: Sequence[Path]) -> None:
    real = [path if is_stored(path) else Path(os.path.realpath(path)) for path in datasets]
    given: dict[Path, list[Path]] = defaultdict(list)
    for dataset, path in zip(datasets, real, strict=True):
        given[path].append(dataset)
    for dataset, path in zip(datasets, real, strict=True):
        if _is_table(path):
            continue
        others = [*given[path][1:], *(given[outer][0] for outer in path.parents if outer in given)]
        if others:
            raise UserError(f"{dataset} is, or lies in, {others[0]}: name it once after --dataset")


def _number(datasets: Sequence[Path]) -> list[Folder]:
    """Number the data sets; parts of one split (``data/train data/test``) are folders of one."""
    beside: dict[tuple[Path, str], list[int]] = defaultdict(list)
    for number, dataset in enumerate(datasets):
        if part_called(dataset.stem) is not None and _is_table_or_holds_folders(dataset):
            beside[dataset.parent, dataset.suffix.lower()].append(number)
    places = [Folder(number, ()) for number in range(len(datasets))]
    for numbers in beside.values():
        parts = parts_among({datasets[number].stem for number in numbers})
        for number in numbers:
            if datasets[number].stem in parts:
                places[number] = Folder(numbers[0], (datasets[number].stem,))
    return places


def _is_table_or_holds_folders(dataset: Path) -> bool:
    if is_stored(dataset) or _is_table(dataset):
        return True
    _, folders, _ = next(os.walk(dataset), ("", [], []))  # of what cannot be listed, none
    return any(not name.startswith(".") for name in folders)


def _below(place: Folder, folder: Path) -> Folder:
    return Folder(place.dataset, place.names + folder.parts)


def _of_table(table: Path, place: Folder, photo_tables: list[Path]) -> list[_Entry]:
    """List what a table names; or the table alone, where it is one of segments."""
    if table.suffix.lower() != ".csv" or header_of(table) in (HEADER, *HEADERS_OF_MANY):
        return [_Entry(table.parent, table.name, place)]
    photo_tables.append(table)
    part = part_called(place.names[0]) if place.names else None
    return [
        _Entry(table.parent, path, place, replace(row, part=row.part or part))
        for path, row in read_photo_table(table).items()
    ]


def _tell_apart(entries: Sequence[_Entry]) -> Iterator[Image]:
    """Name the files by their paths, with more of their folders where two names are equal."""
    folders = defaultdict(set)
    for entry in entries:
        folders[entry.path].add(entry.folder)
    by_name = {
        path: len({folder.name for folder in same} - {""}) == len(same)
        for path, same in folders.items()
    }
    for folder, path, *_ in entries:
        if len(folders[path]) == 1:
            yield Image(path, None, folder)
        elif by_name[path] or is_stored(folder):
            yield Image(f"{folder.name}/{path}", None, folder.parent)
        else:
            yield Image(folder.absolute().joinpath(path).as_posix(), None, folder)


def _sort_in(sources: Sources, image: Image, entry: _Entry, *, has_clips: bool) -> None:
    suffix = entry.suffix
    if entry.row is not None:
        earlier = sources.rows.get(image, entry.row)
        row = replace(entry.row, part=entry.row.part or earlier.part)
        if row != replace(earlier, part=earlier.part or row.part):
            raise UserError(
                f"{image.path} is {earlier} in one table and {entry.row} in another: keep the one "
                "that is right"
            )
        sources.rows[image] = row
    if suffix in CLIP_SUFFIXES:
        sources.clips[image] = entry.place
    elif entry.row is not None or (suffix in _PHOTO_SUFFIXES and entry.place.names):
        sources.photos[image] = entry.place
    # Where there are no clips, thousands of files beside photos need not be opened.
    elif (has_clips or suffix not in _MAY_BE_ELSE) and holds_segments(image.file):
        sources.tables[Table(image.path, image.file)] = entry.place
    elif suffix in _PHOTO_SUFFIXES:
        sources.beside[entry.folder.as_posix()] += 1
    elif entry.place.names:
        sources.others.append((entry.place, suffix or "without an ending"))


class Listing(NamedTuple):
    """What lies in a folder, by paths relative to it; hidden files and folders are left out.

    Attributes:
        files: all of them.
        folders: all of them, those in an object store excepted, where a folder without files
            does not exist.
        not_followed: links to folders that are listed already, or that would lead in a circle.
    """

    files: list[Path]
    folders: list[Path]
    not_followed: list[Path]


def list_dataset(dataset: Path) -> Listing:
    """List a folder of a data set. Links to other folders are followed, each target once.

    Raises:
        UserError: there is no such folder, or its store cannot be reached.
    """
    # Path.is_dir raises on names that it cannot look up.
    if not (dataset.is_dir() if is_stored(dataset) else os.path.isdir(dataset)):  # noqa: PTH112
        raise UserError(f"no folder of photos at {dataset}: give --dataset a folder that exists")
    listing = Listing([], [], [])
    if is_stored(dataset):
        listing.files.extend(filter(_is_visible, map(Path, list_files(dataset))))
        return listing
    walked: set[Path] = set()
    above_walked: set[Path] = set()
    waiting = deque([dataset])
    while waiting:
        folder = waiting.popleft()
        target = Path(os.path.realpath(folder))
        listed_by = {*_lists(target)}
        if target in above_walked or listed_by & walked:
            listing.not_followed.append(folder.relative_to(dataset))
            continue
        walked.add(target)
        above_walked |= listed_by
        if folder != dataset:
            listing.folders.append(folder.relative_to(dataset))
        for parent, folders, files in os.walk(folder):
            folders[:] = sorted(name for name in folders if _is_visible(Path(name)))
            for inner in (Path(parent, name) for name in folders):
                if inner.is_symlink():
                    waiting.append(inner)
                else:
                    listing.folders.append(inner.relative_to(dataset))
            here = Path(parent).relative_to(dataset)
            listing.files.extend(here / name for name in files if _is_visible(Path(name)))
    return listing


def _is_visible(relative: Path) -> bool:
    return not any(part.startswith(".") or part.lower() in _JUNK for part in relative.parts)


def _lists(folder: Path) -> Iterator[Path]:
    """Yield the folders that list this one when they are walked: itself, and those above it."""
    yield folder
    while folder != folder.parent and _is_visible(Path(folder.name)):
        folder = folder.parent
        yield folder


def read_photo_table(path: Path) -> dict[str, Place]:
    """Read a table that labels photos and clips in place of folders.

    Its columns are ``path``, ``label`` and, if it also splits them, ``split``; others are ignored.

    Args:
        path: path of the table. Paths in it are relative to its folder, or absolute.

    Returns:
        What it says of each photo or clip, by its path, in the table's order.

    Raises:
        UserError: the file cannot be read or is no such table; a row lacks its path or label,
            names another part than train, validation and test, or says something else of a photo
            than an earlier one.
    """
    rows = read_rows(path, "table of photos", "path,label")
    number, first = next(rows, (1, []))
    header = column_names(first)
    if not {"path", "label"} <= {*header}:
        raise UserError(
            f"{path}, line {number}: the first line should name the columns path,label (and split, "
            f"if there is one), not {','.join(first)[:60]!r}"
        )
    read: dict[str, tuple[Place, int]] = {}
    for line, cells in rows:
        if len(cells) != len(header):
            raise UserError(f"{path}, line {line}: {len(cells)} values instead of {len(header)}")
        values = dict(zip(header, cells, strict=True))
        for column in ("path", "label"):
            if not values[column].strip() or "\0" in values[column]:
                raise UserError(f"{path}, line {line}: it has no {column}")
        split = values.get("split", "").strip()
        if split and split.lower() not in PARTS:
            raise UserError(
                f"{path}, line {line}: the split {split[:40]!r} is none of {shortened([*PARTS])}"
            )
        # A table from Windows names folders with the other slash.
        name = values["path"].replace("\\", "/")
        row = Place(values["label"], PARTS.get(split.lower()))
        earlier, at = read.setdefault(name, (row, line))
        if earlier != row:
            raise UserError(f"{path}, line {line}: {name} is {row} here and {earlier} in line {at}")
    return {name: row for name, (row, _) in read.items()}
