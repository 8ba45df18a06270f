"""Find the labelled photos and clips of data sets, and account for everything else in them."""

import math
import os
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from activity.common.errors import UserError, printable, shortened
from activity.common.stores import is_stored
from activity.media.images import Image
from activity.media.region import Region
from activity.temporal.formats.annotations import Wanted
from activity.temporal.segments import UNKNOWN, Segment
from activity.training.data.files import Sources, read_sources
from activity.training.data.labelled import FEWEST_PHOTOS, LabelledClip, LabelledPhoto
from activity.training.data.layout import Folder, LabelFolder, Place, read_layout

ALL_LABELS = "all"

DEFAULT_LABELS = ("weight_lifting", "tennis", "football")
"""Those of the source tutorial."""


@dataclass(frozen=True)
class Found:
    """Everything that data sets hold of the wanted labels.

    Attributes:
        photos: in the order of their data sets and paths.
        clips: that show a wanted label somewhere, or ``unknown``; or regions of clips that do.
        outliers: photos of labels that were not asked for, and of ``unknown``, which is no
            activity.
        inputs: files that are read: photos, clips and tables.
        skipped: clips and tables of which nothing can be learned, with the reason.
        left_out: how many files of other kinds lie among the photos, by their endings.
        gave_nothing: folders without a photo or clip, with what lies there instead.
        in_no_activity: how many photos lie right in which part of a split.
        not_followed: links to folders that are listed already.
        changed: clips that have changed since a table elsewhere was written.
        corrected: clips whose table lies elsewhere and corrects what their folder says, or that
            lie outside the data sets: these are all learned from.
        in_tables_only: labels that tables of segments name and no folder does, though there are
            photos.
        not_wanted: other labels that these tables name.
        without_table: regions that no table is about.
    """

    photos: list[LabelledPhoto]
    clips: list[LabelledClip]
    outliers: list[LabelledPhoto] = field(default_factory=list)
    inputs: list[Path] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    gave_nothing: dict[str, str] = field(default_factory=dict)
    in_no_activity: dict[str, int] = field(default_factory=dict)
    not_followed: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    corrected: list[str] = field(default_factory=list)
    in_tables_only: list[str] = field(default_factory=list)
    not_wanted: list[str] = field(default_factory=list)
    without_table: list[str] = field(default_factory=list)

    def all_labels(self) -> list[str]:
        """Every label of a photo or a clip, sorted."""
        labels = {*(photo.label for photo in self.photos), *_labels_in(self.clips) - {UNKNOWN}}
        return sorted(labels - {*self.not_wanted})


def find_images(
    datasets: Sequence[Path],
    wanted: Sequence[str] | None = None,
    label_folder: LabelFolder | None = None,
    tier: str | None = None,
    regions: Sequence[Region] = (),
    region_table: Path | None = None,
) -> Found:
    """Find the photos and clips of the wanted labels.

    The label of a photo is the name of its folder, as ``read_layout`` finds it, or what a table
    says; that of a clip, too, or what a table of segments says. Hidden files and folders are left
    out.

    Args:
        datasets: folders that hold one folder of photos and clips for each label, and tables, as
            ``read_sources`` takes them.
        wanted: labels to take, or ``["all"]`` for all there are; None (default) takes those of
            ``DEFAULT_LABELS`` that are there, or all where fewer than two of them are.
        label_folder: which folder is the label where folders lie in folders; None (default)
            refuses those that leave it open.
        tier: name of what to take of files that have several tiers of segments; None (default)
            takes the only one, or the only one with known labels.
        regions: regions of all clips; each is learned from where a table is about it.
        region_table: a table of the regions of clips that differ; None (default) for none.

    Raises:
        UserError: a folder is missing, can be read in two ways, holds nothing of the wanted
            labels, or leaves fewer than two labels, or a label with no clip and too few photos to
            be split; a table is flawed, or two contradict each other.
    """
    wanted_of_files = Wanted(tier, wanted or DEFAULT_LABELS)
    sources = read_sources(datasets, wanted_of_files, regions, region_table)
    told = sources.told
    names = _names_to_take(wanted, sources)
    places = _labelled_places(sources, names, label_folder)
    in_activities = {image: place for image, place in places.items() if place.label}
    photos = _photos(sources, in_activities)
    corrected = _corrected(sources, in_activities, names)
    clips = _clips(sources, places, corrected)
    skipped = told.skipped | {
        clip.path: "no folder and no table says what it shows"
        for clip in sources.clips.keys() - in_activities.keys() - told.clips
    }
    skipped = dict(sorted(skipped.items()))
    in_no_activity = _in_no_activity(sources, places)
    where = shortened([str(dataset) for dataset in datasets], most=3)
    reason = _why_not_more(sources, skipped, in_no_activity)
    nested = label_folder is None and any(place.group for place in in_activities.values())
    there = {*(photo.label for photo in photos), *_labels_in(clips)} - {UNKNOWN}
    taken = _labels_to_learn(there, names, where, reason, nested=nested)
    chosen = [photo for photo in photos if photo.label in taken]
    # A table that names no label at all is kept, to be told of.
    taken_clips = [
        clip for clip in clips if not (shown := _labels_in([clip])) or shown & {*taken, UNKNOWN}
    ]
    in_clips = _labels_in(taken_clips) - {UNKNOWN}
    _check_enough(taken - in_clips, chosen, where, reason)
    in_folders = {place.label for place in in_activities.values()}
    in_tables = {segment.label for some in told.segments.values() for segment in some}
    about = {clip.region.name for clip in told.segments if clip.region}
    of_these = [folder for folder in sources.folders if names is None or {*folder.names} & taken]
    return Found(
        photos=chosen,
        clips=taken_clips,
        outliers=[photo for photo in photos if photo.label not in taken],
        inputs=[
            *(image.file for image in {**sources.photos, **sources.clips}),
            *(clip.image.file for clip in taken_clips),
            *(table.file for table in sources.tables),
            *sources.photo_tables,
            *([] if region_table is None else [region_table]),
        ],
        skipped=skipped,
        left_out=_left_out(sources, names),
        gave_nothing=_gave_nothing(sources, of_these),
        in_no_activity=in_no_activity,
        not_followed=sources.not_followed,
        changed=[*dict.fromkeys(clip.path for clip in told.older)],
        corrected=sorted({clip.path for clip in corrected}),
        in_tables_only=sorted((in_clips & taken) - in_folders) if chosen else [],
        not_wanted=sorted(in_tables - taken - {UNKNOWN, ""}),
        without_table=sorted(sources.regions - about),
    )


def _names_to_take(wanted: Sequence[str] | None, sources: Sources) -> list[str] | None:
    """Return the labels to learn; None for all."""
    if wanted is not None:
        return None if [*wanted] == [ALL_LABELS] else [*wanted]
    folders = {*sources.photos.values(), *sources.clips.values()}
    there = {name for folder in folders for name in folder.names}
    there |= {row.label for row in sources.rows.values()}
    there |= {segment.label for some in sources.told.segments.values() for segment in some}
    default = sorted(there & {*DEFAULT_LABELS})
    return default if len(default) > 1 else None


def _labelled_places(
    sources: Sources, names: Collection[str] | None, label_folder: LabelFolder | None
) -> dict[Image, Place]:
    """Look up what its folder or its row of a table says of each photo and clip."""
    folders = {**sources.photos, **sources.clips}
    by_folder = {image: folders[image] for image in folders if image not in sources.rows}
    with_tables = by_folder.keys() & sources.told.clips
    layout = read_layout(
        {f for image, f in by_folder.items() if f.names and image not in with_tables},
        {by_folder[image] for image in with_tables},
        wanted=names,
        label_folder=label_folder,
    )
    places = {image: layout.get(folder, Place("")) for image, folder in by_folder.items()}
    return places | sources.rows


def _photos(sources: Sources, in_activities: Mapping[Image, Place]) -> list[LabelledPhoto]:
    """Label the photos; one that two data sets hold under the same label counts once."""
    photos = [
        LabelledPhoto(image, place.label, folder.dataset, place.part, place.group)
        for image, folder in sources.photos.items()
        if (place := in_activities.get(image)) is not None
    ]
    if len({photo.dataset for photo in photos}) < 2:
        return photos
    once: dict[tuple[Path, str], LabelledPhoto] = {}
    for photo in photos:
        file = photo.image.file
        same = file if is_stored(file) else Path(os.path.abspath(file))  # noqa: PTH100
        once.setdefault((same, photo.label), photo)
    return list(once.values())


def _corrected(
    sources: Sources, in_activities: Mapping[Image, Place], names: Collection[str] | None
) -> set[Image]:
    """Tell which clips a person has corrected, rather than labelled for the first time.

    A table elsewhere may be all that says what a clip of a data set shows: then the clip is split
    like one with its table beside it. So are clips outside where there is nothing but tables.
    """
    if not sources.photos and not sources.clips:
        return set()
    labelled = {i for i, place in in_activities.items() if names is None or place.label in names}
    return {
        i for i in sources.told.elsewhere if i.whole in labelled or i.whole not in sources.clips
    }


def _clips(
    sources: Sources, places: Mapping[Image, Place], corrected: Collection[Image]
) -> list[LabelledClip]:
    told, clips = sources.told, []
    for image in {**sources.clips, **told.segments}:
        place = places.get(image.whole, Place(""))
        dataset = sources.clips.get(image.whole, Folder(0, ())).dataset
        segments = told.segments.get(image)
        if segments is None and place.label and image not in told.clips:
            segments = [Segment(0, math.inf, place.label)]
        # Corrections are made to be learned from: a few of them would otherwise be tested with.
        part = place.part or ("train" if image in corrected else None)
        if segments is not None:
            clips.append(LabelledClip(image, segments, dataset, part))
    return sorted(clips, key=lambda clip: (clip.image.path, clip.image.name))


def _labels_in(clips: Iterable[LabelledClip]) -> set[str]:
    return {segment.label for clip in clips for segment in clip.segments} - {""}


def _left_out(sources: Sources, names: Collection[str] | None) -> dict[str, int]:
    """Count files of other kinds by their endings, in folders of the labels (None: in all)."""
    tables = [(sources.tables[table], table.file.suffix.lower()) for table in sources.told.others]
    counts = Counter(
        suffix
        for folder, suffix in [*sources.others, *tables]
        if names is None or not folder.names or {*folder.names} & {*names}
    )
    return dict(counts.most_common())


def _gave_nothing(sources: Sources, folders: Collection[Folder]) -> dict[str, str]:
    """Name the outermost folders with nothing to learn from in them, and what they hold."""
    gave = {*sources.photos.values(), *sources.clips.values()}
    gave |= {sources.tables[table] for table in sources.told.tables}
    fruitful = {
        Folder(folder.dataset, folder.names[:depth])
        for folder in gave
        for depth in range(len(folder.names) + 1)
    }
    inside: dict[Folder, Counter[str]] = {
        folder: Counter()
        for folder in sorted({*folders} - fruitful)
        if len(folder.names) < 2 or Folder(folder.dataset, folder.names[:-1]) in fruitful
    }
    for place, suffix in sources.others:
        for depth in range(1, len(place.names) + 1):
            folder = Folder(place.dataset, place.names[:depth])
            if folder in inside:
                inside[folder][suffix] += 1
    kinds = {
        sources.folders[folder]: ", ".join(f"{n} {suffix}" for suffix, n in counts.most_common())
        for folder, counts in inside.items()
    }
    return {folder: some or "empty" for folder, some in kinds.items()}


def _in_no_activity(sources: Sources, places: Mapping[Image, Place]) -> dict[str, int]:
    """Count the photos in a part of a split itself, in a folder of unlabelled ones, or in none."""
    counts = Counter(
        "/".join(folder.names)
        for image, folder in sources.photos.items()
        if not places[image].label
    )
    return dict(sources.beside + counts)


def _why_not_more(
    sources: Sources, skipped: Mapping[str, str], in_no_activity: Mapping[str, int]
) -> str:
    """List what is left out, where it lies, and why: the end of an error about too little data.

    Returns:
        A clause for each reason, each behind a semicolon; empty where there is none.
    """
    clauses = [f"{clip}: {why}" for clip, why in list(skipped.items())[:1]]
    if len(skipped) > 1:
        clauses.append(f"and {len(skipped) - 1} more clips or tables are flawed or say nothing")
    if gave_nothing := _gave_nothing(sources, sources.folders):
        inside = [f"{folder} ({kinds})" for folder, kinds in gave_nothing.items()]
        clauses.append(f"nothing to learn from in {shortened(inside, most=5)}")
    if left_out := _left_out(sources, None):
        counts = [f"{count} {suffix}" for suffix, count in left_out.items()]
        clauses.append(f"left out (neither photos nor clips): {shortened(counts, most=5)}")
    clauses += [
        f"left out: {count} photos in {folder}/ itself, which belong to no activity"
        for folder, count in list(in_no_activity.items())[:3]
    ]
    return "".join(f"; {clause}" for clause in clauses)


def _labels_to_learn(
    there: Collection[str], names: Sequence[str] | None, where: str, reason: str, *, nested: bool
) -> set[str]:
    """Choose the labels to learn among those of the data sets.

    Args:
        there: all labels in the data sets.
        names: labels to learn; None takes all.
        where, reason: what a message names: the data sets, and what of them is not used and why.
        nested: whether a label has folders of its own below it, which could be the labels instead.

    Raises:
        UserError: there are fewer than two; or a label to learn differs from another, or from
            ``unknown``, in case alone, in spaces around it, or in its Unicode normalisation.
    """
    if not there:
        raise UserError(
            f"no photos in {where}: it should hold one folder for each activity, "
            "each with .jpg, .jpeg, .jfif, .png, .bmp, .tif, .webp, .gif or .avif files, or with "
            "clips" + reason
        )
    taken = {*there} if names is None else {*there} & {*names}
    _check_spelling({*taken, *(names or ())}, {*there, *(names or ()), UNKNOWN})
    if not taken:
        raise UserError(
            f"no photos of {shortened(names or [])} in {where}; it has: "
            f"{shortened(sorted(there))}. Name some of these after --labels, or use --labels all"
            + reason
        )
    if len(taken) < 2:
        (label,) = taken
        others = shortened(sorted({*there} - taken))
        left_out = f", and --labels leaves out {others}" if others else ""
        inside = f"; if the folders inside {printable(label)}/ are the activities, give "
        raise UserError(
            f"only photos of {label} in {where}: a classifier needs at least two activities"
            f"{left_out}{reason}{f'{inside}--label-folder last' if nested else ''}"
        )
    return taken


def _check_spelling(taken: Collection[str], there: Collection[str]) -> None:
    """Refuse labels that a person would take for one, or that some file systems do."""
    spellings: dict[str, list[str]] = {}
    for label in sorted(there):
        same = unicodedata.normalize("NFC", label).strip().casefold()
        spellings.setdefault(unicodedata.normalize("NFC", same), []).append(label)
    for labels in spellings.values():
        if len(labels) > 1 and {*labels} & {*taken}:
            names = " and ".join(repr(printable(label)) for label in labels)
            raise UserError(
                f"the labels {names} differ only in case, in spaces around them, or in how their "
                "accents are encoded: spell them alike in folders, tables and --labels, or rename "
                "one so that they are clearly two"
            )


def _check_enough(
    without_clips: Collection[str], photos: Sequence[LabelledPhoto], where: str, reason: str
) -> None:
    """Make sure that there is something to learn each label from.

    Args:
        without_clips: labels that no clip shows; the others have frames.
        photos: to learn from and to test with.
        where, reason: as in ``_labels_to_learn``.

    Raises:
        UserError: a label has too few photos to be split, or photos to test with alone.
    """
    unsplit = Counter(photo.label for photo in photos if photo.part is None)
    split = {photo.label for photo in photos if photo.part is not None}
    scarce = [
        f"{label} ({unsplit[label]})"
        for label in sorted({*without_clips} - split)
        if unsplit[label] < FEWEST_PHOTOS
    ]
    if scarce:
        raise UserError(
            f"too few photos in {where} to split into training and test: "
            f"{shortened(scarce)}; each activity needs at least {FEWEST_PHOTOS}" + reason
        )
    to_learn = {photo.label for photo in photos if photo.part != "test"}
    if test_alone := sorted({*without_clips} - to_learn):
        raise UserError(
            f"only photos to test with, and none to learn from: {shortened(test_alone)}; give "
            "these a folder in the part to train on, too, or name the other activities after "
            "--labels"
        )
