"""What lies in a data set: labelled photos and clips."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from imutils import paths

from activity.ground.errors import UserError
from activity.ground.stores import is_stored, list_files
from activity.inputs.clip import CLIP_SUFFIXES
from activity.inputs.labelled_clips import LabelledClip, read_labels_of_clips
from activity.inputs.segments import UNKNOWN
from activity.inputs.split import FEWEST_PHOTOS, LATER_SUFFIXES

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
        skipped: clips whose table of segments cannot be read, with the reason.
        left_out: how many files of other kinds lie among the photos, by their endings.
        in_tables_only: labels that tables of segments name and no folder does, though there are
            photos.
        not_wanted: other labels of these clips.
    """

    photos: list[str]
    labels: list[str]
    clips: list[LabelledClip]
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
    if not photos and not clips:
        reasons = "".join(f"; {reason}" for reason in list(skipped.values())[:1])
        raise UserError(
            f"no photos in {dataset}: it should hold one folder for each activity, "
            "each with .jpg, .jpeg, .png, .bmp, .tif, .webp, .gif or .avif files, or with clips"
            + reasons
        )
    there = {*photos.values(), *_labels_of(clips)}
    names = list(wanted) if wanted is not None else sorted(there & set(DEFAULT_LABELS))
    if names and names != [ALL_LABELS]:
        photos = {photo: label for photo, label in photos.items() if label in names}
        taken = there & set(names)
        if not taken:
            raise UserError(
                f"no photos of {shortened(names)} in {dataset}; it has: "
                f"{shortened(sorted(there))}. "
                "Name some of these after --labels, or take --labels all"
            )
    else:
        taken = there
    clips = [clip for clip in clips if _labels_of([clip], with_unknown=True) & {*taken, UNKNOWN}]
    counts = Counter(photos.values())
    if len(taken) < 2:
        raise UserError(
            f"only photos of {next(iter(taken))} in {dataset}: "
            "a classifier needs at least two activities"
        )
    scarce = [
        f"{label} ({counts[label]})"
        for label in sorted(taken - _labels_of(clips))
        if counts[label] < FEWEST_PHOTOS
    ]
    if scarce:
        raise UserError(
            f"too few photos in {dataset} to split into training and test: "
            f"{shortened(scarce)}; each activity needs at least {FEWEST_PHOTOS}"
        )
    in_order = sorted(photos)
    folders = {*photos.values(), *(Path(file).parent.name for file in files)}
    left_out = Counter(suffix for label, suffix in others if label in taken)
    return Found(
        in_order,
        [photos[photo] for photo in in_order],
        clips,
        skipped,
        dict(left_out.most_common()),
        sorted((_labels_of(clips) & taken) - folders) if photos else [],
        sorted(_labels_of(clips) - taken),
    )


def _walk(dataset: Path) -> tuple[dict[str, str], list[str], list[tuple[str, str]]]:
    """List photos with their labels, clips, and the folder and ending of every other file."""
    # Path.is_dir raises on names that it cannot look up.
    if not (dataset.is_dir() if is_stored(dataset) else os.path.isdir(dataset)):  # noqa: PTH112
        raise UserError(f"no folder of photos at {dataset}: give --dataset a folder that exists")
    photos: dict[str, str] = {}
    clips: list[str] = []
    tables: list[Path] = []
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
            clips.append(relative.as_posix())
        elif len(relative.parts) == 1:
            continue
        elif suffix in (*paths.image_types, *LATER_SUFFIXES):
            photos[relative.as_posix()] = relative.parent.name
        elif relative.suffix == _TABLE:
            tables.append(relative)
        else:
            others.append((relative.parent.name, suffix or "without an ending"))
    used = {Path(clip).with_suffix(_TABLE) for clip in clips}
    others += [(table.parent.name, _TABLE) for table in tables if table not in used]
    return photos, sorted(clips), others


def _labels_of(clips: Sequence[LabelledClip], *, with_unknown: bool = False) -> set[str]:
    labels = {segment.label for clip in clips for segment in clip.segments}
    return labels - {"" if with_unknown else UNKNOWN, ""}


def shortened(names: Sequence[str], most: int = 12) -> str:
    """Join names for a message, the first few of them where there are many."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown}, … ({len(names)} in all)"
