"""The files of data sets: those below folders, and those that tables name."""

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from imutils import paths

from activity.common.errors import UserError
from activity.common.stores import is_stored
from activity.common.tables import header_of
from activity.media.clip import CLIP_SUFFIXES
from activity.media.images import Image
from activity.temporal.segment_files import READ_SUFFIXES, holds_segments
from activity.temporal.segments import HEADER, HEADER_OF_CLIPS
from activity.training.clip_tables import Table
from activity.training.listing import list_dataset
from activity.training.parts import Folder, part_called, parts_among
from activity.training.photo_table import TableRow, described, read_photo_table
from activity.training.split import LATER_SUFFIXES

_TABLE = ".csv"
_MAY_BE_ELSE = (".txt", ".xml", ".json")  # what many files are that have no segments


@dataclass(frozen=True)
class Sources:
    """What lies in all the data sets. Two files of one name are told apart by their ``path``.

    Attributes:
        photos, clips: each with its folder there.
        rows: photos and clips that tables name, each with the number of its data set.
        tables: tables of segments, or of something else.
        photo_tables: that the rows are from.
        others: files of other kinds, by their folder, with their endings.
        folders: all of them, with their names.
        not_followed: links to folders that are listed already.
    """

    photos: dict[Image, Folder] = field(default_factory=dict)
    clips: dict[Image, Folder] = field(default_factory=dict)
    rows: dict[Image, tuple[int, TableRow]] = field(default_factory=dict)
    tables: dict[Table, Folder] = field(default_factory=dict)
    photo_tables: list[Path] = field(default_factory=list)
    others: list[tuple[Folder, str]] = field(default_factory=list)
    folders: dict[Folder, str] = field(default_factory=dict)
    not_followed: list[str] = field(default_factory=list)


def read_sources(datasets: Sequence[Path]) -> Sources:
    """List the files of data sets.

    Args:
        datasets: folders; tables of photos (``path,label``); tables of segments that name their
            clips (``clip,start,end,label``), or are named after them (``start,end,label``); files
            of segments of other programs.

    Raises:
        UserError: one of them is missing, no such table, or lies in another.
    """
    _check_apart(datasets)
    sources = Sources()
    entries: list[_Entry] = []
    for dataset, place in zip(datasets, _places(datasets), strict=True):
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
    later = []
    for image, entry in zip(_told_apart(entries), entries, strict=True):
        if PurePosixPath(entry.path).suffix.lower() in _MAY_BE_ELSE and entry.row is None:
            later.append((image, entry))
        else:
            _sort_in(sources, image, entry)
    for image, entry in later:
        # Where there are no clips, thousands of files beside photos need not be opened.
        if sources.clips and holds_segments(image.file):
            sources.tables[Table(image.path, image.file)] = entry.place
        else:
            _sort_in(sources, image, entry)
    return sources


@dataclass(frozen=True)
class _Entry:
    """A file by its path from a folder; in ``place`` of a data set, or in a row of a table."""

    folder: Path
    path: str
    place: Folder
    row: TableRow | None = None


def _places(datasets: Sequence[Path]) -> list[Folder]:
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


def _is_table(dataset: Path) -> bool:
    return dataset.suffix.lower() in READ_SUFFIXES


def _below(place: Folder, folder: Path) -> Folder:
    return Folder(place.dataset, place.names + folder.parts)


def _of_table(table: Path, place: Folder, photo_tables: list[Path]) -> list[_Entry]:
    """List what a table names; or the table alone, where it is one of segments."""
    if table.suffix.lower() != _TABLE or header_of(table) in (HEADER, HEADER_OF_CLIPS):
        return [_Entry(table.parent, table.name, place)]
    photo_tables.append(table)
    part = part_called(place.names[0]) if place.names else None
    rows = (row._replace(part=row.part or part) for row in read_photo_table(table))
    return [_Entry(table.parent, row.path, place, row) for row in rows]


def _told_apart(entries: Sequence[_Entry]) -> list[Image]:
    """Name the files by their paths; with more of their folders where two are called the same."""
    folders = defaultdict(set)
    for entry in entries:
        folders[entry.path].add(entry.folder)
    images = []
    for folder, path in ((entry.folder, entry.path) for entry in entries):
        same = folders[path]
        if len(same) == 1:
            images.append(Image(path, None, folder))
        elif len({other.name for other in same} - {""}) == len(same) or is_stored(folder):
            images.append(Image(f"{folder.name}/{path}", None, folder.parent))
        else:
            images.append(Image(folder.absolute().joinpath(path).as_posix(), None, folder))
    return images


def _sort_in(sources: Sources, image: Image, entry: _Entry) -> None:
    suffix = PurePosixPath(entry.path).suffix.lower()
    if entry.row is not None:
        dataset, earlier = sources.rows.get(image, (entry.place.dataset, entry.row))
        row = entry.row._replace(part=entry.row.part or earlier.part)
        if row != earlier._replace(part=earlier.part or row.part):
            raise UserError(
                f"{image.path} is {described(earlier)} in one table and {described(entry.row)} in "
                "another: keep the one that is right"
            )
        sources.rows[image] = (dataset, row)
    if suffix in CLIP_SUFFIXES:
        sources.clips[image] = entry.place
    elif entry.row is not None:
        sources.photos[image] = entry.place
    elif suffix in READ_SUFFIXES and suffix not in _MAY_BE_ELSE:
        sources.tables[Table(image.path, image.file)] = entry.place
    elif not entry.place.names:
        return
    elif suffix in (*paths.image_types, *LATER_SUFFIXES):
        sources.photos[image] = entry.place
    else:
        sources.others.append((entry.place, suffix or "without an ending"))


def _check_apart(datasets: Sequence[Path]) -> None:
    real = [
        dataset if is_stored(dataset) else Path(os.path.realpath(dataset)) for dataset in datasets
    ]
    for place, dataset in enumerate(real):
        for other, outer in enumerate(real):
            inside = other != place and not _is_table(dataset)
            if inside and (outer == dataset or outer in dataset.parents):
                raise UserError(
                    f"{datasets[place]} is, or lies in, {datasets[other]}: name it once after "
                    "--dataset"
                )
