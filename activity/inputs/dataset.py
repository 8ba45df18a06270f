"""Labelled photos on disk: find them, split them, read one."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from imutils import paths

from activity.ground.errors import UserError

ALL_LABELS = "all"

DEFAULT_LABELS = ("weight_lifting", "tennis", "football")
"""Those of the source tutorial."""

# The source tutorial's library lists .jpg, .jpeg, .png, .bmp, .tif and .tiff, and its photos keep
# the split that they have always had. These came later, and are split by themselves.
_LATER_SUFFIXES = (".webp", ".gif", ".avif")

# A quarter of four photos is one test photo: fewer cannot be split.
_FEWEST_PHOTOS = 4


class Photos(NamedTuple):
    """Labelled photos of a data set.

    Attributes:
        paths: relative to the data set in POSIX form, sorted.
        labels: of each photo.
        left_out: how many files of other kinds lie among the photos, by their endings.
    """

    paths: list[str]
    labels: list[str]
    left_out: dict[str, int]


def find_photos(dataset: Path, wanted: Sequence[str] | None = None) -> Photos:
    """Find the photos of the wanted labels; a photo's label is the name of its parent folder.

    Hidden files and folders are left out.

    Args:
        dataset: folder that holds one folder of photos for each label.
        wanted: labels to take, or ``["all"]`` for every folder that holds photos; None takes those
            of ``DEFAULT_LABELS`` that are there, or all where none of them is.

    Raises:
        UserError: the folder is missing, holds no photo of the wanted labels, or leaves fewer
            than two labels, or a label with too few photos to be split.
    """
    if not os.path.isdir(dataset):  # noqa: PTH112 - Path.is_dir raises on names it cannot look up
        raise UserError(f"no folder of photos at {dataset}: give --dataset a folder that exists")
    found: dict[str, str] = {}
    others: list[tuple[str, str]] = []
    for path in paths.list_files(dataset):
        relative = Path(path).relative_to(dataset)
        hidden = any(part.startswith(".") for part in relative.parts)
        if len(relative.parts) > 1 and not hidden:
            suffix = relative.suffix.lower()
            if suffix in (*paths.image_types, *_LATER_SUFFIXES):
                found[relative.as_posix()] = relative.parent.name
            else:
                others.append((relative.parent.name, suffix or "without an ending"))
    if not found:
        raise UserError(
            f"no photos in {dataset}: it should hold one folder for each activity, "
            "each with .jpg, .jpeg, .png, .bmp, .tif, .webp, .gif or .avif files"
        )
    there = set(found.values())
    names = list(wanted) if wanted is not None else sorted(there & set(DEFAULT_LABELS))
    if names and names != [ALL_LABELS]:
        found = {photo: label for photo, label in found.items() if label in names}
        if not found:
            raise UserError(
                f"no photos of {shortened(names)} in {dataset}; it has: "
                f"{shortened(sorted(there))}. "
                "Name some of these after --labels, or take --labels all"
            )
    counts = Counter(found.values())
    if len(counts) < 2:
        raise UserError(
            f"only photos of {next(iter(counts))} in {dataset}: "
            "a classifier needs at least two activities"
        )
    scarce = [f"{label} ({n})" for label, n in sorted(counts.items()) if n < _FEWEST_PHOTOS]
    if scarce:
        raise UserError(
            f"too few photos in {dataset} to split into training and test: "
            f"{shortened(scarce)}; each activity needs at least {_FEWEST_PHOTOS}"
        )
    photos = sorted(found)
    left_out = Counter(suffix for label, suffix in others if label in counts)
    return Photos(photos, [found[photo] for photo in photos], dict(left_out.most_common()))


def split(photos: Sequence[str], labels: Sequence[str]) -> tuple[list[int], list[int]]:
    """Split photos 75/25 into training and test, each label in proportion.

    The split depends on the sorted list of photos alone, never on ``--seed``: scores of
    different runs are scores on the same test photos. It is the source tutorial's split, of the
    kinds of files that its library lists; files of later kinds are split by themselves, so that
    they change nothing about the others. Where a label has fewer than four photos of a kind, these
    are all for training.

    Returns:
        (training, test): ascending indices into ``photos``.
    """
    later = [Path(photo).suffix.lower() in _LATER_SUFFIXES for photo in photos]
    training: list[int] = []
    test: list[int] = []
    for kind in (False, True):
        counts = Counter(label for label, late in zip(labels, later, strict=True) if late is kind)
        of_kind = [i for i, late in enumerate(later) if late is kind]
        enough = [i for i in of_kind if counts[labels[i]] >= _FEWEST_PHOTOS]
        training += [i for i in of_kind if counts[labels[i]] < _FEWEST_PHOTOS]
        if enough:
            some, others = _split_in_proportion(enough, [labels[i] for i in enough])
            training += some
            test += others
    return sorted(training), sorted(test)


def _split_in_proportion(
    photos: Sequence[int], labels: Sequence[str]
) -> tuple[list[int], list[int]]:
    # Takes more than a second to import, and predict_video.py splits nothing.
    from sklearn.model_selection import train_test_split

    training, test = train_test_split(photos, test_size=0.25, stratify=labels, random_state=42)
    return training, test


def shortened(names: Sequence[str], most: int = 12) -> str:
    """Join names for a message, the first few of them where there are many."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown}, … ({len(names)} in all)"
