"""How a data set is laid out: which folder names the activity, and what a split above or below it.

The rule is the source tutorial's: the folder right above a photo is its label. It is kept wherever
folders lie one deep. Where they lie deeper, a level that the names show to be something else
(``train`` and ``test``, numbered videos, one name that all share) is told apart from the activity;
where the names do not show it, the layout is refused rather than guessed.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from activity.common.errors import UserError, printable
from activity.training.parts import Folder, Part, take_parts

LabelFolder = Literal["first", "last"]
"""Which folder names the activity: the first one below the data set, or that right above photos."""

# video_0003, 17, clip-2, v_Basketball_g01_c04: names that count.
_NUMBERED = re.compile(r".*\d")


@dataclass(frozen=True)
class Place:
    """What a folder says of the photos and clips in it.

    Attributes:
        label: empty where no folder names an activity.
        part: part of a split that the data set brings; None if it brings none.
        group: what ties together images that should stay on one side of a split, such as the
            frames of one video; None if nothing does.
    """

    label: str
    part: Part | None = None
    group: str | None = None


def read_layout(
    folders: Collection[Folder],
    with_tables: Collection[Folder] = (),
    *,
    wanted: Collection[str] | None = None,
    label_folder: LabelFolder | None = None,
) -> dict[Folder, Place]:
    """Find out what each folder of photos says of them.

    Args:
        folders: whose names say what the photos or clips right in them show.
        with_tables: folders of clips whose tables say that; these may be parts of a split.
        wanted: labels that are asked for; folders that name none of them are never refused. None
            where all are.
        label_folder: decides where the layout can be read in two ways.

    Raises:
        UserError: the layout can be read in two ways, or is a split without activities.

    Example:
        >>> frames = Folder(0, ("football", "video_0003"))
        >>> read_layout([frames, Folder(0, ("tennis",))])[frames]
        Place(label='football', part=None, group='football/video_0003')
    """
    parts, inner = take_parts({*folders, *with_tables})
    _take_flat_parts_for_activities(parts, inner, label_folder)
    inner = {folder: inner[folder] for folder in folders}
    telling = _without_common(inner)
    if label_folder is None:
        known = {plain[0] for names in inner.values() if len(plain := _plain(names)) == 1}
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


def _take_flat_parts_for_activities(
    parts: dict[Folder, Part],
    inner: dict[Folder, tuple[str, ...]],
    label_folder: LabelFolder | None,
) -> None:
    """Where photos lie in ``train`` itself, take it for an activity if that is asked for."""
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


def _without_common(
    inner: Mapping[Folder, tuple[str, ...]],
) -> dict[Folder, tuple[str, ...]]:
    """Leave out the folders that tell nothing apart, as all share them: images/football/1.jpg."""
    result = {folder: names for folder, names in inner.items() if names}
    while len(result) > 1 and all(len(names) > 1 for names in result.values()):
        if len({names[0] for names in result.values()}) == 1:
            result = {folder: names[1:] for folder, names in result.items()}
        elif len({names[-1] for names in result.values()}) == 1:
            result = {folder: names[:-1] for folder, names in result.items()}
        else:
            break
    return {folder: result.get(folder, ()) for folder in inner}


def _plain(names: Sequence[str]) -> list[str]:
    """Leave out the names that count."""
    return [*dict.fromkeys(name for name in names if not _NUMBERED.fullmatch(name))]


def _label_of(
    folder: Folder,
    names: tuple[str, ...],
    telling: tuple[str, ...],
    known: Collection[str],
    wanted: Collection[str] | None,
) -> str:
    if len(names) < 2:
        return names[0] if names else ""
    readings = [*dict.fromkeys(name for name in names if wanted and name in wanted)]
    if not readings:
        readings = [*dict.fromkeys(name for name in names if name in known)]
    if not readings:
        readings = [*dict.fromkeys(telling)]
    if len(readings) == 1:
        return readings[0]
    if wanted is not None and not {*names} & {*wanted}:
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
    activities = Counter(
        rest for rest, _ in {(rest, labels[folder]) for folder, rest in below.items()}
    )
    return {
        folder: footage_of("/".join(folder.names))
        for folder, rest in below.items()
        if _NUMBERED.fullmatch(rest[-1]) or activities[rest] == 1
    }


def footage_of(name: str) -> str:
    """Name what a clip is cut from: UCF101 calls clip 4 of group 1 ``v_Golf_g01_c04``.

    Clips of a group show the same people at the same place, and are never on both sides of a split
    (K. Soomro, A. R. Zamir, M. Shah, "UCF101", CRCV-TR-12-01, 2012).

    Example:
        >>> footage_of("Golf/v_Golf_g01_c04.avi")
        'Golf/v_Golf_g01'
    """
    return re.sub(r"(_g\d+)_c\d+(\.\w+)?$", r"\1", name)
