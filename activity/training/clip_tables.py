"""Tables that say what clips show, and which clip each one is about.

A table may lie beside its clip under the same name (``match.csv`` beside ``match.mp4``); under
that name elsewhere, such as in a folder of corrections; or name the clips itself, in a column
``clip``. A clip that no table is about shows the activity of its folder.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from activity.common.errors import UserError
from activity.common.stores import is_stored
from activity.common.tables import header_of
from activity.media.images import Image
from activity.temporal.named_clips import (
    KnownClips,
    NamedClip,
    file_identity,
    known_clips,
    only_clip,
    read_named_clips,
)
from activity.temporal.segments import HEADER, HEADER_OF_CLIPS, Segment, read_segments

_ELSEWHERE = "in the data sets: give --dataset the folder that holds it, too"


@dataclass(frozen=True)
class Table:
    """A table: its name as people see it, and where it lies."""

    name: str
    file: Path


@dataclass(frozen=True)
class ToldByTables:
    """What tables say of clips.

    Attributes:
        segments: segments of each clip that a table is about. Some clips may lie outside the data
            sets.
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
    by_name: dict[str, list[Path]] = {}
    for clip in clips:
        beside.setdefault(clip.file.with_suffix(""), []).append(clip)
        for name in {clip.file.stem, clip.file.name}:
            by_name.setdefault(name, []).append(clip.file)
    by_file = {file_identity(clip.file): clip for clip in clips}
    known = known_clips(clip.file for clip in clips)
    for table in tables:
        if own := beside.get(table.file.with_suffix("")):
            try:
                only_clip([clip.file for clip in own], f"the clip of {table.name}", "")
                found = {own[0]: read_segments(table.file)}
            except UserError as error:
                told.skipped.update((clip.path, str(error)) for clip in own)
                told.flawed.update(own)
                found = {}
        else:
            header = header_of(table.file)
            if header not in (HEADER, HEADER_OF_CLIPS) and not _is_meant_for_segments(header):
                told.others.append(table)
                continue
            try:
                if header == HEADER:
                    stem = PurePath(table.file.name).stem
                    only = only_clip(by_name.get(stem, ()), f"a clip {stem}", _ELSEWHERE)
                    found = {by_file[file_identity(only)]: read_segments(table.file)}
                else:
                    found = _of_named_clips(table, header, known, by_file, told.skipped)
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


def _is_meant_for_segments(header: tuple[str, ...]) -> bool:
    """Tell whether a table should be one of segments: a spreadsheet may have changed its commas."""
    columns = {name.strip() for cell in header for name in re.split("[;\t]", cell)}
    return not header or {*HEADER} <= columns


def _of_named_clips(
    table: Table,
    header: tuple[str, ...],
    known: KnownClips,
    by_file: dict[Path, Image],
    skipped: dict[str, str],
) -> dict[Image, list[Segment]]:
    if header != HEADER_OF_CLIPS:
        read_segments(table.file)  # says what is wrong with it
    found, flawed = read_named_clips(table.file, known, _ELSEWHERE)
    skipped.update((f"{table.name}, {name}", reason) for name, reason in flawed.items())
    return {_image(clip, table.file.parent, by_file): clip.segments for clip in found}


def _image(clip: NamedClip, folder: Path, by_file: dict[Path, Image]) -> Image:
    path = clip.name if is_stored(clip.file) else clip.file.as_posix()
    return by_file.setdefault(file_identity(clip.file), Image(path, None, folder))


def _is_newer(clip: Path, table: Path) -> bool:
    if is_stored(clip) or is_stored(table):
        return False
    try:
        return clip.stat().st_mtime > table.stat().st_mtime
    except OSError:
        return False
