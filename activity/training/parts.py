"""The parts of a split that a data set brings: folders named train, validation and test."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from itertools import dropwhile
from typing import Literal, NamedTuple

Part = Literal["train", "validation", "test"]
"""What a data set that is split already calls one of its parts."""

PARTS: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}

# Beside the parts of a split: photos that nobody has labelled.
_UNLABELLED = {"pred", "predict", "prediction", "predictions", "unlabeled", "unlabelled"}


class Folder(NamedTuple):
    """A folder that holds photos or clips: the number of its data set, and its path there."""

    dataset: int
    names: tuple[str, ...]


def part_called(name: str) -> Part | None:
    """Return the part of a split that a name means: ``test`` for ``Test`` and ``seg_test``.

    Example:
        >>> part_called("training_set"), part_called("contest")
        ('train', None)
    """
    parts = {PARTS[word] for word in _words(name) & PARTS.keys()}
    return parts.pop() if len(parts) == 1 else None


def _words(name: str) -> set[str]:
    return {*re.split(r"[^a-z]+", name.lower())}


def is_split(names: Iterable[str]) -> bool:
    """Tell whether folders of these names are a split: one to learn from, and one to test with."""
    parts = {part_called(name) for name in names} - {None}
    return "train" in parts and len(parts) > 1


def take_parts(
    folders: Collection[Folder],
) -> tuple[dict[Folder, Part], dict[Folder, tuple[str, ...]]]:
    """Tell the parts of splits from the other folders above photos.

    Args:
        folders: that hold photos or clips.

    Returns:
        (part of each folder that belongs to one, names of each folder without those of parts).
    """
    children: dict[Folder, set[str]] = defaultdict(set)
    for dataset, names in folders:
        for depth, name in enumerate(names):
            children[Folder(dataset, names[:depth])].add(name)
    split = {folder for folder, names in children.items() if is_split(names)}
    # Where some activities are split, one that has photos of a single part is split likewise.
    depths = {(folder.dataset, len(folder.names)) for folder in split}
    flat = {folder.dataset for folder in folders if len(folder.names) == 1}
    for folder, inside in children.items():
        above = not folder.names and folder.dataset not in flat
        if all(name.lower() in PARTS for name in inside) and (
            above or (folder.dataset, len(folder.names)) in depths
        ):
            split.add(folder)
    parts: dict[Folder, Part] = {}
    inner = {folder: folder.names for folder in folders}
    for folder in folders:
        dataset, names = folder
        for depth, name in enumerate(names):
            if Folder(dataset, names[:depth]) not in split:
                continue
            part = part_called(name)
            if part is not None:
                parts[folder] = part
                # Archives unpack into a folder of their own name: seg_train/seg_train/forest.
                below = dropwhile(name.__eq__, names[depth:])
                inner[folder] = (*names[:depth], *below)
                break
            if _words(name) & _UNLABELLED:
                inner[folder] = ()
                break
    return parts, inner
