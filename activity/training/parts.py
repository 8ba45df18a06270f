"""The parts of a split that a data set brings: folders named train, validation and test."""

import re
from collections import defaultdict
from collections.abc import Collection
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


def parts_among(names: Collection[str]) -> dict[str, Part]:
    """Tell which of the folders that lie beside one another are the parts of a split.

    A longer name is a part only if the others are called alike: ``seg_train`` beside ``seg_test``,
    but not ``weight_training`` beside ``beep_test``.

    Returns:
        The part that each name means; empty if there is none to train on, or none to test with.
    """
    plain = {name: PARTS[name.lower()] for name in names if name.lower() in PARTS}
    if _is_split(plain.values()):
        return plain
    alike: defaultdict[str, dict[str, Part]] = defaultdict(dict)
    for name in names:
        if (part := part_called(name)) is not None:
            rest = re.sub(r"[a-z]+", lambda word: "" if word[0] in PARTS else word[0], name.lower())
            alike[rest][name] = part
    for parts in alike.values():
        if _is_split(parts.values()) and all(
            name in parts or _words(name) & _UNLABELLED for name in names
        ):
            return parts
    return {}


def _is_split(parts: Collection[Part]) -> bool:
    return "train" in parts and len({*parts}) > 1


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
    splits = {folder: parts for folder, names in children.items() if (parts := parts_among(names))}
    # Where some activities are split, one that has photos of a single part is split likewise.
    depths = {(folder.dataset, len(folder.names)) for folder in splits}
    flat = {folder.dataset for folder in folders if len(folder.names) == 1}
    for folder, inside in children.items():
        above = not folder.names and folder.dataset not in flat
        if all(name.lower() in PARTS for name in inside) and (
            above or (folder.dataset, len(folder.names)) in depths
        ):
            splits[folder] = {name: PARTS[name.lower()] for name in inside}
    part_of: dict[Folder, Part] = {}
    inner = {folder: folder.names for folder in folders}
    for folder in folders:
        dataset, names = folder
        for depth, name in enumerate(names):
            parts = splits.get(Folder(dataset, names[:depth]), {})
            if name in parts:
                part_of[folder] = parts[name]
                # Archives unpack into a folder of their own name: seg_train/seg_train/forest.
                twice = children[Folder(dataset, names[: depth + 1])] == {name}
                inner[folder] = names[:depth] + names[depth + 1 + twice :]
                break
            if parts and _words(name) & _UNLABELLED:
                inner[folder] = ()
                break
    return part_of, inner
