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
        others.append((sources.tables[table], table.file.suffix.lower()))
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
    nothing: dict[str, str] = {}
    for folder in sorted(folders):
        above = Folder(folder.dataset, folder.names[:-1])
        if folder in fruitful or (above.names and above not in fruitful):
            continue
        inside = Counter(
            suffix
            for place, suffix in sources.others
            if place.dataset == folder.dataset and place.names[: len(folder.names)] == folder.names
        )
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in inside.most_common())
        nothing[sources.folders[folder]] = kinds or "empty"
    return nothing


def in_no_activity(sources: Sources, places: Mapping[Image, Place]) -> dict[str, int]:
    """Count the photos in a part of a split itself, or in a folder of unlabelled ones beside it."""
    return dict(
        Counter(
            "/".join(folder.names)
            for image, folder in sources.photos.items()
            if not places[image].label
        )
    )
