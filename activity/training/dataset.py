"""What lies in data sets: labelled photos and clips."""

import math
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from activity.common.errors import shortened
from activity.common.stores import is_stored
from activity.media.images import Image
from activity.temporal.formats.annotations import Wanted
from activity.temporal.segments import UNKNOWN, Segment
from activity.training.clip_tables import ToldByTables, read_clip_tables
from activity.training.labelled_clips import LabelledClip
from activity.training.labelled_photos import LabelledPhoto
from activity.training.layout import LabelFolder, Place, read_layout
from activity.training.left_out import gave_nothing, in_no_activity, left_out
from activity.training.parts import Folder
from activity.training.sources import Sources, read_sources
from activity.training.usable_labels import check_enough, labels_to_learn

ALL_LABELS = "all"

DEFAULT_LABELS = ("weight_lifting", "tennis", "football")
"""Those of the source tutorial."""


@dataclass(frozen=True)
class Found:
    """What data sets hold of the wanted labels.

    Attributes:
        photos: in the order of their data sets and paths.
        clips: that show a wanted label somewhere, or footage of none.
        others: photos of labels that were not asked for, and of ``unknown``, which is no activity.
        inputs: files that are read: photos, clips and tables.
        skipped: clips and tables of which nothing can be learned, with the reason.
        left_out: how many files of other kinds lie among the photos, by their endings.
        gave_nothing: folders without a photo or clip, with what lies there instead.
        in_no_activity: how many photos lie right in which part of a split.
        not_followed: links to folders that are listed already.
        changed: clips that have changed since a table elsewhere was written.
        in_tables_only: labels that tables of segments name and no folder does, though there are
            photos.
        not_wanted: other labels that these tables name.
    """

    photos: list[LabelledPhoto]
    clips: list[LabelledClip]
    others: list[LabelledPhoto] = field(default_factory=list)
    inputs: list[Path] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    gave_nothing: dict[str, str] = field(default_factory=dict)
    in_no_activity: dict[str, int] = field(default_factory=dict)
    not_followed: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    in_tables_only: list[str] = field(default_factory=list)
    not_wanted: list[str] = field(default_factory=list)

    def all_labels(self) -> list[str]:
        """Every label of a photo or a clip, sorted."""
        labels = {*(photo.label for photo in self.photos), *_labels_of(self.clips)}
        return sorted(labels - {*self.not_wanted})


def find_images(
    datasets: Sequence[Path],
    wanted: Sequence[str] | None = None,
    label_folder: LabelFolder | None = None,
    tier: str | None = None,
) -> Found:
    """Find the photos and clips of the wanted labels.

    The label of a photo is the name of its folder, as ``layout`` says, or what a table says; that
    of a clip, too, or what a table of segments says. Hidden files and folders are left out.

    Args:
        datasets: folders that hold one folder of photos and clips for each label, and tables, as
            ``read_sources`` takes them.
        wanted: labels to take, or ``["all"]`` for all there are; None takes those of
            ``DEFAULT_LABELS`` that are there, or all where fewer than two of them are.
        label_folder: which folder is the label where folders lie in folders.
        tier: name of what to take of files that have several tiers of segments.

    Raises:
        UserError: a folder is missing, can be read in two ways, holds nothing of the wanted
            labels, or leaves fewer than two labels, or a label with no clip and too few photos to
            be split; a table is flawed, or two contradict each other.
    """
    sources = read_sources(datasets)
    known = {name for folder in sources.clips.values() for name in folder.names}
    known |= {*(wanted or DEFAULT_LABELS)}
    told = read_clip_tables(list(sources.clips), list(sources.tables), Wanted(tier, known))
    names = _names_to_take(wanted, sources, told)
    places = _places(sources, told, names, label_folder)
    in_activities = {image: place for image, place in places.items() if place.label}
    photos = _photos(sources, in_activities)
    clips = _clips(sources, told, places)

    where = shortened([str(dataset) for dataset in datasets], most=3)
    skipped = _skipped(sources, told, in_activities)
    reason = "".join(f"; {clip}: {why}" for clip, why in list(skipped.items())[:1])
    there = {*(photo.label for photo in photos), *_labels_of(clips)} - {UNKNOWN}
    nested = label_folder is None and any(place.group for place in in_activities.values())
    taken = labels_to_learn(there, names, where, reason, nested=nested)
    chosen = [photo for photo in photos if photo.label in taken]
    # A table that names no label at all is kept, to be told of.
    taken_clips = [
        clip
        for clip in clips
        if not (labels := _labels_of([clip], with_unknown=True)) or labels & {*taken, UNKNOWN}
    ]
    check_enough(taken - _labels_of(taken_clips), chosen, where, reason)
    in_folders = {*(place.label for place in in_activities.values())}
    in_tables = {segment.label for some in told.segments.values() for segment in some}
    of_these = [folder for folder in sources.folders if names is None or {*folder.names} & taken]
    return Found(
        photos=chosen,
        clips=taken_clips,
        others=[photo for photo in photos if photo.label not in taken],
        inputs=_inputs(sources, told, taken_clips),
        skipped=skipped,
        left_out=left_out(sources, told, names),
        gave_nothing=gave_nothing(sources, told, of_these),
        in_no_activity=in_no_activity(sources, places),
        not_followed=sources.not_followed,
        changed=[clip.path for clip in told.older],
        in_tables_only=sorted((_labels_of(taken_clips) & taken) - in_folders) if chosen else [],
        not_wanted=sorted(in_tables - taken - {UNKNOWN, ""}),
    )


def _skipped(
    sources: Sources, told: ToldByTables, in_activities: Collection[Image]
) -> dict[str, str]:
    """Name the clips and tables of which nothing can be learned, with the reason."""
    labelled = {*in_activities, *told.segments, *told.flawed}
    unlabelled = {
        clip.path: "no folder and no table says what it shows"
        for clip in sources.clips.keys() - labelled
    }
    return dict(sorted({**told.skipped, **unlabelled}.items()))


def _inputs(sources: Sources, told: ToldByTables, clips: Sequence[LabelledClip]) -> list[Path]:
    return [
        *(image.file for image in {**sources.photos, **sources.clips}),
        *(clip.file for clip in clips),
        *(table.file for table in told.tables),
        *sources.photo_tables,
    ]


def _names_to_take(
    wanted: Sequence[str] | None, sources: Sources, told: ToldByTables
) -> list[str] | None:
    """Name the labels to take; None takes all."""
    if wanted is not None:
        return None if [*wanted] == [ALL_LABELS] else [*wanted]
    folders = {*sources.photos.values(), *sources.clips.values()}
    there = {name for folder in folders for name in folder.names}
    there |= {row.label for _, row in sources.rows.values()}
    there |= {segment.label for some in told.segments.values() for segment in some}
    default = sorted(there & {*DEFAULT_LABELS})
    return default if len(default) > 1 else None


def _places(
    sources: Sources,
    told: ToldByTables,
    names: Collection[str] | None,
    label_folder: LabelFolder | None,
) -> dict[Image, Place]:
    """Find out what folders, and tables of photos, say of each photo and clip."""
    by_folder = {
        image: folder
        for image, folder in {**sources.photos, **sources.clips}.items()
        if image not in sources.rows
    }
    with_tables = {image for image in by_folder if image in told.segments or image in told.flawed}
    layout = read_layout(
        {f for image, f in by_folder.items() if f.names and image not in with_tables},
        {by_folder[image] for image in with_tables},
        wanted=names,
        label_folder=label_folder,
    )
    return {
        **{image: layout.get(folder, Place("")) for image, folder in by_folder.items()},
        **{image: Place(row.label, row.part) for image, (_, row) in sources.rows.items()},
    }


def _photos(sources: Sources, places: Mapping[Image, Place]) -> list[LabelledPhoto]:
    """Label the photos; one that two data sets hold under the same label counts once."""
    photos = [
        LabelledPhoto(image, place.label, folder.dataset, place.part, place.group)
        for image, folder in sources.photos.items()
        if (place := places.get(image)) is not None
    ]
    if len({photo.dataset for photo in photos}) < 2:
        return photos
    once: dict[tuple[Path, str], LabelledPhoto] = {}
    for photo in photos:
        once.setdefault((_identity(photo.image.file), photo.label), photo)
    return list(once.values())


def _identity(file: Path) -> Path:
    return file if is_stored(file) else Path(os.path.abspath(file))  # noqa: PTH100


def _clips(
    sources: Sources, told: ToldByTables, places: Mapping[Image, Place]
) -> list[LabelledClip]:
    clips = []
    for image in {**sources.clips, **told.segments}:
        place = places.get(image, Place(""))
        folder = sources.clips.get(image, Folder(0, ()))
        segments = told.segments.get(image)
        if segments is None and place.label and image not in told.flawed:
            segments = [Segment(0, math.inf, place.label)]
        # Corrections are made to be learned from: a few of them would otherwise be tested with.
        part = place.part or ("train" if image in told.elsewhere else None)
        if segments is not None:
            clips.append(LabelledClip(image.path, segments, image.folder, folder.dataset, part))
    return sorted(clips)


def _labels_of(clips: Sequence[LabelledClip], *, with_unknown: bool = False) -> set[str]:
    labels = {segment.label for clip in clips for segment in clip.segments}
    return labels - {"" if with_unknown else UNKNOWN, ""}
