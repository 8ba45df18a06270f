"""The frames of a clip, each with its label: as they come, or when the whole clip is known."""

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from itertools import zip_longest
from pathlib import Path

from tqdm import tqdm

from activity.common.errors import UserError
from activity.labelling.jobs import Job
from activity.labelling.prediction import classify_frames, predict_frames, read_ahead
from activity.labelling.settings import Settings
from activity.media.clip import VideoSource
from activity.media.live import LiveSource
from activity.media.photo import Framing
from activity.media.source import NO_PIXELS, Frame, VideoInfo
from activity.network.engine import Engine
from activity.temporal.prediction import Prediction
from activity.temporal.record import Record
from activity.temporal.smoothing import viterbi_predictions

Labelled = Generator[tuple[Frame, Prediction], None, None]


class LeftUnfinishedError(Exception):
    """The run ended early in the middle of a clip of which nothing is kept."""


def labelled_frames(
    job: Job,
    source: VideoSource | LiveSource,
    classify: Engine,
    record: Record,
    settings: Settings,
    interrupted: Callable[[], bool],
) -> Labelled:
    """Start on a clip's frames, each with what is known of it.

    Close the generator to end early: it stops its threads and releases the clip.

    Args:
        job: the clip. Where no labelled clip is to be written, frames come without pictures.
        source: the clip, opened.
        classify: an engine from RGB pixels to probabilities.
        record: filled with the raw predictions where something at the end needs them.
        settings: how the clip is labelled. Under ``viterbi`` all of it is classified before this
            returns, and read again.
        interrupted: tells whether to end early while it is classified.

    Raises:
        LeftUnfinishedError: ``interrupted`` said so.
        UserError: the disk is full; while frames are drawn from the generator, also that the
            clip cannot be read again.
    """
    if settings.smoothing == "viterbi":
        _classify_all(source, classify, record, Path(job.clip).name, interrupted, settings.framing)
        decided = viterbi_predictions(record, settings.size)
        return _read_again(job, source.info, decided) if job.output else _unread(decided)
    averaged = predict_frames(
        source,
        classify,
        size=settings.size,
        stride=settings.stride,
        keep_pixels=job.output is not None,
        framing=settings.framing,
    )
    return _recorded(averaged, record) if job.timeline or job.truth else averaged


def _classify_all(
    source: VideoSource | LiveSource,
    classify: Engine,
    record: Record,
    name: str,
    interrupted: Callable[[], bool],
    framing: Framing,
) -> None:
    """Classify a whole clip, before the first frame is drawn."""
    total = source.info.frame_count or None
    classified = classify_frames(
        source, classify, record.stride, keep_pixels=False, framing=framing
    )
    with closing(classified) as frames:
        for frame, raw in tqdm(frames, f"classifying {name}", total, disable=None):
            record.add(frame.seconds, raw)
            if interrupted():
                raise LeftUnfinishedError


def _recorded(averaged: Labelled, record: Record) -> Labelled:
    with closing(averaged):
        for frame, prediction in averaged:
            record.add(prediction.time, prediction.raw)
            yield frame, prediction


def _unread(decided: Iterable[Prediction]) -> Labelled:
    for prediction in decided:
        yield Frame(NO_PIXELS, prediction.time), prediction


def _read_again(job: Job, info: VideoInfo, decided: Iterable[Prediction]) -> Labelled:
    """Read a clip a second time, to draw on its frames what was decided."""
    with closing(VideoSource(Path(job.clip))) as source:
        if (source.info.width, source.info.height) != (info.width, info.height):
            raise UserError(f"{job.clip} was changed while it was labelled: label it again")
        with closing(read_ahead(source)) as frames:
            for frame, prediction in zip_longest(frames, decided):
                if frame is None or prediction is None:
                    print(
                        f"[INFO] {job.clip} had another number of frames when it was read again: "
                        "labelled are those that were there both times"
                    )
                    return
                yield frame, prediction
