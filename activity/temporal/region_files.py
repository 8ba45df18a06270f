"""Which regions each clip has: the same in all, or those that a table names for a clip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from activity.common.errors import UserError
from activity.common.nearest import nearest
from activity.common.tables import rows_below
from activity.media.region import Region, check_names, region_of
from activity.temporal.named_clips import file_identity, find_named_clips, known_clips
from activity.temporal.segments import NamedPart

HEADER = ("clip", "region", "left", "top", "width", "height")

_ELSEWHERE = "one of the clips: correct its name, or leave out its lines"


@dataclass(frozen=True)
class RegionsOfClips:
    """Regions by what they are called in which clip.

    Attributes:
        given: regions of all clips.
        by_clip: all regions of the clips that a table has some for, by ``file_identity``.
    """

    given: Sequence[Region] = ()
    by_clip: Mapping[Path, Sequence[Region]] = field(default_factory=dict)

    def of(self, clip: Path) -> list[Region]:
        """Return the regions of a clip; none where the whole frame is meant."""
        return [*self.by_clip.get(file_identity(clip), self.given)]

    def called(self, name: str, clip: Path) -> Region:
        """Return the region of a clip that has this name.

        Raises:
            UserError: there is none.
        """
        regions = {region.name: region for region in self.of(clip)}
        if name not in regions:
            raise UserError(
                f"nothing says where the region {name[:60]} is: give --region "
                f"{name[:60]}=LEFT,TOP,WIDTH,HEIGHT, or a line of it in the table of --regions"
                f"{nearest(name, regions)}"
            )
        return regions[name]

    @property
    def names(self) -> set[str]:
        """The names of all."""
        regions = [*self.given, *(region for some in self.by_clip.values() for region in some)]
        return {region.name for region in regions}


def read_regions(
    given: Sequence[Region], table: Path | None, clips: Sequence[Path]
) -> RegionsOfClips:
    """Put the regions that are given together with those that a table has for some clips.

    Args:
        given: regions of all clips.
        table: a table ``clip,region,left,top,width,height``, which names clips as tables of
            segments do; None for none.
        clips: paths of the clips that are known. The table may name others by their paths.

    Raises:
        UserError: the table is flawed, or names a clip that is neither known nor there; or a clip
            has two regions of one name.
    """
    check_names(given)
    by_clip: dict[Path, Sequence[Region]] = {}
    if table is not None:
        found, flawed = find_named_clips(_read(table), table, known_clips(clips), _ELSEWHERE)
        for reason in flawed.values():
            raise UserError(f"{table}: {reason}")
        # A data set may be given in parts: others of its clips are named, too.
        by_clip = {file_identity(clip.file): [*given, *clip.said] for clip in found}
    for regions in by_clip.values():
        check_names(regions)
    return RegionsOfClips(given, by_clip)


def regions_of_clips(
    given: Sequence[Region], table: Path | None, clips: Sequence[Path]
) -> list[list[Region]]:
    """List the regions of each clip, as ``read_regions`` finds them."""
    regions = read_regions(given, table, clips)
    return [regions.of(clip) for clip in clips]


def _read(table: Path) -> dict[NamedPart, list[Region]]:
    named: dict[NamedPart, list[Region]] = {}
    example = "match.mp4,left,0,0,0.5,1"
    for line, row in rows_below(table, "table of regions", HEADER, example):
        try:
            named.setdefault(NamedPart(row[0]), []).append(region_of(row[1], row[2:]))
        except UserError as error:
            raise UserError(f"{table}, line {line}: {error}") from error
    return named
