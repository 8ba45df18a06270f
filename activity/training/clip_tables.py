"""Tables that say what clips show, and which clip each one is about.

A table may lie beside its clip under the same name (``match.csv`` beside ``match.mp4``); under
that name elsewhere, such as in a folder of corrections; or name the clips itself, in a column
``clip``. A clip that no table is about shows the activity of its folder.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from activity.common.errors import UserError, shortened
from activity.common.stores import is_stored
from activity.common.tables import header_of
from activity.media.clip import CLIP_SUFFIXES
from activity.media.images import Image
from activity.temporal.segments import (
    HEADER,
    HEADER_OF_CLIPS,
    Segment,
    read_segments,
    read_segments_of_clips,
)


@dataclass(frozen=True)
class Table:
    """A table: its name as people see it, and where it lies."""

    name: str
    file: Path


@dataclass(frozen=True)
class ToldByTables:
    """What tables say of clips.

    Attributes:
        segments: of each clip that a table is about. Some clips may lie outside the data sets.
        tables: that were read.
        skipped: clips and tables of which nothing can be learned, with the reason.
        flawed: the clips among these.
        elsewhere: clips whose table does not lie beside them, such as a person's corrections.
        older: those of them that have changed since the table was written.
        others: tables of something else.
    """

    segments: dict[Image, list[Segment]] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    flawed: set[Image] = field(default_factory=set)
    elsewhere: set[Image] = field(default_factory=set)
    older: list[Image] = field(default_factory=list)
    others: list[Table] = field(default_factory=list)


def read_clip_tables(clips: Sequence[Image], tables: Sequence[Table]) -> ToldByTables:
    """Read all tables, and find the clips that they are about.

    Args:
        clips: in the data sets.
        tables: likewise.

    Raises:
        UserError: two tables say different things of one clip.
    """
    told = ToldByTables()
    sources: dict[Image, Table] = {}
    beside: dict[Path, list[Image]] = {}
    for clip in clips:
        beside.setdefault(clip.file.with_suffix(""), []).append(clip)
    by_file = {_identity(clip.file): clip for clip in clips}
    for table in tables:
        if own := beside.get(table.file.with_suffix("")):
            try:
                found = dict.fromkeys(own, read_segments(table.file))
            except UserError as error:
                told.skipped.update((clip.path, str(error)) for clip in own)
                told.flawed.update(own)
                found = {}
        else:
            header = header_of(table.file)
            if header not in (HEADER, HEADER_OF_CLIPS):
                told.others.append(table)
                continue
            try:
                found = _of_clips_elsewhere(table, header, clips, by_file, told.skipped)
            except UserError as error:
                told.skipped[table.name] = str(error)
                found = {}
            told.elsewhere.update(found)
            told.older.extend(c for c in found if _is_newer(c.file, table.file))
        told.tables.append(table)
        for clip, segments in found.items():
            if told.segments.setdefault(clip, segments) != segments:
                raise UserError(
                    f"{sources[clip].name} and {table.name} say different things of {clip.path}: "
                    "keep the one that is right"
                )
            sources.setdefault(clip, table)
    return told


def _of_clips_elsewhere(
    table: Table,
    header: tuple[str, ...],
    clips: Sequence[Image],
    by_file: dict[Path, Image],
    skipped: dict[str, str],
) -> dict[Image, list[Segment]]:
    if header == HEADER:
        stem = PurePath(table.file.name).stem
        named = [c for c in clips if stem in (c.file.stem, c.file.name)]
        return {_only(named, f"a clip {stem}"): read_segments(table.file)}
    found: dict[Image, list[Segment]] = {}
    for name, segments in read_segments_of_clips(table.file).items():
        try:
            clip = _clip_called(name, table, clips, by_file)
        except UserError as error:
            skipped[f"{table.name}, {name}"] = str(error)
            continue
        if found.setdefault(clip, segments) != segments:
            raise UserError(f"it says different things of {clip.path} under two names")
    return found


def _clip_called(
    name: str, table: Table, clips: Sequence[Image], by_file: dict[Path, Image]
) -> Image:
    """Find a clip by its path from the table's folder, by an absolute path, or by its name."""
    folder = table.file.parent
    names = [name, name.replace("\\", "/")]  # Windows has the other slash.
    for file in (folder / path for path in names if "\0" not in path):
        if (known := by_file.get(_identity(file))) is not None:
            return known
        if file.suffix.lower() in CLIP_SUFFIXES and _is_file(file):
            path = name if is_stored(file) else _identity(file).as_posix()
            return by_file.setdefault(_identity(file), Image(path, None, folder))
    last = names[1].rpartition("/")[2]
    return _only([clip for clip in clips if clip.file.name == last], name)


def _only(clips: Sequence[Image], what: str) -> Image:
    if not clips:
        raise UserError(
            f"{what} is neither where the table says nor in the data sets: give --dataset the "
            "folder that holds it, too"
        )
    if len(clips) > 1:
        names = shortened([str(clip.file) for clip in clips], most=3)
        raise UserError(f"{what} could be any of {names}: name the clip by its path")
    return clips[0]


def _identity(file: Path) -> Path:
    return file if is_stored(file) else Path(os.path.realpath(file))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False


def _is_newer(clip: Path, table: Path) -> bool:
    if is_stored(clip) or is_stored(table):
        return False
    try:
        return clip.stat().st_mtime > table.stat().st_mtime
    except OSError:
        return False
