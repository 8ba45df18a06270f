"""What a training run has to say of its photos and clips, in plain words; each remark is a line."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from activity.common.errors import printable
from activity.media.images import Image
from activity.training.dataset import ALL_LABELS, DEFAULT_LABELS, Found, shortened
from activity.training.evaluation import Evaluation, share
from activity.training.image_sets import ImageSets
from activity.training.labelled_clips import SampledFrames

if TYPE_CHECKING:
    from activity.training.leakage import Leakage  # imports Keras, which takes seconds


def remarks_on_found(wanted: Sequence[str] | None, found: Found) -> list[str]:
    """Say which labels are taken where that is not plain, and which files are not."""
    labels = set(found.all_labels())
    remarks = []
    if wanted is None and not labels & set(DEFAULT_LABELS):
        taken = printable(shortened(sorted(labels)))
        defaults = ", ".join(DEFAULT_LABELS)
        remarks.append(f"none of {defaults} is there: taking all there is, {taken}")
    for label in sorted(set(DEFAULT_LABELS if wanted is None else wanted) - {ALL_LABELS, *labels}):
        if wanted is not None or labels & set(DEFAULT_LABELS):
            remarks.append(f"no photos of {printable(label)}: going on without")
    if found.left_out:
        kinds = ", ".join(f"{count} {printable(kind)}" for kind, count in found.left_out.items())
        remarks.append(f"left out, as files of other kinds: {kinds}")
    return remarks


def remarks_on_sets(found: Found, sets: ImageSets) -> list[str]:
    """Say what is wrong with clips and their tables, what there is to learn, what to test with."""
    return [
        *_remarks_on_clips({**found.skipped, **sets.frames.skipped}, sets.frames),
        *_remarks_on_tables(found),
        *_remarks_on_split(sets),
    ]


def _remarks_on_clips(skipped: Mapping[str, str], frames: SampledFrames) -> list[str]:
    remarks = []
    if skipped:
        remarks.append(f"skipped {len(skipped)} clips:")
        remarks += [f"  {printable(clip)}: {printable(why)}" for clip, why in skipped.items()]
    for clip in frames.too_long:
        remarks.append(f"the table of {printable(clip)} goes on beyond the end of the clip")
    if frames.without_frames:
        names = printable(shortened(frames.without_frames))
        remarks.append(
            "no frame to learn from, as nothing of it has a label, or too short a stretch of it: "
            f"{names}"
        )
    return remarks


def _remarks_on_tables(found: Found) -> list[str]:
    remarks = []
    if found.in_tables_only:
        names = printable(shortened(found.in_tables_only))
        remarks.append(f"labels that only tables of segments name, and no folder: {names}")
    if found.not_wanted:
        names = printable(shortened(found.not_wanted))
        remarks.append(f"left out, as segments of labels that were not asked for: {names}")
    return remarks


def _remarks_on_split(sets: ImageSets) -> list[str]:
    if not sets.test:
        return [
            f"{_counted(sets.training)} to train on, and nothing to test with: there is no score, "
            "and --unknown, which goes by it, will not work with this model"
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
        remarks.append(f"too few photos or clips to split, so that there is no score: {names}")
    return remarks


def remarks_on_unreadable(images: Sequence[Image]) -> list[str]:
    """Name the photos that cannot be read, and the clips of which some frames cannot."""
    photos = [image.path for image in images if image.seconds is None]
    frames = Counter(image.path for image in images if image.seconds is not None)
    remarks = []
    if photos:
        remarks.append(f"skipped {len(photos)} photos that cannot be read:")
        remarks += [f"  {printable(photo)}" for photo in photos]
    if frames:
        remarks.append(f"skipped {frames.total()} frames that cannot be read:")
        remarks += [f"  {count} of {printable(clip)}" for clip, count in frames.items()]
    return remarks


def remarks_on_score(evaluation: Evaluation, leakage: "Leakage") -> list[str]:
    """Give the scores on photos and on frames apart, and without what was as good as trained on."""
    remarks = []
    is_frame, right = evaluation.is_frame, evaluation.right
    if is_frame.any():
        clips = len({image.path for image in evaluation.images if image.seconds is not None})
        of_frames = f"{share(right[is_frame]):.1%} of {is_frame.sum()} frames of {clips} clips"
        of_photos = f"{share(right[~is_frame]):.1%} of {(~is_frame).sum()} photos; "
        remarks.append(f"right: {'' if is_frame.all() else of_photos}{of_frames}")
    copies = sum(len(group.test) for group in leakage.identical)
    if copies:
        remarks.append(
            f"{copies} photos of the test set are byte-identical to training photos: "
            f"the score is up to {copies / len(right):.1%} too kind"
        )
    near = leakage.near_copies
    if near is None:
        remarks.append("too many images to look for near copies among them")
    elif near:
        is_new = np.array([image not in near for image in evaluation.images], bool)
        others = f"{share(right[is_new]):.1%} are right" if is_new.any() else "none are left"
        remarks.append(
            f"{(~is_new).sum()} test images show nearly the same picture as a training image; "
            f"without them, {others}"
        )
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
