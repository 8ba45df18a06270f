"""Clips to learn from: which table is about which clip, and which frames show which label.

A table may lie beside its clip under the same name (``match.csv`` beside ``match.mp4``); under
that name elsewhere, such as in a folder of corrections; or name the clips itself, in a column
``clip``. A clip that no table is about shows the activity of its folder.

A table may be about a region of the frames: ``match.left.csv``, or with a column ``region``. Of
such a clip, nothing is learned but what tables say.
"""

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

from tqdm import tqdm

from activity.common.errors import UserError
from activity.common.stores import is_stored
from activity.common.tables import header_of
from activity.media.digest_index import DigestIndex
from activity.media.images import Image, digest_of, look_at_clip
from activity.media.region import Region, check_sizes
from activity.media.timing import rate_of
from activity.temporal.formats.annotations import Annotations, NamedSegments, Wanted
from activity.temporal.named_clips import (
    KnownClips,
    find_named_clips,
    known_clips,
    only_clip,
)
from activity.temporal.region_files import RegionsOfClips
from activity.temporal.segment_files import read_annotations
from activity.temporal.segments import HEADER, UNKNOWN, NamedPart, Segment, read_segments
from activity.training.data.labelled import LabelledClip, SampledFrames

BOUNDARY = 0.5
"""Seconds on either side of a boundary that teach nothing: people set boundaries by eye."""

FEWEST_FRAMES = 10
"""This many frames of a label are taken from a clip whose table marks it for a few seconds only."""

_CLOSEST = 0.1
"""Seconds; frames closer together than this show the same."""

_ELSEWHERE = "in the data sets: give --dataset the folder that holds it, too"


class Table(NamedTuple):
    """A table: its name as people see it, and where it lies."""

    name: str
    file: Path


@dataclass(frozen=True)
class ToldByTables:
    """What tables say of clips, and of regions of clips.

    Attributes:
        segments: segments of each clip or region that a table is about. Some clips may lie outside
            the data sets.
        tables: that were read.
        skipped: clips and tables of which nothing can be learned, with the reason.
        flawed: the clips among these, without their regions.
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

    @property
    def clips(self) -> set[Image]:
        """The clips that tables are about, without their regions; those of flawed ones, too."""
        return {image.whole for image in self.segments} | self.flawed


class _Clips(NamedTuple):
    """The clips that tables may be about, by what these call them, and what to take of tables.

    Attributes:
        beside: clips by their paths without the ending.
        by_name: their files by the names of these, with the ending and without it.
        by_file: each clip by its file; those that tables name are added.
        known: the files, for tables that name their clips.
        regions: where regions of clips are.
        wanted: what to take of a file, where there is a choice.
    """

    beside: dict[Path, list[Image]]
    by_name: dict[Path, list[Path]]
    by_file: dict[Path, Image]
    known: KnownClips
    regions: RegionsOfClips
    wanted: Wanted


Clip = TypeVar("Clip", Image, Path)


def read_clip_tables(
    clips: Sequence[Image], tables: Sequence[Table], wanted: Wanted, regions: RegionsOfClips
) -> ToldByTables:
    """Read all tables, and find the clips that they are about.

    A flawed table is skipped, and named with the reason.

    Args:
        clips, tables: all those in the data sets. Tables may be files of other programs.
        wanted: what to take of such a file, where there is a choice.
        regions: where regions of clips are that tables may be about.

    Raises:
        UserError: two tables say different things of one clip, or of one region.
    """
    told = ToldByTables()
    sources: dict[Image, Table] = {}
    known, names_of_regions = _look_up(clips, regions, wanted), regions.names
    for table in tables:
        own, name = _namesakes(table.file.with_suffix(""), known.beside, names_of_regions)
        is_csv = table.file.suffix.lower() == ".csv"
        if is_csv and not own and not _is_meant_for_segments(header_of(table.file)):
            told.others.append(table)
            continue
        found: dict[Image, list[Segment]] = {}
        try:
            found = _read(table, own, name, known, told)
        except UserError as error:
            names = [str(NamedPart(clip.path, name)) for clip in own]
            told.skipped.update(dict.fromkeys(names or [table.name], str(error)))
            told.flawed.update(own)
        # A table is beside the clip of its name, a file of another program beside those it names.
        here = table.file.parent
        far = [c for c in found if (c.whole not in own if is_csv else c.file.parent != here)]
        told.elsewhere.update(far)
        told.older.extend(clip for clip in far if _is_newer(clip.file, table.file))
        told.tables.append(table)
        for clip, segments in found.items():
            if not _agree(told.segments.setdefault(clip, segments), segments):
                raise UserError(
                    f"{sources[clip].name} and {table.name} say different things of {clip.name}: "
                    "keep the one that is right"
                )
            sources.setdefault(clip, table)
    return told


def _is_meant_for_segments(header: tuple[str, ...]) -> bool:
    """Tell whether a table is meant to hold segments, even if a spreadsheet changed its commas."""
    columns = {name.strip() for cell in header for name in re.split("[;\t]", cell)}
    return not header or {*HEADER} <= columns


def _look_up(clips: Sequence[Image], regions: RegionsOfClips, wanted: Wanted) -> _Clips:
    beside: dict[Path, list[Image]] = {}
    by_name: dict[Path, list[Path]] = {}
    for clip in clips:
        beside.setdefault(clip.file.with_suffix(""), []).append(clip)
        for name in {clip.file.stem, clip.file.name}:
            by_name.setdefault(Path(name), []).append(clip.file)
    by_file = {clip.file: clip for clip in clips}
    return _Clips(beside, by_name, by_file, known_clips(by_file), regions, wanted)


def _namesakes(
    name: Path, clips: Mapping[Path, list[Clip]], regions: Collection[str] | None = None
) -> tuple[list[Clip], str]:
    """Find the clips that a table is called like: ``match``, or ``match.left`` with a region.

    Args:
        name: of the table, without its ending.
        clips: by their names.
        regions: names that regions have; None (default) allows any.

    Returns:
        (clips, region); without a region in the name, "".
    """
    if name in clips:
        return clips[name], ""
    stem = name.name
    for dot in (place for place in reversed(range(len(stem))) if stem[place] == "."):
        clip, region = name.parent / stem[:dot], stem[dot + 1 :]
        if clip in clips and (regions is None or region in regions):
            return clips[clip], region
    return [], ""


def _read(
    table: Table, own: list[Image], name: str, known: _Clips, told: ToldByTables
) -> dict[Image, list[Segment]]:
    """Read a file of segments: about the clip of its name, or those that it names.

    ``own`` are the clips beside it that it is called like, and ``name`` is the region of its name.
    """
    if own and table.file.suffix.lower() == ".csv":
        read = Annotations([NamedSegments("", read_segments(table.file))])
    else:
        read = read_annotations(table.file, known.wanted)
    told.skipped.update((f"{table.name}, {clip}", why) for clip, why in read.flawed.items())
    told.skipped.update((f"{table.name}, {what}", "it is no segment") for what in read.left_out)
    if len({some.clip for some in read.clips}) == 1 and (own or not read.clips[0].clip):
        clip, region_of_name = _only_namesake(table, own, name, known)
        said = [(clip, one.region or region_of_name, one) for one in read.clips]
    else:
        parts = {one.part: one._replace(clip="") for one in read.clips}
        named, flawed = find_named_clips(parts, table.file, known.known, _ELSEWHERE)
        told.skipped.update((f"{table.name}, {clip}", why) for clip, why in flawed.items())
        said = []
        for there in named:
            path = there.name if is_stored(there.file) else there.file.as_posix()
            image = Image(path, None, table.file.parent)
            clip = known.by_file.setdefault(there.file, image)
            said.append((clip, there.region, there.said))
    found = {}
    for clip, called, one in said:
        try:
            region = known.regions.called(called, clip.file) if called else None
        except UserError as error:
            told.skipped[f"{table.name}, {NamedPart(clip.path, called)}"] = str(error)
            told.flawed.add(clip)
            continue
        segments = one.in_seconds(rate_of(clip.file)) if one.in_frames else one.segments
        found[clip._replace(region=region)] = segments
    return found


def _only_namesake(table: Table, own: list[Image], region: str, known: _Clips) -> tuple[Image, str]:
    """Return the clip beside a table, or else that of its name elsewhere, and the region.

    Raises:
        UserError: there is none, or there are several; or nothing says where the region is.
    """
    name, files = table.file.stem, [clip.file for clip in own]
    if not own:
        files, region = _namesakes(Path(name), known.by_name)
    file = only_clip(files, f"a clip {name}", _ELSEWHERE)
    if region:
        known.regions.called(region, file)
    return own[0] if own else known.by_file[file], region


def _agree(some: Sequence[Segment], others: Sequence[Segment]) -> bool:
    """Tell whether two files say the same, but for the rounding of times to milliseconds."""
    return len(some) == len(others) and all(
        one.label == other.label
        and max(abs(one.start - other.start), abs(one.end - other.end)) < 0.002
        for one, other in zip(some, others, strict=True)
    )


def _is_newer(clip: Path, table: Path) -> bool:
    with suppress(OSError):
        here = not is_stored(clip) and not is_stored(table)
        return here and clip.stat().st_mtime > table.stat().st_mtime
    return False


def sample_frames(
    clips: Sequence[LabelledClip], labels: Collection[str], every: float, cache: Path | None = None
) -> SampledFrames:
    """Choose the frames of clips to learn from, without decoding more than their first.

    Args:
        clips: what they show, and when.
        labels: to learn; segments of other labels give no frames, except ``unknown``.
        every: seconds from one frame to the next, at most: ``times_to_learn_from`` says when they
            are closer together.
        cache: folder where digests and lengths of clips are kept from run to run; None (default)
            keeps none.

    Raises:
        UserError: a region is not inside the frames of its clip, is too small, or is in pixels and
            of clips of different sizes.
    """
    sampled = SampledFrames()
    by_file: dict[Path, list[LabelledClip]] = {}
    for clip in clips:
        by_file.setdefault(clip.image.file, []).append(clip)
    placed: list[tuple[Region, tuple[int, int], str]] = []
    with closing(DigestIndex(cache)) as index:
        for file, some in tqdm(by_file.items(), "looking at clips", disable=None, unit="clip"):
            try:
                facts = look_at_clip(file, index, with_size=any(clip.image.region for clip in some))
            except UserError as error:
                sampled.skipped[some[0].image.path] = str(error)
                continue
            sampled.contents[file] = facts.digest
            for image, segments, *_ in some:
                region = image.region
                if region and facts.size:
                    placed.append((region, facts.size, image.path))
                    image = image._replace(region=region.in_pixels(facts.size, image.path))
                times = times_to_learn_from(segments, facts.seconds, every)
                for time, label, spacing in times:
                    if label in labels or label == UNKNOWN:
                        frame = image._replace(seconds=time)
                        frame = frame._replace(digest=digest_of(frame, facts.digest))
                        sampled.labels[frame], sampled.seconds[frame] = label, spacing
                if not times:
                    sampled.without_frames.append(image.name)
                end = max((segment.end for segment in segments), default=0)
                if facts.seconds + max(1, every) < end < math.inf:
                    sampled.too_long.append(image.name)
    check_sizes(placed)
    return sampled


class Moment(NamedTuple):
    """A time of a clip, in seconds, with its label and the seconds to the next of that label."""

    time: float
    label: str
    spacing: float


def times_to_learn_from(segments: Sequence[Segment], length: float, every: float) -> list[Moment]:
    """List the times of the frames to learn from, with their labels.

    They are multiples of ``every``, whatever the segments: when a person moves a boundary, the
    features of all other frames are known already. Where that gives fewer than ``FEWEST_FRAMES`` of
    a label that a table marks, ``every`` is halved for it until there are enough: the three seconds
    that a person has corrected teach too little otherwise. Frames at less than ``BOUNDARY`` from a
    boundary are left out; the clip's own start and end do not count as boundaries.

    Args:
        segments: in the order of time; a segment without a label gives no times.
        length: length of the clip, in seconds.
        every: seconds from one frame to the next, at most.

    Example:
        >>> segments = [Segment(0, 3, "tennis"), Segment(3, 14, "football")]
        >>> moments = times_to_learn_from(segments, 14, 1)
        >>> [moment.time for moment in moments if moment.label == "tennis"]
        [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5]
        >>> [moment.time for moment in moments if moment.label == "football"]
        [4, 5, 6, 7, 8, 9, 10, 11, 12, 13]
    """
    times: list[Moment] = []
    is_whole_clip = any(math.isinf(segment.end) for segment in segments)
    closest = every if is_whole_clip else _CLOSEST
    for label in sorted({segment.label for segment in segments} - {""}):
        spacing = every
        of_label = [*_multiples(spacing, label, segments, length)]
        while len(of_label) < FEWEST_FRAMES and spacing / 2 >= closest:
            spacing /= 2
            of_label = [*_multiples(spacing, label, segments, length)]
        times += of_label
    return sorted(times)


def _multiples(
    spacing: float, label: str, segments: Sequence[Segment], length: float
) -> Iterator[Moment]:
    for segment in segments:
        if segment.label != label:
            continue
        first = segment.start + BOUNDARY if segment.start > 0 else 0.0
        # The table of a whole clip ends where the clip does, but for the rounding of times.
        to_the_end = segment is segments[-1] and segment.end > length - BOUNDARY
        last = segment.end if to_the_end else segment.end - BOUNDARY
        number = math.ceil(first / spacing)
        while number * spacing <= last and number * spacing < length:
            yield Moment(round(number * spacing, 6), label, spacing)
            number += 1
