"""What lies in a data set: labelled photos and clips."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from imutils import paths

from activity.common.errors import UserError
from activity.common.stores import is_stored, list_files
from activity.media.clip import CLIP_SUFFIXES
from activity.temporal.segments import UNKNOWN
from activity.training.labelled_clips import LabelledClip, read_labels_of_clips
from activity.training.split import FEWEST_PHOTOS, LATER_SUFFIXES

ALL_LABELS = "all"

DEFAULT_LABELS = ("weight_lifting", "tennis", "football")
"""Those of the source tutorial."""

_TABLE = ".csv"


class Found(NamedTuple):
    """What a data set holds of the wanted labels.

    Attributes:
        photos: paths relative to the data set in POSIX form, sorted.
        labels: of each photo.
        clips: that show a wanted label somewhere, or footage of none.
        tables: of segments, beside clips.
        skipped: clips whose table of segments cannot be read, or which have neither a table nor a
            folder, with the reason.
        left_out: how many files of other kinds lie among the photos, by their endings.
        in_tables_only: labels that tables of segments name and no folder does, though there are
            photos.
        not_wanted: other labels that these tables name.
    """

    photos: list[str]
    labels: list[str]
    clips: list[LabelledClip]
    tables: list[str]
    skipped: dict[str, str]
    left_out: dict[str, int]
    in_tables_only: list[str]
    not_wanted: list[str]

    @property
    def files(self) -> list[str]:
        """Paths of all photos and clips."""
        return [*self.photos, *(clip.path for clip in self.clips)]

    def all_labels(self) -> list[str]:
        """Every label of a photo or a clip, sorted."""
        return sorted({*self.labels, *_labels_of(self.clips)} - {*self.not_wanted})


def find_images(dataset: Path, wanted: Sequence[str] | None = None) -> Found:
    """Find the photos and clips of the wanted labels.

    The label of a photo is the name of its parent folder; that of a clip, too, or what the table
    beside it says. Hidden files and folders are left out.

    Args:
        dataset: folder that holds one folder of photos and clips for each label.
        wanted: labels to take, or ``["all"]`` for all there are; None takes those of
            ``DEFAULT_LABELS`` that are there, or all where none of them is.

    Raises:
        UserError: the folder is missing, holds nothing of the wanted labels, or leaves fewer
            than two labels, or a label with no clip and too few photos to be split.
    """
    photos, files, others = _walk(dataset)
    clips, skipped = read_labels_of_clips(dataset, files)
    there = {*photos.values(), *_labels_of(clips)}
    reasons = "".join(f"; {clip}: {reason}" for clip, reason in list(skipped.items())[:1])
    if not there:
        raise UserError(
            f"no photos in {dataset}: it should hold one folder for each activity, "
            "each with .jpg, .jpeg, .png, .bmp, .tif, .webp, .gif or .avif files, or with clips"
            + reasons
        )
    names = list(wanted) if wanted is not None else sorted(there & set(DEFAULT_LABELS))
    folders = {*photos.values(), *(Path(file).parent.name for file in files)}
    chosen = bool(names) and names != [ALL_LABELS]
    if chosen:
        photos = {photo: label for photo, label in photos.items() if label in names}
        taken = there & set(names)
        if not taken:
            raise UserError(
                f"no photos of {shortened(names)} in {dataset}; it has: "
                f"{shortened(sorted(there))}. "
                "Name some of these after --labels, or take --labels all" + reasons
            )
    else:
        taken = there
    named = _labels_of([clip for clip in clips if files[clip.path]])
    # A table that names no label at all is kept, to be told of.
    clips = [
        clip
        for clip in clips
        if not (labels := _labels_of([clip], with_unknown=True)) or labels & {*taken, UNKNOWN}
    ]
    counts = Counter(photos.values())
    if len(taken) < 2:
        raise UserError(
            f"only photos of {next(iter(taken))} in {dataset}: "
            "a classifier needs at least two activities" + reasons
        )
    scarce = [
        f"{label} ({counts[label]})"
        for label in sorted(taken - _labels_of(clips))
        if counts[label] < FEWEST_PHOTOS
    ]
    if scarce:
        raise UserError(
            f"too few photos in {dataset} to split into training and test: "
            f"{shortened(scarce)}; each activity needs at least {FEWEST_PHOTOS}" + reasons
        )
    in_order = sorted(photos)
    left_out = Counter(suffix for label, suffix in others if not chosen or label in names)
    return Found(
        in_order,
        [photos[photo] for photo in in_order],
        clips,
        [table for table in files.values() if table],
        skipped,
        dict(left_out.most_common()),
        sorted((_labels_of(clips) & taken) - folders) if photos else [],
        sorted(named - taken),
    )


def _walk(
    dataset: Path,
) -> tuple[dict[str, str], dict[str, str | None], list[tuple[str, str]]]:
    """List photos with their labels, clips with their tables, folders and endings of the others."""
    # Path.is_dir raises on names that it cannot look up.
    if not (dataset.is_dir() if is_stored(dataset) else os.path.isdir(dataset)):  # noqa: PTH112
        raise UserError(f"no folder of photos at {dataset}: give --dataset a folder that exists")
    photos: dict[str, str] = {}
    clips: list[Path] = []
    tables: dict[Path, str] = {}
    others: list[tuple[str, str]] = []
    if is_stored(dataset):
        files = [Path(name) for name in list_files(dataset)]
    else:
        files = [Path(path).relative_to(dataset) for path in paths.list_files(dataset)]
    for relative in files:
        if any(part.startswith(".") for part in relative.parts):
            continue
        suffix = relative.suffix.lower()
        if suffix in CLIP_SUFFIXES:
            clips.append(relative)
        elif suffix == _TABLE:
            tables[relative.with_suffix("")] = relative.as_posix()
        elif len(relative.parts) == 1:
            continue
        elif suffix in (*paths.image_types, *LATER_SUFFIXES):
            photos[relative.as_posix()] = relative.parent.name
        else:
            others.append((relative.parent.name, suffix or "without an ending"))
    of_no_clip = tables.keys() - {clip.with_suffix("") for clip in clips}
    others += [(name.parent.name, _TABLE) for name in of_no_clip if name.parent.name]
    return photos, {c.as_posix(): tables.get(c.with_suffix("")) for c in sorted(clips)}, others


def _labels_of(clips: Sequence[LabelledClip], *, with_unknown: bool = False) -> set[str]:
    labels = {segment.label for clip in clips for segment in clip.segments}
    return labels - {"" if with_unknown else UNKNOWN, ""}


def shortened(names: Sequence[str], most: int = 12) -> str:
    """Join names for a message, the first few of them where there are many."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown}, … ({len(names)} in all)"
