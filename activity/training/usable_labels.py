"""Which labels can be learned: told apart by their names, with enough photos to be split."""

import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence

from activity.common.errors import UserError, printable, shortened
from activity.temporal.segments import UNKNOWN
from activity.training.labelled_photos import LabelledPhoto
from activity.training.split import FEWEST_PHOTOS


def labels_to_learn(
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
            f"{shortened(sorted(there))}. "
            "Name some of these after --labels, or use --labels all" + reason
        )
    if len(taken) < 2:
        (label,) = taken
        way_out = (
            f"; if the folders inside {printable(label)}/ are the activities, give --label-folder "
            "last"
        )
        others = shortened(sorted({*there} - taken))
        raise UserError(
            f"only photos of {label} in {where}: a classifier needs at least two activities"
            + (f", and --labels leaves out {others}" if others else "")
            + reason
            + (way_out if nested else "")
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


def check_enough(
    without_clips: Collection[str], photos: Sequence[LabelledPhoto], where: str, reason: str
) -> None:
    """Make sure that there is something to learn each label from.

    Args:
        without_clips: labels that no clip shows; the others have frames.
        photos: to learn from and to test with.
        where, reason: what a message names: the data sets, and what of them is not used and why.

    Raises:
        UserError: a label has too few photos to be split, or photos to test with alone.
    """
    unsplit = Counter(photo.label for photo in photos if photo.part is None)
    split = Counter(photo.label for photo in photos if photo.part is not None)
    to_learn = {photo.label for photo in photos if photo.part != "test"}
    scarce = [
        f"{label} ({unsplit[label]})"
        for label in sorted(without_clips)
        if not split[label] and unsplit[label] < FEWEST_PHOTOS
    ]
    if scarce:
        raise UserError(
            f"too few photos in {where} to split into training and test: "
            f"{shortened(scarce)}; each activity needs at least {FEWEST_PHOTOS}" + reason
        )
    if test_alone := sorted({*without_clips} - to_learn):
        raise UserError(
            f"only photos to test with, and none to learn from: {shortened(test_alone)}; give "
            "these a folder in the part to train on, too, or name the other activities after "
            "--labels"
        )
