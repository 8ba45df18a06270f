"""The frames of a clip, each with its label: as they come, or when the whole clip is known."""

from collections.abc import Callable
from contextlib import closing
from itertools import zip_longest
from pathlib import Path

from tqdm import tqdm

from activity.common.errors import UserError
from activity.common.interruption import LeftUnfinishedError
from activity.labelling.jobs import Job
from activity.labelling.prediction import classify_frames, read_ahead
from activity.labelling.settings import Settings
from activity.labelling.stretches import Joined
from activity.media.clip import VideoSource
from activity.media.source import Source, VideoInfo
from activity.network.classifier import OpenClassifier
from activity.temporal.record import Record
from activity.temporal.smoothing import Classified, Labelled


def labelled_frames(
    job: Job,
    source: Source,
    classifier: OpenClassifier,
    record: Record,
    settings: Settings,
    interrupted: Callable[[], bool],
    joined: Joined | None = None,
) -> Labelled:
    """Start on a clip's frames, each with what is known of it.

    Close the generator to end early: it stops its threads and releases the clip.

    Args:
        job: the clip. Where nothing is to be written that shows them, frames come without pixels.
        source: the clip, opened.
        classifier: what classifies its frames.
        record: filled with the raw predictions where something at the end needs them.
        settings: how the clip is labelled. A smoothing that needs the whole clip has all of it
            classified before this returns; it is then read again to be drawn on.
        interrupted: tells whether to end early while it is classified.
        joined: its predictions, where they were made before.

    Raises:
        LeftUnfinishedError: ``interrupted`` said so.
        UserError: the disk is full; while frames are drawn from the generator, also that the
            clip cannot be read again.
    """
    smoothing = settings.smoothing
    read_twice = smoothing.needs_whole_clip
    keep_pixels = job.needs_pixels and not read_twice
    if joined is not None:
        classified = joined.classified(job.name, source, keep_pixels=keep_pixels)
    else:
        classified = classify_frames(source, classifier, settings.stride, keep_pixels=keep_pixels)
    if read_twice:
        classified = _counted(classified, job, source.info, interrupted)
    elif job.outputs.timeline or job.truth or job.outputs.review:
        classified = _recorded(classified, record)
    labelled = smoothing.label(classified, record)
    return _read_again(job, source.info, labelled) if read_twice and job.needs_pixels else labelled


def _counted(
    classified: Classified, job: Job, info: VideoInfo, interrupted: Callable[[], bool]
) -> Classified:
    """Show how far a clip is classified, and end early when asked to."""
    name, total = Path(job.name).name, info.frame_count or None
    with closing(classified):
        for frame in tqdm(classified, f"classifying {name}", total, disable=None):
            yield frame
            if interrupted():
                raise LeftUnfinishedError


def _recorded(classified: Classified, record: Record) -> Classified:
    with closing(classified):
        for frame, raw in classified:
            record.add(frame.seconds, raw)
            yield frame, raw


def _read_again(job: Job, info: VideoInfo, labelled: Labelled) -> Labelled:
    """Read a clip a second time, to draw the labels on its frames."""
    with closing(VideoSource(Path(job.clip), as_pixels=job.writes_pixels)) as source:
        if (source.info.width, source.info.height) != (info.width, info.height):
            raise UserError(f"{job.name} was changed while it was labelled: label it again")
        with closing(read_ahead(source)) as frames:
            for frame, made in zip_longest(frames, labelled):
                if frame is None or made is None:
                    print(
                        f"[INFO] {job.name} had a different number of frames when it was read "
                        "again: only frames that were there both times are labelled"
                    )
                    return
                _, prediction = made
                yield frame, prediction
