"""Clips to learn from: which table is about which clip, and which frames show which label.

A table may lie beside its clip under the same name (``match.csv`` beside ``match.mp4``); under
that name elsewhere, such as in a folder of corrections; or name the clips itself, in a column
``clip``. A clip that no table is about shows the activity of its folder.
"""

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import NamedTuple

from tqdm import tqdm

from activity.common.errors import UserError
from activity.common.stores import is_stored
from activity.common.tables import header_of
from activity.media.digest_index import DigestIndex
from activity.media.images import Image, look_at_clip
from activity.media.timing import rate_of
from activity.temporal.formats.annotations import NamedSegments, Wanted
from activity.temporal.named_clips import (
    KnownClips,
    NamedClip,
    Said,
    file_identity,
    find_named_clips,
    known_clips,
    only_clip,
    read_named_clips,
)
from activity.temporal.segment_files import read_annotations
from activity.temporal.segments import HEADER, HEADER_OF_CLIPS, UNKNOWN, Segment, read_segments
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

    A flawed table is skipped, and named with the reason.

    Args:
        clips, tables: all those in the data sets. Tables may be files of other programs.
        wanted: what to take of such a file, where there is a choice.

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
        found: dict[Image, list[Segment]] = {}
        own = beside.get(table.file.with_suffix(""), [])
        is_csv = table.file.suffix.lower() == ".csv"
        header = HEADER if own or not is_csv else header_of(table.file)
        if header not in (HEADER, HEADER_OF_CLIPS) and not _is_meant_for_segments(header):
            told.others.append(table)
            continue
        try:
            if not is_csv:
                found = _of_other_program(table, own, by_name, known, by_file, wanted, told)
            elif own:
                only_clip([clip.file for clip in own], f"the clip of {table.name}", "")
                found = {own[0]: read_segments(table.file)}
            elif header == HEADER:
                stem = PurePath(table.file.name).stem
                only = only_clip(by_name.get(stem, ()), f"a clip {stem}", _ELSEWHERE)
                found = {by_file[file_identity(only)]: read_segments(table.file)}
            else:
                found = _of_named_clips(table, header, known, by_file, told.skipped)
        except UserError as error:
            told.skipped.update(dict.fromkeys([c.path for c in own] or [table.name], str(error)))
            told.flawed.update(own)
        # A table is beside the clip of its name, a file of another program beside those it names.
        near = {*own} if is_csv else {c for c in found if c.file.parent == table.file.parent}
        far = found.keys() - near
        told.elsewhere.update(far)
        told.older.extend(c for c in found if c in far and _is_newer(c.file, table.file))
        told.tables.append(table)
        for clip, segments in found.items():
            if not _agree(told.segments.setdefault(clip, segments), segments):
                raise UserError(
                    f"{sources[clip].name} and {table.name} say different things of {clip.path}: "
                    "keep the one that is right"
                )
            sources.setdefault(clip, table)
    return told


def _is_meant_for_segments(header: tuple[str, ...]) -> bool:
    """Tell whether a table is meant to hold segments, even if a spreadsheet changed its commas."""
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
    named, flawed = read_named_clips(table.file, known, _ELSEWHERE)
    skipped.update((f"{table.name}, {name}", reason) for name, reason in flawed.items())
    return {_image(clip, table, by_file): clip.said for clip in named}


def _of_other_program(
    table: Table,
    own: Sequence[Image],
    by_name: Mapping[str, Sequence[Path]],
    known: KnownClips,
    by_file: dict[Path, Image],
    wanted: Wanted | None,
    told: ToldByTables,
) -> dict[Image, list[Segment]]:
    """Read a file of another program: about the clip of its name, or those that it names."""
    said = read_annotations(table.file, wanted)
    told.skipped.update((f"{table.name}, {name}", why) for name, why in said.flawed.items())
    told.skipped.update((f"{table.name}, {what}", "it is no segment") for what in said.left_out)
    if len(said.clips) == 1 and (own or not said.clips[0].clip):
        stem = PurePath(table.file.name).stem
        near = [clip.file for clip in own] or by_name.get(stem, ())
        file = only_clip(near, f"a clip {stem}", _ELSEWHERE)
        return {by_file[file_identity(file)]: _in_seconds(said.clips[0], file)}
    parts = {some.part: some._replace(clip="") for some in said.clips}
    named, flawed = find_named_clips(parts, table.file, known, _ELSEWHERE)
    told.skipped.update((f"{table.name}, {name}", why) for name, why in flawed.items())
    return {_image(clip, table, by_file): _in_seconds(clip.said, clip.file) for clip in named}


def _in_seconds(said: NamedSegments, clip: Path) -> list[Segment]:
    return said.in_seconds(rate_of(clip)) if said.in_frames else said.segments


def _image(clip: NamedClip[Said], table: Table, by_file: dict[Path, Image]) -> Image:
    path = clip.name if is_stored(clip.file) else clip.file.as_posix()
    return by_file.setdefault(file_identity(clip.file), Image(path, None, table.file.parent))


def _agree(some: Sequence[Segment], others: Sequence[Segment]) -> bool:
    """Tell whether two files say the same, but for the rounding of times to milliseconds."""
    return some == others or (
        len(some) == len(others)
        and all(
            one.label == other.label
            and max(abs(one.start - other.start), abs(one.end - other.end)) < 0.002
            for one, other in zip(some, others, strict=True)
        )
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
    """
    contents: dict[Path, str] = {}
    sampled = SampledFrames([], [], {}, [], [], [], contents)
    with closing(DigestIndex(cache)) as index:
        for clip in tqdm(clips, "looking at clips", disable=None, unit="clip"):
            try:
                contents[clip.file], length = look_at_clip(clip.file, index)
            except UserError as error:
                sampled.skipped[clip.path] = str(error)
                continue
            times = times_to_learn_from(clip.segments, length, every)
            for time, label, spacing in times:
                if label in labels or label == UNKNOWN:
                    sampled.images.append(Image(clip.path, time, clip.folder))
                    sampled.labels.append(label)
                    sampled.seconds.append(spacing)
            if not times:
                sampled.without_frames.append(clip.path)
            end = max((segment.end for segment in clip.segments), default=0)
            if length + max(1, every) < end < math.inf:
                sampled.too_long.append(clip.path)
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
