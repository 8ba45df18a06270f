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
from activity.media.timing import rate_of
from activity.temporal.formats.annotations import NamedSegments, Wanted
from activity.temporal.named_clips import (
    NamedClip,
    file_identity,
    find_named_clips,
    only_clip,
    read_named_clips,
)
from activity.temporal.segment_files import read_annotations
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


def read_clip_tables(
    clips: Sequence[Image], tables: Sequence[Table], wanted: Wanted | None = None
) -> ToldByTables:
    """Read all tables, and find the clips that they are about.

    Args:
        clips: in the data sets.
        tables: likewise; or files of segments of other programs.
        wanted: what to take of such a file, where there is a choice.

    Raises:
        UserError: two tables say different things of one clip.
    """
    told = ToldByTables()
    sources: dict[Image, Table] = {}
    beside: dict[Path, list[Image]] = {}
    for clip in clips:
        beside.setdefault(clip.file.with_suffix(""), []).append(clip)
    by_file = {file_identity(clip.file): clip for clip in clips}
    for table in tables:
        own = beside.get(table.file.with_suffix(""))
        if table.file.suffix.lower() != ".csv":
            found = _of_other_program(table, own, clips, by_file, wanted, told)
            far = {clip for clip in found if clip.file.parent != table.file.parent}
            told.elsewhere.update(far)
            told.older.extend(clip for clip in far if _is_newer(clip.file, table.file))
        elif own:
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
                found = _of_clips_elsewhere(table, header, clips, by_file, told.skipped)
            except UserError as error:
                told.skipped[table.name] = str(error)
                found = {}
            told.elsewhere.update(found)
            told.older.extend(c for c in found if _is_newer(c.file, table.file))
        told.tables.append(table)
        for clip, segments in found.items():
            if not _agree(told.segments.setdefault(clip, segments), segments):
                raise UserError(
                    f"{sources[clip].name} and {table.name} say different things of {clip.path}: "
                    "keep the one that is right"
                )
            sources.setdefault(clip, table)
    return told


def _of_other_program(
    table: Table,
    own: Sequence[Image] | None,
    clips: Sequence[Image],
    by_file: dict[Path, Image],
    wanted: Wanted | None,
    told: ToldByTables,
) -> dict[Image, list[Segment]]:
    """Read a file of another program: about the clip of its name, or those that it names."""
    try:
        said = read_annotations(table.file, wanted)
        told.skipped.update((f"{table.name}, {name}", why) for name, why in said.flawed.items())
        told.skipped.update((f"{table.name}, {what}", "it is no segment") for what in said.left_out)
        if len(said.clips) == 1 and (own or not said.clips[0].clip):
            stem = PurePath(table.file.name).stem
            named = [clip.file for clip in clips if stem in (clip.file.stem, clip.file.name)]
            near = [clip.file for clip in own or ()]
            file = only_clip(near or named, f"a clip {stem}", _ELSEWHERE)
            image = by_file[file_identity(file)]
            return {image: _in_seconds(said.clips[0], file)}
        segments = {some.clip: some.segments for some in said.clips}
        files = [clip.file for clip in clips]
        found, flawed = find_named_clips(segments, table.file, files, _ELSEWHERE)
        told.skipped.update((f"{table.name}, {name}", why) for name, why in flawed.items())
        by_name = {some.clip: some for some in said.clips}
        return {
            _image(clip, table.file.parent, by_file): _in_seconds(by_name[clip.name], clip.file)
            for clip in found
        }
    except UserError as error:
        told.skipped.update((clip.path, str(error)) for clip in own or ())
        told.flawed.update(own or ())
        if not own:
            told.skipped[table.name] = str(error)
        return {}


def _in_seconds(said: NamedSegments, clip: Path) -> list[Segment]:
    return said.in_seconds(rate_of(clip)) if said.in_frames else said.segments


def _agree(some: Sequence[Segment], others: Sequence[Segment]) -> bool:
    """Tell whether two files say the same, but for the rounding of times to milliseconds."""
    return len(some) == len(others) and all(
        one.label == other.label
        and max(abs(one.start - other.start), abs(one.end - other.end)) < 0.002
        for one, other in zip(some, others, strict=True)
    )


def _is_meant_for_segments(header: tuple[str, ...]) -> bool:
    """Tell whether a table should be one of segments: a spreadsheet may have changed its commas."""
    columns = {name.strip() for cell in header for name in re.split("[;\t]", cell)}
    return not header or {*HEADER} <= columns


def _of_clips_elsewhere(
    table: Table,
    header: tuple[str, ...],
    clips: Sequence[Image],
    by_file: dict[Path, Image],
    skipped: dict[str, str],
) -> dict[Image, list[Segment]]:
    if header == HEADER:
        stem = PurePath(table.file.name).stem
        named = [clip.file for clip in clips if stem in (clip.file.stem, clip.file.name)]
        only = only_clip(named, f"a clip {stem}", _ELSEWHERE)
        return {by_file[file_identity(only)]: read_segments(table.file)}
    if header != HEADER_OF_CLIPS:
        read_segments(table.file)  # says what is wrong with it
    found, flawed = read_named_clips(table.file, [clip.file for clip in clips], _ELSEWHERE)
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
