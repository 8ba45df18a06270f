"""Which regions each clip has: the same in all, or those that a table names for a clip."""

from collections.abc import Sequence
from pathlib import Path

from activity.common.errors import UserError
from activity.common.tables import column_names, read_rows
from activity.media.region import Region, check_names, region_of
from activity.temporal.named_clips import file_identity, find_named_clips, known_clips
from activity.temporal.segments import NamedPart

HEADER = ("clip", "region", "left", "top", "width", "height")

_ELSEWHERE = "one of the clips: correct its name, or leave out its lines"


def regions_of_clips(
    given: Sequence[Region], table: Path | None, clips: Sequence[Path]
) -> list[list[Region]]:
    """List the regions of each clip: those that are given, then those that a table has for it.

    Args:
        given: regions of all clips.
        table: a table ``clip,region,left,top,width,height``, which names clips as tables of
            segments do; None for none.
        clips: paths of the clips.

    Returns:
        The regions of each clip; none where the whole frame is meant.

    Raises:
        UserError: the table is flawed, or names a clip that is none of these; or a clip has two
            regions of one name.
    """
    of_clips = {file_identity(clip): [*given] for clip in clips}
    if table is not None:
        named = _read(table)
        parts: dict[NamedPart, list[Region]] = {NamedPart(clip): named[clip] for clip in named}
        found, flawed = find_named_clips(parts, table, known_clips(clips), _ELSEWHERE)
        for reason in flawed.values():
            raise UserError(f"{table}: {reason}")
        for clip in found:
            # A data set may be given in parts: others of its clips are named, too.
            of_clips.setdefault(file_identity(clip.file), [*given]).extend(clip.said)
    for regions in of_clips.values():
        check_names(regions)
    return [of_clips[file_identity(clip)] for clip in clips]


def _read(table: Path) -> dict[str, list[Region]]:
    named: dict[str, list[Region]] = {}
    rows = read_rows(table, "table of regions", ",".join(HEADER))
    line, first = next(rows, (1, []))
    if column_names(first) != HEADER:
        raise UserError(
            f"{table}, line {line}: the first line should be {','.join(HEADER)}, "
            f"not {','.join(first)[:60]!r}"
        )
    for line, row in rows:
        if len(row) != len(HEADER):
            raise UserError(
                f"{table}, line {line}: a line should look like match.mp4,left,0,0,0.5,1"
            )
        try:
            named.setdefault(row[0], []).append(region_of(row[1], row[2:]))
        except UserError as error:
            raise UserError(f"{table}, line {line}: {error}") from error
    return named
