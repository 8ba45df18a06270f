"""What in a data set nothing is learned from: files of other kinds, folders without photos."""

from collections import Counter
from collections.abc import Collection, Mapping

from activity.media.images import Image
from activity.training.clip_tables import ToldByTables
from activity.training.layout import Place
from activity.training.parts import Folder
from activity.training.sources import Sources


def left_out(sources: Sources, told: ToldByTables, names: Collection[str] | None) -> dict[str, int]:
    """Count files of other kinds by their endings, in folders of the labels (None: in all)."""
    others = [*sources.others]
    for table in told.others:
        others.append((sources.tables[table], ".csv"))
    counts = Counter(
        suffix
        for folder, suffix in others
        if names is None or not folder.names or {*folder.names} & {*names}
    )
    return dict(counts.most_common())


def gave_nothing(
    sources: Sources, told: ToldByTables, folders: Collection[Folder]
) -> dict[str, str]:
    """Name the outermost folders with nothing to learn from in them, and what they hold."""
    gave = {*sources.photos.values(), *sources.clips.values()}
    gave |= {sources.tables[table] for table in told.tables}
    fruitful = {
        Folder(folder.dataset, folder.names[:depth])
        for folder in gave
        for depth in range(len(folder.names) + 1)
    }
    inside: dict[Folder, Counter[str]] = {}
    for folder in sorted(folders):
        above = Folder(folder.dataset, folder.names[:-1])
        if folder not in fruitful and (not above.names or above in fruitful):
            inside[folder] = Counter()
    for place, suffix in sources.others:
        for depth in range(1, len(place.names) + 1):
            folder = Folder(place.dataset, place.names[:depth])
            if folder in inside:
                inside[folder][suffix] += 1
    return {
        sources.folders[folder]: ", ".join(f"{n} {suffix}" for suffix, n in counts.most_common())
        or "empty"
        for folder, counts in inside.items()
    }


def in_no_activity(sources: Sources, places: Mapping[Image, Place]) -> dict[str, int]:
    """Count the photos in a part of a split itself, or in a folder of unlabelled ones beside it."""
    return dict(
        Counter(
            "/".join(folder.names)
            for image, folder in sources.photos.items()
            if not places[image].label
        )
    )
