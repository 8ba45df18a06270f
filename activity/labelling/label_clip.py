"""Label clips: classify, smooth, draw, and write the results."""

import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from heapq import merge
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.common.errors import UserError, as_user_error
from activity.common.interruption import LeftUnfinishedError
from activity.common.regular_file import hash_file
from activity.common.stores import clip_location, is_stored, local_copy
from activity.labelling.jobs import Job, Settings, of_one_clip
from activity.labelling.overlay import LONGEST_TITLE, Place, overlay, whole_frame
from activity.labelling.prediction import Classified, classify_frames, parts_of, read_ahead
from activity.labelling.preview import Show, show_nothing
from activity.labelling.results import LabelledPart, OpenedClip, Outcome, write_results
from activity.labelling.review.data_files import copy_file, needs_copy, open_copy, page_and_name
from activity.labelling.styled_labels import label_subtitles, subtitle_header
from activity.media.clip import open_clip
from activity.media.frame import Frame
from activity.media.live import LiveSource, Source, path_of
from activity.media.remux import copy_with_subtitles
from activity.media.sink import open_sink
from activity.network.classifier import OpenClassifier
from activity.temporal.predictions import GatheredPredictions, Predictions, gather_predictions
from activity.temporal.smoothing import RollingAverage, Smoothing

Outcomes = Generator[tuple[Job, Outcome | UserError | None], None, None]
"""Each job, as it is done, with what became of the clip: None if it was left unfinished, a
UserError where it failed."""


PartLabels = Sequence[tuple[NDArray[np.float64], int]]
"""Of each part of a frame, its smoothed probabilities, shape (labels,), and the number of its
label."""

Labelled = Generator[tuple[Frame, PartLabels], None, None]
"""The frames of a clip in order, each with the labels of its parts."""


def label_one_by_one(
    jobs: Sequence[Job],
    classifier: OpenClassifier,
    settings: Settings,
    show: Show,
    interrupted: Callable[[], bool],
) -> Outcomes:
    """Label clips one after the other, on this machine; the others go on where one fails.

    The arguments are those of ``label_clip``.

    Yields:
        Each job with its outcome: None where the run ended early and nothing of the clip is kept, a
        UserError where it failed.
    """
    for regions in of_one_clip(jobs):
        outcomes: Sequence[Outcome | UserError | None]
        try:
            outcomes = label_clip(regions, classifier, settings, show=show, interrupted=interrupted)
        except LeftUnfinishedError:
            outcomes = [None] * len(regions)
        except UserError as error:
            outcomes = [error] * len(regions)
        yield from zip(regions, outcomes, strict=True)
        if interrupted():
            return


def label_clip(
    jobs: Sequence[Job],
    classifier: OpenClassifier,
    settings: Settings,
    *,
    show: Show = show_nothing,
    interrupted: Callable[[], bool] = lambda: False,
    source_name: str | None = None,
    predictions: Sequence[Predictions] | None = None,
) -> list[Outcome]:
    """Classify every frame of a clip, smooth, and write what its jobs ask for.

    Args:
        jobs: the clip, and what to write for it; or for each of its regions.
        classifier: classifies its frames.
        settings: how to label it.
        show: shows a drawn frame, and returns True to end early. By default, shows nothing.
        interrupted: asked at each frame; return True to end early. By default, never.
        source_name: the clip's name in the results, where it is not the one in the jobs.
        predictions: of the clip or of each region, where they were made before.

    Returns:
        The outcome of each job.

    Raises:
        LeftUnfinishedError: the run ended early, and no frame is drawn yet or the jobs are kept
            only when they are finished.
        UserError: the clip cannot be read, it lacks a region, or something cannot be written.
    """
    first, smoothing, saved = jobs[0], settings.smoothing, classifier.saved
    with ExitStack() as stack:
        clip = stack.enter_context(_opened(jobs, source_name or first.name, interrupted))
        source = clip.source
        draw = partial(_draw, clip, saved.labels, settings, show, interrupted)
        needs_pixels = first.draws or clip.copy is not None
        at_once = needs_pixels and not (predictions or smoothing.needs_whole_clip)
        known = predictions
        if known is None:
            files = [path for path in first.outputs.paths if not is_stored(path)]
            folder = files[0].parent if files else Path(tempfile.gettempdir())
            gathered = [
                stack.enter_context(gather_predictions(folder, saved.labels, settings.stride))
                for _ in jobs
            ]
            classified = classify_frames(
                source, classifier, settings.stride, clip.parts, keep_pixels=at_once
            )
            frames = _gathering(classified, gathered)
            if at_once:
                draw(_labelled_as_they_come(frames, saved.labels, settings))
            else:
                _classify(clip, frames, settings, interrupted)
            known = [one.predictions(source.end_of) for one in gathered]
        parts = [
            LabelledPart(job, place, one, smoothing.numbers(one))
            for job, place, one in zip(jobs, clip.places, known, strict=True)
        ]
        drawn = known[0].frames
        if needs_pixels and not at_once:
            drawn = draw(_labelled_again(clip, parts, smoothing, made_here=predictions is None))
        if source.damaged:
            print(
                f"[INFO] {first.name} is damaged: packets that cannot be decoded: {source.damaged}"
            )
        if source.corrupt:
            print(
                f"[INFO] {first.name} is damaged: frames that the decoder calls corrupt, and that "
                f"are labelled all the same: {source.corrupt}"
            )
        if first.outputs.video and first.copies_streams:
            shown = [part.first(drawn) for part in parts]
            _copy_with_labels(clip, first.outputs.video, shown, smoothing)
        return write_results(clip, parts, drawn, saved, settings)


@contextmanager
def _opened(
    jobs: Sequence[Job], name: str, interrupted: Callable[[], bool]
) -> Iterator[OpenedClip]:
    """Open a clip, and place the labels of its jobs in its frames; results call it ``name``."""
    job = jobs[0]
    with ExitStack() as stack:
        file = stack.enter_context(local_copy(path_of(job.clip), interrupted))
        if job.is_live:
            source: Source = LiveSource(job.clip, interrupted, as_pixels=job.writes_pixels)
        else:
            source = open_clip(file, as_pixels=job.writes_pixels)
        stack.enter_context(closing(source))
        parts = parts_of([one.region for one in jobs], source.info, job.name)
        whole = whole_frame((source.info.width, source.info.height))
        places = [
            Place(one.region.name[:LONGEST_TITLE], part.window, outlined=True)
            if one.region and part
            else whole
            for one, part in zip(jobs, parts, strict=True)
        ]
        # A clip is read once more: not where nobody asks for that, and before anything is written,
        # so that a run that is interrupted meanwhile keeps what was there.
        needs_digest = any(one.truth or one.outputs.review for one in jobs) and not job.is_live
        with as_user_error(job.name):
            digest = hash_file(file, interrupted) if needs_digest else ""
        copy = None
        if job.outputs.review:
            page, called = page_and_name(job.outputs.review)
            copy = copy_file(page, called) if needs_copy(clip_location(job.clip), page) else None
        yield OpenedClip(job, name, file, source, parts, places, digest, copy)


def _gathering(classified: Classified, gathered: Sequence[GatheredPredictions]) -> Classified:
    """Yield what is classified, and gather the predictions of each part on the way."""
    with closing(classified):
        for frame, raw in classified:
            for part, one in enumerate(gathered):
                one.add(frame.seconds, frame.duration, None if raw is None else raw[part])
            yield frame, raw


def _classify(
    clip: OpenedClip, frames: Classified, settings: Settings, interrupted: Callable[[], bool]
) -> None:
    """Classify a clip of which no frame is drawn yet.

    Raises:
        LeftUnfinishedError: the run ended early, and a beginning of the clip is of no use.
    """
    name, total = Path(clip.job.name).name, clip.source.info.frame_count or None
    with closing(frames):
        for _ in tqdm(frames, f"classifying {name}", total, disable=None):
            if interrupted():
                if settings.smoothing.needs_whole_clip or not clip.job.keep_unfinished:
                    raise LeftUnfinishedError
                return


def _labelled_as_they_come(
    frames: Classified, labels: Sequence[str], settings: Settings
) -> Labelled:
    """Average the predictions of a clip frame by frame."""
    size = max(1, settings.smoothing.size // settings.stride)
    averages: list[RollingAverage] = []
    labelled: PartLabels = []
    with closing(frames):
        for frame, raw in frames:
            if raw is not None:
                averages = averages or [RollingAverage(size) for _ in raw]
                rows = zip(averages, raw, strict=True)
                means = [average.push(row[: len(labels)]) for average, row in rows]
                labelled = [(mean, int(mean.argmax())) for mean in means]
            yield frame, labelled


def _labelled_again(
    clip: OpenedClip, parts: Sequence[LabelledPart], smoothing: Smoothing, *, made_here: bool
) -> Labelled:
    """Read a clip that is classified once more, to draw the labels on its frames."""
    name = clip.job.name
    changed = f"{name} was changed while it was labelled: label it again"
    of_parts = [
        zip(
            chain.from_iterable(smoothing.smoothed(part.predictions, part.numbers)),
            part.numbers.tolist(),
            strict=True,
        )
        for part in parts
    ]
    known = zip(parts[0].predictions.times, zip(*of_parts, strict=True), strict=True)
    with closing(open_clip(clip.file, as_pixels=clip.job.writes_pixels)) as source:
        if (source.info.width, source.info.height) != clip.size:
            raise UserError(changed)
        with closing(read_ahead(source)) as frames:
            for frame, label in zip_longest(frames, known):
                if frame is None or label is None:
                    if not made_here:
                        raise UserError(changed)
                    print(
                        f"[INFO] {name} had a different number of frames when it was read "
                        "again: only frames that were there both times are labelled"
                    )
                    return
                seconds, labelled = label
                if not made_here and frame.seconds != seconds:
                    raise UserError(changed)
                yield frame, labelled


def _draw(
    clip: OpenedClip,
    labels: Sequence[str],
    settings: Settings,
    show: Show,
    interrupted: Callable[[], bool],
    frames: Labelled,
) -> int:
    """Write the clips that show the frames, and return of how many frames.

    Raises:
        LeftUnfinishedError: the run ended early, and a beginning of the clips is of no use.
    """
    job, info, drawn = clip.job, clip.source.info, 0
    video = job.outputs.video if job.draws else None
    with ExitStack() as stack:
        stack.enter_context(closing(frames))
        if interrupted():
            raise LeftUnfinishedError
        sink = write_copy = None
        if video:
            sound_of = None if job.is_live else clip.file
            sink = stack.enter_context(open_sink(video, info, sound_of))
        if clip.copy:
            write_copy = stack.enter_context(open_copy(clip.copy, info, clip.file))
        total = info.frame_count or None
        for frame, labelled in tqdm(frames, Path(job.name).name, total, disable=None):
            drawn += 1
            if write_copy:
                write_copy(frame)
            if sink:
                plates = [
                    overlay(frame.size, place, labels, *each, bars=settings.bars)
                    for place, each in zip(clip.places, labelled, strict=True)
                ]
                sink.write(frame, [*chain.from_iterable(plates)])
            if (sink and show(frame)) or interrupted():
                if not job.keep_unfinished:
                    raise LeftUnfinishedError
                break
        else:
            if sink:
                sink.copy_rest_of_sound()
        if video and sink:
            for remark in sink.remarks(job.name, video):
                print(f"[INFO] {remark}")
    return drawn


def _copy_with_labels(
    clip: OpenedClip, path: Path, parts: Sequence[LabelledPart], smoothing: Smoothing
) -> None:
    """Copy the clip's streams, with the labels of the frames that are known as subtitles."""
    longest = max(parts[0].predictions.labels, key=len)
    header = subtitle_header(clip.size, longest, clip.places)
    tracks = [
        label_subtitles(part.predictions, smoothing, part.numbers, part.place, number)
        for number, part in enumerate(parts)
    ]
    subtitles = merge(*tracks, key=lambda subtitle: subtitle.start)
    for what in copy_with_subtitles(clip.file, path, header, subtitles):
        print(f"[INFO] {path} is without {what} of {clip.job.name}")
