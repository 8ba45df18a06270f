"""What a training run has to say of its photos and clips, in plain words; each remark is a line."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from activity.common.errors import printable, shortened
from activity.common.nearest import nearest
from activity.media.images import Image
from activity.media.photo import why_unreadable
from activity.temporal.segments import UNKNOWN
from activity.training.dataset import ALL_LABELS, DEFAULT_LABELS, Found
from activity.training.image_sets import ImageSets, under_two_labels
from activity.training.labelled_clips import SampledFrames
from activity.training.outliers import Outliers

_MOST_LINES = 12


def remarks_on_found(wanted: Sequence[str] | None, found: Found) -> list[str]:
    """Say which labels are taken, from how many photos and clips, and which files are not."""
    labels = found.all_labels()
    remarks = []
    asked_for = {*(DEFAULT_LABELS if wanted is None else wanted)} - {ALL_LABELS, UNKNOWN}
    if wanted is None and len({*labels} & asked_for) < 2:
        names = ", ".join(DEFAULT_LABELS)
        remarks.append(f"fewer than two of {names} were found: taking all activities")
    else:
        remarks += [
            f"no photos of {printable(label)}: continuing without it"
            for label in sorted(asked_for - {*labels})
        ]
    remarks.append(f"learning {len(labels)} activities:")
    remarks += _activities(found, labels)
    for folder, inside in found.gave_nothing.items():
        remarks.append(f"nothing to learn from in {printable(folder)}: {printable(inside)}")
    for folder, count in found.in_no_activity.items():
        remarks.append(
            f"left out: {count} photos in {printable(folder)}/ itself, which belong to no activity "
            "and cannot be scored"
        )
    for link in found.not_followed:
        remarks.append(f"link not followed, because its target is read already: {printable(link)}")
    if found.left_out:
        kinds = ", ".join(f"{count} {printable(kind)}" for kind, count in found.left_out.items())
        remarks.append(f"left out (neither photos nor clips): {kinds}")
    return remarks


def _activities(found: Found, labels: Sequence[str]) -> list[str]:
    """Say of each label how many photos and clips there are, and in which folders."""
    photos = Counter(photo.label for photo in found.photos)
    clips: Counter[str] = Counter()
    places: dict[str, Counter[str]] = {label: Counter() for label in labels}
    folders = {photo.image.folder for photo in found.photos} | {clip.folder for clip in found.clips}

    def place_of(image: Image) -> str:
        folder = PurePosixPath(image.path).parent
        beside = len(folders) > 1 or not folder.name
        return image.file.parent.as_posix() if beside else folder.as_posix()

    for photo in found.photos:
        places[photo.label][place_of(photo.image)] += 1
    for clip in found.clips:
        for label in {segment.label for segment in clip.segments} & {*labels}:
            clips[label] += 1
            places[label][place_of(Image(clip.path, None, clip.folder))] += 1
    lines = []
    for label in labels:
        counts = [f"{photos[label]} photos"] if photos[label] or not clips[label] else []
        if clips[label]:
            counts.append(f"{clips[label]} clips")
        where = shortened([printable(place) for place, _ in places[label].most_common()], most=3)
        lines.append(f"  {printable(label)}: {' and '.join(counts)} in {where}")
    return lines


def remarks_on_sets(found: Found, sets: ImageSets) -> list[str]:
    """Say what is wrong with clips and their tables, what there is to learn, what to test with."""
    return [
        *_remarks_on_clips({**found.skipped, **sets.frames.skipped}, sets.frames),
        *_remarks_on_tables(found),
        *_remarks_on_two_labels(sets),
        *_remarks_on_kept_split(found),
        *_remarks_on_split(sets),
        *_remarks_on_seconds(sets),
        *_remarks_on_outliers(sets.outliers),
    ]


def _remarks_on_clips(skipped: Mapping[str, str], frames: SampledFrames) -> list[str]:
    remarks = []
    if skipped:
        remarks.append(f"skipped {len(skipped)} clips or tables:")
        remarks += [f"  {printable(clip)}: {printable(why)}" for clip, why in skipped.items()]
    for clip in frames.too_long:
        remarks.append(f"the table of {printable(clip)} extends beyond the end of the clip")
    if frames.without_frames:
        names = printable(shortened(frames.without_frames))
        remarks.append(
            f"no frames to learn from (no segment with a label, or very short ones only): {names}"
        )
    return remarks


def _remarks_on_tables(found: Found) -> list[str]:
    remarks = [
        f"{printable(clip)} has changed since its table was written: see whether the times still "
        "hold"
        for clip in found.changed
    ]
    if found.in_tables_only:
        folders = {photo.label for photo in [*found.photos, *found.others]}
        named = [
            f"{label} ({near.removeprefix('; ')})" if (near := nearest(label, folders)) else label
            for label in found.in_tables_only
        ]
        names = printable(shortened(named))
        remarks.append(f"labels that are in tables of segments, but no folder has: {names}")
    if found.not_wanted:
        names = printable(shortened(found.not_wanted))
        remarks.append(f"segments left out, because their labels were not asked for: {names}")
    return remarks


def _remarks_on_two_labels(sets: ImageSets) -> list[str]:
    conflicts = under_two_labels(sets.labels)
    if not conflicts:
        return []
    remarks = [
        f"{len(conflicts)} photos or clips are there under two labels, of which one is wrong:"
    ]
    for files in conflicts[:_MOST_LINES]:
        named = (f"{printable(path)} ({printable(label)})" for path, label in files.items())
        remarks.append(f"  {', '.join(named)}")
    if len(conflicts) > _MOST_LINES:
        remarks.append(f"  and {len(conflicts) - _MOST_LINES} more")
    return remarks


def _remarks_on_seconds(sets: ImageSets) -> list[str]:
    """Say how much of which labels is learned from clips; a frame stands for its stretch."""
    stands_for = dict(zip(sets.frames.images, sets.frames.seconds, strict=True))
    learned: defaultdict[str, float] = defaultdict(float)
    for image in [*sets.training, *sets.outliers.marked]:
        if image.seconds is not None:
            label = sets.labels[image]
            learned[label] += stands_for[image._replace(digest="")]
    seconds = (
        f"{round(total, 1):g} s of {printable(label)}" for label, total in sorted(learned.items())
    )
    return [f"learned from clips: {', '.join(seconds)}"] if learned else []


def _remarks_on_outliers(outliers: Outliers) -> list[str]:
    """Say what is learned as none of the activities, and what ``--unknown`` is judged by."""
    remarks = []
    if outliers.known:
        remarks.append(
            "photos in other folders that are also photos of an activity, and are not used as "
            f"outliers: {outliers.known}"
        )
    if outliers.learned:
        names = printable(shortened(outliers.labels, most=5))
        where = f" (photos of {names}; --outliers 0 leaves them out)" if outliers.photos else ""
        remarks.append(f"learned as none of the activities: {_counted(outliers.learned)}{where}")
    if outliers.unseen:
        names = printable(shortened(outliers.unseen_labels, most=5))
        count = len(outliers.unseen)
        remarks.append(f"set aside to evaluate --unknown: {count} photos of {names}")
    elif outliers.photos:
        remarks.append(
            "no other folder is left to evaluate --unknown with: that needs at least two"
        )
    return remarks


def _remarks_on_kept_split(found: Found) -> list[str]:
    parts = {(photo.dataset, photo.part) for photo in found.photos}
    parts |= {(clip.dataset, clip.part) for clip in found.clips}
    have_test = {dataset for dataset, part in parts if part == "test"}
    validation = {dataset for dataset, part in parts if part == "validation"}
    uses = []
    if have_test:
        uses.append("its test part is used for testing")
    if validation - have_test:
        uses.append("its validation part is used for testing")
    if validation & have_test:
        uses.append("its validation part is used for training")
    return [f"the existing split is kept: {', and '.join(uses)}"] if uses else []


def _remarks_on_split(sets: ImageSets) -> list[str]:
    if not sets.test:
        return [
            f"{_counted(sets.training)} to train on, and nothing to test with: there is no score, "
            "and --unknown, which needs test images, will not work with this model"
        ]
    frames = any(image.seconds is not None for image in [*sets.training, *sets.test])
    tested = _counted(sets.test) if frames else len(sets.test)
    remarks = [f"{_counted(sets.training)} to train on, {tested} to test with"]
    clips = {sets.labels[image] for image in sets.training if image.seconds is not None}
    clips_tested = {sets.labels[image] for image in sets.test if image.seconds is not None}
    photos_tested = {sets.labels[image] for image in sets.test if image.seconds is None}
    if photos_alone := sorted((clips - clips_tested) & photos_tested):
        names = printable(shortened(photos_alone))
        remarks.append(f"too few clips to split, so that the score is of photos alone: {names}")
    learned = {sets.labels[image] for image in sets.training}
    if untested := sorted(learned - clips_tested - photos_tested):
        names = printable(shortened(untested))
        remarks.append(
            "too few photos or clips to split, or none in the part to test with, so that there is "
            f"no score: {names}"
        )
    return remarks


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
