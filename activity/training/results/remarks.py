"""Remarks on the photos and clips of a training run, in plain words, one a line."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from activity.common.errors import printable, shortened
from activity.common.nearest import nearest
from activity.media.images import Image
from activity.media.photo import why_unreadable
from activity.temporal.segments import UNKNOWN
from activity.training.data.dataset import ALL_LABELS, DEFAULT_LABELS, Found
from activity.training.data.labelled import FEWEST_PHOTOS, ImageSets, Outliers

_MOST_LINES = 12

_UNEVEN = 5
"""An activity is rare beside one with more than so many times its images. At three times as many,
weights make up for it, at ten no longer (docs/recipe.md)."""


def remarks_on_found(wanted: Sequence[str] | None, found: Found) -> list[str]:
    """Say which labels are learned, from how many photos and clips, and what is left out."""
    labels = found.all_labels()
    asked_for = {*(DEFAULT_LABELS if wanted is None else wanted)} - {ALL_LABELS, UNKNOWN}
    if wanted is None and len({*labels} & asked_for) < 2:
        names = ", ".join(DEFAULT_LABELS)
        remarks = [f"fewer than two of {names} were found: taking all activities"]
    else:
        missing = sorted(asked_for - {*labels})
        remarks = [f"no photos of {printable(label)}: continuing without it" for label in missing]
    remarks += [f"learning {len(labels)} activities:", *_activities(found, labels)]
    for folder, inside in found.gave_nothing.items():
        remarks.append(f"nothing to learn from in {printable(folder)}: {printable(inside)}")
    for folder, count in found.in_no_activity.items():
        remarks.append(
            f"left out: {count} photos in {printable(folder)}/ itself, which belong to no activity "
            "and cannot be scored"
        )
    for link in found.not_followed:
        remarks.append(f"link not followed, because its target is read already: {printable(link)}")
    regions = Counter(clip.image.region.name for clip in found.clips if clip.image.region)
    if regions:
        named = [f"{name} (of {count} clips)" for name, count in regions.items()]
        remarks.append(f"regions that tables are about: {_names(named)}")
    if found.without_table:
        remarks.append(f"regions that no table is about: {_names(found.without_table)}")
    if found.left_out:
        kinds = ", ".join(f"{count} {printable(kind)}" for kind, count in found.left_out.items())
        remarks.append(f"left out (neither photos nor clips): {kinds}")
    return remarks


def _activities(found: Found, labels: Sequence[str]) -> Iterator[str]:
    """Count the photos and clips of each label, and name their folders."""
    shown = [(photo.image, "photos", {photo.label}) for photo in found.photos]
    for clip in found.clips:
        labels_of_clip = {segment.label for segment in clip.segments} & {*labels}
        kind = "regions of clips" if clip.image.region else "clips"
        shown.append((clip.image, kind, labels_of_clip))
    several = len({image.folder for image, _, _ in shown}) > 1
    counts = {label: Counter[str]() for label in labels}
    places = {label: Counter[str]() for label in labels}
    for image, kind, some in shown:
        place = PurePosixPath(image.path).parent
        in_full = several or not place.name
        for label in some:
            counts[label][kind] += 1
            places[label][image.file.parent.as_posix() if in_full else place.as_posix()] += 1
    for label in labels:
        there = " and ".join(f"{count} {kind}" for kind, count in counts[label].items())
        where = _names([place for place, _ in places[label].most_common()], most=3)
        yield f"  {printable(label)}: {there or '0 photos'} in {where}"


def _names(names: Sequence[str], most: int = 12) -> str:
    return printable(shortened(names, most))


def remarks_on_sets(found: Found, sets: ImageSets) -> list[str]:
    """Say what is wrong with clips and their tables, what there is to learn, what to test with."""
    return [
        *_remarks_on_clips(found, sets),
        *_remarks_on_two_labels(sets.labels),
        *_remarks_on_kept_split(found),
        *_remarks_on_split(found, sets),
        *_remarks_on_training(sets),
        *_remarks_on_outliers(sets.outliers),
    ]


def _remarks_on_clips(found: Found, sets: ImageSets) -> Iterator[str]:
    if skipped := {**found.skipped, **sets.frames.skipped}:
        yield f"skipped {len(skipped)} clips or tables:"
        yield from (f"  {printable(clip)}: {printable(why)}" for clip, why in skipped.items())
    for clip in sets.frames.too_long:
        yield f"the table of {printable(clip)} extends beyond the end of the clip"
    if names := sets.frames.without_frames:
        yield (
            "no frames to learn from (no segment with a label, or very short ones only): "
            + _names(names)
        )
    for clip in found.changed:
        changed = "has changed since its table was written: see whether the times still hold"
        yield f"{printable(clip)} {changed}"
    if names := found.in_tables_only:
        folders = {photo.label for photo in found.photos}
        named = [
            f"{name} ({near.removeprefix('; ')})" if (near := nearest(name, folders)) else name
            for name in names
        ]
        yield f"labels that are in tables of segments, but no folder has: {_names(named)}"
    if names := found.not_wanted:
        yield f"segments left out, because their labels were not asked for: {_names(names)}"


def _remarks_on_two_labels(labels: Mapping[Image, str]) -> Iterator[str]:
    if conflicts := under_two_labels(labels):
        yield f"{len(conflicts)} photos or clips are there under two labels, of which one is wrong:"
    for files in conflicts[:_MOST_LINES]:
        named = (f"{printable(path)} ({printable(label)})" for path, label in files.items())
        yield f"  {', '.join(named)}"
    if len(conflicts) > _MOST_LINES:
        yield f"  and {len(conflicts) - _MOST_LINES} more"


def under_two_labels(labels: Mapping[Image, str]) -> list[dict[str, str]]:
    """Find photos and clips that occur, byte for byte, under more than one label.

    Args:
        labels: labels of each image; images without a digest are left out.

    Returns:
        For each such content, its files' paths with their labels, in the order of paths.
    """
    groups: dict[str, dict[str, str]] = {}
    for image in sorted(labels, key=lambda image: (image.name, image.seconds or 0)):
        if image.digest:
            groups.setdefault(image.digest, {})[image.name] = labels[image]
    # All frames of a clip lead to the same files: these are named once.
    conflicts = {tuple(files): files for files in groups.values() if len({*files.values()}) > 1}
    return list(conflicts.values())


def _remarks_on_kept_split(found: Found) -> Iterator[str]:
    parts = {(photo.dataset, photo.part) for photo in found.photos}
    parts |= {(clip.dataset, clip.part) for clip in found.clips}
    have_test = {dataset for dataset, part in parts if part == "test"}
    validation = {dataset for dataset, part in parts if part == "validation"}
    uses = {
        "its test part is used for testing": have_test,
        "its validation part is used for testing": validation - have_test,
        "its validation part is used for training": validation & have_test,
    }
    if said := [use for use, datasets in uses.items() if datasets]:
        yield f"the existing split is kept: {', and '.join(said)}"


def _remarks_on_split(found: Found, sets: ImageSets) -> Iterator[str]:
    reasons = _why_no_clip_is_tested(found, sets)
    said: defaultdict[str, list[str]] = defaultdict(list)
    if sets.test:
        frames = any(image.seconds is not None for image in [*sets.training, *sets.test])
        tested = _counted(sets.test) if frames else len(sets.test)
        yield f"{_counted(sets.training)} to train on, {tested} to test with"
        with_score = {sets.labels[image] for image in sets.test}
        without = {sets.labels[image] for image in sets.training} - with_score
        for label, why in reasons.items():
            if label in with_score:
                said[f"{why}, so that the score is of photos alone"].append(label)
        for label in sorted(without):
            why = reasons.get(label, _TOO_FEW)
            if why in (_TOO_FEW, _NONE_IN_PART):
                why = "too few photos or clips to split, or none in the part to test with"
            said[f"{why}, so that there is no score"].append(label)
    else:
        yield (
            f"{_counted(sets.training)} to train on, and nothing to test with: there is no score, "
            "and --unknown, which needs test images, will not work with this model"
        )
        for label, why in reasons.items():
            if why.startswith(_CORRECTED):
                said[_CORRECTED].append(label)
    yield from (f"{why}: {_names(labels)}" for why, labels in said.items())


_CORRECTED = (
    "clips whose tables correct their folders, or that lie outside the data sets, are all learned "
    "from"
)
_NONE_IN_PART = "no clips in the part to test with"
_TOO_FEW = "too few clips to split"
_TIED = "the clips belong together, or with photos, or show a label of too few clips, too"


def _why_no_clip_is_tested(found: Found, sets: ImageSets) -> dict[str, str]:
    """Give the reason for each label that clips to learn from show, and none to test with."""
    tested = {sets.labels[image] for image in sets.test if image.seconds is not None}
    clips: defaultdict[str, set[str]] = defaultdict(set)
    for image in sets.training:
        if image.seconds is not None and sets.labels[image] not in tested:
            clips[sets.labels[image]].add(image.path)
    parts = {clip.image.path: clip.part for clip in found.clips if clip.part}
    reasons = {}
    for label, paths in sorted(clips.items()):
        if paths & {*found.corrected}:
            others = paths - {*found.corrected}
            more = ", and too few others are left to split" if others else ""
            reasons[label] = f"{_CORRECTED}{more}"
        elif all(parts.get(path) for path in paths):
            reasons[label] = _NONE_IN_PART
        else:
            reasons[label] = _TOO_FEW if len(paths) < FEWEST_PHOTOS else _TIED
    return reasons


def _remarks_on_training(sets: ImageSets) -> Iterator[str]:
    """Name rare activities, and say how much of which labels is learned from clips.

    An activity suffers where another has many times as many images. A frame stands for the seconds
    to the next one.
    """
    counts = Counter(sets.labels[image] for image in sets.training)
    common, most = max(counts.items(), key=lambda item: item[1], default=("", 0))
    rare = sorted((count, label) for label, count in counts.items() if count * _UNEVEN < most)
    if rare:
        names = _names([f"{label} ({count})" for count, label in rare])
        yield (
            f"rare beside {printable(common)} ({most} images to learn from), and so recognised "
            f"less often, although each image of them counts more: {names}; add photos of them"
        )
    seconds: defaultdict[str, float] = defaultdict(float)
    for image in [*sets.training, *sets.outliers.frames]:
        if image.seconds is not None:
            seconds[sets.labels[image]] += sets.frames.seconds[image]
    learned = [f"{round(seconds[label], 1):g} s of {printable(label)}" for label in sorted(seconds)]
    if learned:
        yield f"learned from clips: {', '.join(learned)}"


def _remarks_on_outliers(outliers: Outliers) -> Iterator[str]:
    """Say what is learned as none of the activities, and what ``--unknown`` is evaluated with."""
    if outliers.known:
        yield (
            "photos in other folders that are also photos of an activity, and are not used as "
            f"outliers: {outliers.known}"
        )
    if outliers.learned:
        names = _names(outliers.labels, most=5)
        where = f" (photos of {names}; --outliers 0 leaves them out)" if outliers.photos else ""
        yield f"learned as none of the activities: {_counted(outliers.learned)}{where}"
    if outliers.unseen:
        names = _names(outliers.unseen_labels, most=5)
        yield f"set aside to evaluate --unknown: {len(outliers.unseen)} photos of {names}"
    elif outliers.photos:
        yield "no other folder is left to evaluate --unknown with: that needs at least two"


def remarks_on_unreadable(images: Sequence[Image]) -> list[str]:
    """Name the photos that cannot be read, and the clips of which some frames cannot."""
    photos = {image.path: image.file for image in images if image.seconds is None}
    frames = Counter(image.path for image in images if image.seconds is not None)
    remarks = []
    if photos:
        remarks.append(f"skipped {len(photos)} photos that cannot be read:")
        for photo, file in photos.items():
            why = why_unreadable(file)
            remarks.append(f"  {printable(photo)}: {why}" if why else f"  {printable(photo)}")
    if frames:
        remarks.append(f"skipped {frames.total()} frames that cannot be read:")
        remarks += [f"  {count} of {printable(clip)}" for clip, count in frames.items()]
    return remarks


def _counted(images: Sequence[Image]) -> str:
    clips = {image.path for image in images if image.seconds is not None}
    frames = sum(image.seconds is not None for image in images)
    photos = len(images) - frames
    counts = [f"{photos} photos"] if photos or not frames else []
    if frames:
        counts.append(f"{frames} frames of {len(clips)} clips")
    return " and ".join(counts)


def remark_on_model(model: Path) -> str:
    """Say how a program of one's own opens the model: Keras goes by the ending of its name."""
    name, copy = printable(str(model)), printable(str(model.with_suffix(".keras")))
    if model.suffix in (".keras", ".h5", ".hdf5"):
        opened = f'keras.models.load_model("{name}")'
    else:
        opened = f'keras.models.load_model("{copy}"), a copy of {name}'
    return (
        f"in a program of your own: {opened}; RGB pixels 0..255, subtract nothing "
        "(docs/own_program.md)"
    )
