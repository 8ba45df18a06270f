"""What in a data set nothing is learned from: files of other kinds, folders without photos."""

from collections import Counter
from collections.abc import Collection, Mapping

from activity.common.errors import shortened
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
    """Count the photos in a part of a split itself, in a folder of unlabelled ones, or in none."""
    counts = Counter(
        "/".join(folder.names)
        for image, folder in sources.photos.items()
        if not places[image].label
    )
    return dict(sources.beside + counts)


def in_a_clause(
    sources: Sources, told: ToldByTables, places: Mapping[Image, Place], skipped: Mapping[str, str]
) -> str:
    """Say, at the end of an error, what nothing is learned from, where it lies, and why.

    Args:
        sources, told, places: what the data sets hold, and what folders and tables say of it.
        skipped: clips and tables of which nothing can be learned, with the reason.

    Returns:
        A clause for each reason, each behind a semicolon; empty where there is none.
    """
    clauses = [f"{clip}: {why}" for clip, why in list(skipped.items())[:1]]
    if len(skipped) > 1:
        clauses.append(f"and {len(skipped) - 1} more clips or tables are flawed or say nothing")
    nothing = gave_nothing(sources, told, sources.folders)
    if nothing:
        inside = [f"{folder} ({kinds})" for folder, kinds in nothing.items()]
        clauses.append(f"nothing to learn from in {shortened(inside, most=5)}")
    if kinds := left_out(sources, told, None):
        counts = [f"{count} {suffix}" for suffix, count in kinds.items()]
        clauses.append(f"left out (neither photos nor clips): {shortened(counts, most=5)}")
    clauses += [
        f"left out: {count} photos in {folder}/ itself, which belong to no activity"
        for folder, count in list(in_no_activity(sources, places).items())[:3]
    ]
    return "".join(f"; {clause}" for clause in clauses)
