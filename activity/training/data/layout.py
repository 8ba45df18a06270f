"""How a data set is laid out: which folder names the activity, and which a part of a split.

The rule is the source tutorial's: the folder right above a photo is its label. It is kept wherever
folders lie one deep. Where they lie deeper, a level whose names show it to be something else
(``train`` and ``test``, numbered videos, one name that all share) is told apart from the activity;
where the names do not show it, the layout is refused rather than guessed.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from activity.common.errors import UserError, printable
from activity.training.data.labelled import Part

LabelFolder = Literal["first", "last"]
"""Which folder names the activity: the first one below the data set, or the one right above the
photos."""

_NAMES_OF_PARTS: dict[Part, tuple[str, ...]] = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
PARTS = {name: part for part, names in _NAMES_OF_PARTS.items() for name in names}
"""What people call the parts of a split."""

# Beside the parts of a split: photos that nobody has labelled.
_UNLABELLED = {"pred", "predict", "prediction", "predictions", "unlabeled", "unlabelled"}

# video_0003, 17, clip-2, v_Basketball_g01_c04: names that count.
_NUMBERED = re.compile(r".*\d")


class Folder(NamedTuple):
    """A folder that holds photos or clips: the number of its data set, and its path there."""

    dataset: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """What a folder, or a row of a table, says of the photos and clips in it.

    Attributes:
        label: empty where no folder names an activity.
        part: part of a split that the data set brings; None if it brings none.
        group: what ties together images that should stay on one side of a split, such as the
            frames of one video; None if nothing does.
    """

    label: str
    part: Part | None = None
    group: str | None = None

    def __str__(self) -> str:
        return self.label if self.part is None else f"{self.label} ({self.part})"


def read_layout(
    folders: Collection[Folder],
    with_tables: Collection[Folder] = (),
    *,
    wanted: Collection[str] | None = None,
    label_folder: LabelFolder | None = None,
) -> dict[Folder, Place]:
    """Find out what each folder says of the photos and clips in it.

    Args:
        folders: whose names say what the photos or clips right in them show.
        with_tables: folders of clips whose tables say that; these may be parts of a split.
        wanted: labels that are asked for; folders that name none of them are never refused. None
            (default) asks for all.
        label_folder: decides where the layout can be read in two ways; None (default) refuses it.

    Raises:
        UserError: the layout can be read in two ways, or is a split without activities.

    Example:
        >>> frames = Folder(0, ("football", "video_0003"))
        >>> read_layout([frames, Folder(0, ("tennis",))])[frames]
        Place(label='football', part=None, group='football/video_0003')
    """
    parts, inner = _take_parts({*folders, *with_tables})
    _take_flat_parts_for_activities(parts, inner, label_folder)
    inner = {folder: inner[folder] for folder in folders}
    telling = _without_common(inner)
    if label_folder is None:
        plain = [{n for n in names if not _NUMBERED.fullmatch(n)} for names in inner.values()]
        known = {name for names in plain if len(names) == 1 for name in names}
        known |= {names[0] for names in inner.values() if len(names) == 1}
        labels = {
            folder: _label_of(folder, inner[folder], telling[folder], known, wanted)
            for folder in sorted(folders)
        }
    else:
        end = 0 if label_folder == "first" else -1
        labels = {folder: names[end] if names else "" for folder, names in telling.items()}
    groups = _groups(inner, labels)
    return {
        folder: Place(labels.get(folder, ""), parts.get(folder), groups.get(folder))
        for folder in {*folders, *with_tables}
    }


def footage_of(name: str) -> str:
    """Name the footage that a clip is cut from: UCF101 calls clip 4 of group 1 ``v_Golf_g01_c04``.

    Clips of a group show the same people at the same place, and are never on both sides of a split
    (K. Soomro, A. R. Zamir, M. Shah, "UCF101", CRCV-TR-12-01, 2012).

    Example:
        >>> footage_of("Golf/v_Golf_g01_c04.avi")
        'Golf/v_Golf_g01'
    """
    return re.sub(r"(_g\d+)_c\d+(\.\w+)?$", r"\1", name)


def part_called(name: str) -> Part | None:
    """Return the part of a split that a name means: ``test`` for ``Test`` and ``seg_test``.

    Example:
        >>> part_called("training_set"), part_called("contest")
        ('train', None)
    """
    parts = {PARTS[word] for word in _words(name) & PARTS.keys()}
    return parts.pop() if len(parts) == 1 else None


def parts_among(names: Collection[str]) -> dict[str, Part]:
    """Tell which of the folders that lie beside one another are the parts of a split.

    A longer name is a part only if the others are called alike: ``seg_train`` beside ``seg_test``,
    but not ``weight_training`` beside ``beep_test``.

    Returns:
        The part that each name means; empty if there is none to train on, or none to test with.
    """
    plain = {name: PARTS[name.lower()] for name in names if name.lower() in PARTS}
    if _is_split(plain):
        return plain
    alike: defaultdict[str, dict[str, Part]] = defaultdict(dict)
    for name in names:
        if (part := part_called(name)) is not None:
            rest = re.sub(r"[a-z]+", lambda word: "" if word[0] in PARTS else word[0], name.lower())
            alike[rest][name] = part
    for parts in alike.values():
        if _is_split(parts) and all(name in parts or _is_unlabelled(name) for name in names):
            return parts
    return {}


def _is_split(parts: Mapping[str, Part]) -> bool:
    return "train" in parts.values() and len({*parts.values()}) > 1


def _words(name: str) -> set[str]:
    return {*re.split(r"[^a-z]+", name.lower())}


def _is_unlabelled(name: str) -> bool:
    return bool(_words(name) & _UNLABELLED)


def _take_parts(
    folders: Collection[Folder],
) -> tuple[dict[Folder, Part], dict[Folder, tuple[str, ...]]]:
    """Tell the parts of splits from the other folders above photos.

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
            if parts and _is_unlabelled(name):
                inner[folder] = ()
                break
    return part_of, inner


def _take_flat_parts_for_activities(
    parts: dict[Folder, Part],
    inner: dict[Folder, tuple[str, ...]],
    label_folder: LabelFolder | None,
) -> None:
    """Treat ``train`` as an activity if photos lie right in it and the flag says so."""
    by_dataset: defaultdict[int, list[Folder]] = defaultdict(list)
    for folder in parts:
        by_dataset[folder.dataset].append(folder)
    for _, folders in sorted(by_dataset.items()):
        train = sorted(folder for folder in folders if parts[folder] == "train")
        if not train or any(inner[folder] for folder in train):
            continue
        if label_folder != "last":
            name = printable(train[0].names[0])
            raise UserError(
                f"photos lie in {name}/ itself: it could be an activity, or the part of a split "
                "whose photos lie in no activity's folder; --label-folder last takes it for an "
                "activity; else put these photos into one folder for each activity, or give "
                "--dataset a table with the columns path,label,split"
            )
        for folder in folders:
            if not inner[folder]:
                inner[folder] = folder.names
                del parts[folder]


def _without_common(inner: Mapping[Folder, tuple[str, ...]]) -> dict[Folder, tuple[str, ...]]:
    """Strip names that all folders share, since they tell nothing apart: images/football/1.jpg."""
    result = {folder: names for folder, names in inner.items() if names}
    while len(result) > 1 and all(len(names) > 1 for names in result.values()):
        if len({names[0] for names in result.values()}) == 1:
            result = {folder: names[1:] for folder, names in result.items()}
        elif len({names[-1] for names in result.values()}) == 1:
            result = {folder: names[:-1] for folder, names in result.items()}
        else:
            break
    return {folder: result.get(folder, ()) for folder in inner}


def _label_of(
    folder: Folder,
    names: tuple[str, ...],
    telling: tuple[str, ...],
    known: Collection[str],
    wanted: Collection[str] | None,
) -> str:
    if len(names) < 2:
        return names[0] if names else ""
    asked_for = [name for name in names if wanted and name in wanted]
    in_question = asked_for or [name for name in names if name in known] or telling
    readings = [*dict.fromkeys(in_question)]
    if len(readings) == 1 or (wanted is not None and not asked_for):
        return readings[-1]
    path = printable("/".join(folder.names))
    first, last = printable(readings[0]), printable(readings[-1])
    raise UserError(
        f"photos in {path} could be of {first} or of {last}: give --label-folder first where the "
        f"first folder names the activity ({first}), last where it is the one right above the "
        f"photos ({last}); or name the activities after --labels"
    )


def _groups(
    inner: Mapping[Folder, Sequence[str]], labels: Mapping[Folder, str]
) -> dict[Folder, str]:
    """Name the folders below an activity's that are videos, or other things of one piece.

    ``close_up`` in two activities is a kind of photo, and may be on both sides of a split.
    """
    below = {}
    for folder, names in inner.items():
        above = names[::-1].index(labels[folder]) if labels[folder] in names else 0
        if rest := tuple(names[len(names) - above :]):
            below[folder] = rest
    activities = Counter(rest for rest, _ in {(rest, labels[f]) for f, rest in below.items()})
    return {
        folder: footage_of("/".join(folder.names))
        for folder, rest in below.items()
        if _NUMBERED.fullmatch(rest[-1]) or activities[rest] == 1
    }
