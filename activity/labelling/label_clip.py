"""Label clips: classify, smooth, draw, and write the results."""

import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from heapq import merge
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.common.errors import UserError, as_user_error
from activity.common.interruption import LeftUnfinishedError
from activity.common.regular_file import hash_file
from activity.common.stores import clip_location, is_stored, local_copy
from activity.common.writing import write_json
from activity.labelling.jobs import Job, Settings, of_one_clip
from activity.labelling.overlay import LONGEST_TITLE, TITLE, Place, label_layout, overlay
from activity.labelling.prediction import (
    classify_frames,
    classify_times,
    parts_of,
    read_ahead,
)
from activity.labelling.preview import Show, show_nothing
from activity.labelling.review.data_files import copy_file, needs_copy, open_copy, page_and_name
from activity.labelling.review.doubt import with_looks
from activity.labelling.review.writer import gather_review, write_clip
from activity.labelling.styled_labels import label_subtitles, subtitle_header
from activity.labelling.truths import known_before
from activity.media.clip import open_clip
from activity.media.frame import Frame, Part, VideoInfo
from activity.media.live import LiveSource, Source, path_of
from activity.media.remux import copy_with_subtitles
from activity.media.sink import open_sink
from activity.media.timing import as_fraction, start_timecode
from activity.network.classifier import Classifier, OpenClassifier
from activity.temporal.bouts import Footage, bouts_of
from activity.temporal.corrected_shares import confusion_in_seconds
from activity.temporal.envelope import envelope_of
from activity.temporal.formats.annotations import LabelledMedia, Media
from activity.temporal.judgement import Judgement, judge
from activity.temporal.prediction_table import write_table
from activity.temporal.predictions import GatheredPredictions, Predictions, gather_predictions
from activity.temporal.segment_files import write_annotations
from activity.temporal.smoothing import Compared, RollingAverage, Smoothing, compared_smoothings
from activity.temporal.summary import Summary, summarise


@dataclass(frozen=True)
class Outcome:
    """The result of labelling a clip.

    Attributes:
        summary: summary of the frames that were labelled.
        expected: number of frames that the clip announced; 0 if it did not.
        dropped: number of frames that a live source gave while another one was classified.
        judgement: comparison of the labels with the truth; None without ``--truth``.
        media: what files of segments say of the clip.
        confusion: its seconds by predicted and true label, as ``confusion_in_seconds`` returns
            them; None without ``--truth``.
    """

    summary: Summary
    expected: int
    dropped: int
    judgement: Judgement | None
    media: Media
    confusion: NDArray[np.float64] | None = None


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
    smoothing, labels = settings.smoothing, classifier.saved.labels
    with ExitStack() as stack:
        clip = jobs[0].clip
        if is_stored(clip) and not jobs[0].is_live:
            clip = str(stack.enter_context(local_copy(clip_location(clip), interrupted)))
        copy = _copy_for_review(jobs[0])
        name = jobs[0].name
        here = replace(jobs[0], clip=clip, copy=copy)  # reads and draws for all
        source = stack.enter_context(closing(_open_source(here, interrupted)))
        parts = parts_of([job.region for job in jobs], source.info, name)
        places = [
            Place(job.region.name[:LONGEST_TITLE], part.window) if job.region and part else None
            for job, part in zip(jobs, parts, strict=True)
        ]
        # A clip is read once more: not where nobody asks for that, and before anything is written,
        # so that a run that is interrupted meanwhile keeps what was there.
        needs_digest = any(job.truth or job.outputs.review for job in jobs) and not here.is_live
        with as_user_error(name):
            digest = hash_file(Path(clip), interrupted) if needs_digest else ""
        files = [path for path in here.outputs.paths if not is_stored(path)]
        folder = files[0].parent if files else Path(tempfile.gettempdir())
        gathered = [
            stack.enter_context(gather_predictions(folder, labels, settings.stride)) for _ in jobs
        ]

        draw = partial(_draw, here, source.info, places, labels, settings, show, interrupted)
        if predictions is None and here.needs_pixels and not smoothing.needs_whole_clip:
            draw(_labelled_as_they_come(source, parts, classifier, gathered, settings))
        elif predictions is None:
            _classify(here, source, parts, classifier, gathered, settings, interrupted)
        known = predictions or [one.predictions(source.end_of) for one in gathered]
        numbers = [smoothing.numbers(one) for one in known]
        drawn = known[0].frames
        if here.needs_pixels and (predictions or smoothing.needs_whole_clip):
            drawn = draw(
                _labelled_again(here, source.info, known, numbers, smoothing, predictions is None)
            )
        if source.damaged:
            print(f"[INFO] {name} is damaged: packets that cannot be decoded: {source.damaged}")
        if source.corrupt:
            print(
                f"[INFO] {name} is damaged: frames that the decoder calls corrupt, and that "
                f"are labelled all the same: {source.corrupt}"
            )
        if here.outputs.video and here.copies_streams:
            _copy_with_labels(
                here,
                here.outputs.video,
                source.info,
                places,
                [one.first(drawn) for one in known],
                smoothing,
                numbers,
            )
        about = _ClipFacts(
            source_name or name,
            digest,
            source.info,
            source.dropped,
            _media(jobs[0], clip, source.info, known[0].end),
        )
        outcomes = [
            _write_results(
                replace(job, copy=copy),
                place,
                one,
                of_frames,
                drawn,
                about,
                classifier.saved,
                settings,
            )
            for job, place, one, of_frames in zip(jobs, places, known, numbers, strict=True)
        ]
    for path in dict.fromkeys(job.outputs.segments for job in jobs if job.outputs.segments):
        labelled = [
            LabelledMedia(about.media, outcome.summary.segments, job.part.region)
            for job, outcome in zip(jobs, outcomes, strict=True)
            if job.outputs.segments == path
        ]
        write_annotations(path, labelled, classifier.saved.activities)
    return outcomes


class _ClipFacts(NamedTuple):
    """What is known of a clip besides its predictions.

    Attributes:
        name: what results call it.
        digest: SHA-256 of its content; "" where nobody has asked for it.
        info: what it says of itself.
        dropped: number of frames that a live source gave while another one was classified.
        media: what files of segments say of it.
    """

    name: str
    digest: str
    info: VideoInfo
    dropped: int
    media: Media


def _write_results(
    job: Job,
    place: Place | None,
    predictions: Predictions,
    numbers: NDArray[np.integer],
    drawn: int,
    clip: _ClipFacts,
    classifier: Classifier,
    settings: Settings,
) -> Outcome:
    """Write what a job asks for beside the labelled clip and its segments."""
    outputs, smoothing = job.outputs, settings.smoothing
    if outputs.csv:
        write_table(outputs.csv, predictions, smoothing, numbers, drawn)
    known, numbers = predictions.first(drawn), numbers[:drawn]
    summary = with_looks(summarise(known, numbers, smoothing.adjective), known)
    compared: Compared = {}
    if outputs.timeline or job.truth:
        compared = {
            each: numbers if each == smoothing else each.numbers(known)
            for each in compared_smoothings(smoothing.size, settings.compare)
        }
    if outputs.timeline:
        # Only here, since matplotlib takes a second to import.
        from activity.labelling.timeline import draw_timeline

        envelope = envelope_of(known, compared, smoothing)
        truth = job.truth.segments if job.truth else ()
        draw_timeline(envelope, known.end, outputs.timeline, Path(job.title).name, truth)
    judgement = confusion = None
    if job.truth:
        window = place and place.window
        earlier = known_before(job.earlier, clip.digest, known.frames, classifier, window)
        judgement = judge(known.times, known.labels, compared, smoothing, job.truth, earlier)
        confusion = confusion_in_seconds(known, numbers, job.truth.segments, earlier.learned)
    if outputs.review:
        shown = gather_review(
            outputs.review,
            clip_location(job.clip),
            clip.digest,
            known,
            summary,
            job.copy,
            job.region,
            (clip.info.width, clip.info.height),
        )
        write_clip(page_and_name(outputs.review)[0], shown)
    if outputs.json:
        made_from = _made_from(clip, place, summary, classifier, settings)
        judged = {"truth": judgement.as_dict()} if judgement else {}
        write_json(outputs.json, summary.as_dict() | _bouts(summary) | made_from | judged)
    expected = clip.info.frame_count
    return Outcome(summary, expected, clip.dropped, judgement, clip.media, confusion)


def _classify(
    job: Job,
    source: Source,
    parts: Sequence[Part | None],
    classifier: OpenClassifier,
    gathered: Sequence[GatheredPredictions],
    settings: Settings,
    interrupted: Callable[[], bool],
) -> None:
    """Classify a clip of which no frame is drawn yet.

    Raises:
        LeftUnfinishedError: the run ended early, and a beginning of the clip is of no use.
    """
    name, total = Path(job.name).name, source.info.frame_count or None
    with closing(classify_times(source, classifier, settings.stride, parts)) as classified:
        for (seconds, duration), raw in tqdm(
            classified, f"classifying {name}", total, disable=None
        ):
            for place, one in enumerate(gathered):
                one.add(seconds, duration, None if raw is None else raw[place])
            if interrupted():
                if settings.smoothing.needs_whole_clip or not job.keep_unfinished:
                    raise LeftUnfinishedError
                return


def _labelled_as_they_come(
    source: Source,
    parts: Sequence[Part | None],
    classifier: OpenClassifier,
    gathered: Sequence[GatheredPredictions],
    settings: Settings,
) -> Labelled:
    """Classify a clip and average its predictions, frame by frame."""
    size = max(1, settings.smoothing.size // settings.stride)
    averages = [RollingAverage(size) for _ in parts]
    labelled: list[tuple[NDArray[np.float64], int]] = []
    with closing(classify_frames(source, classifier, settings.stride, parts)) as classified:
        for frame, raw in classified:
            for place, one in enumerate(gathered):
                one.add(frame.seconds, frame.duration, None if raw is None else raw[place])
            if raw is not None:
                labels = len(classifier.saved.labels)
                means = [
                    average.push(row[:labels]) for average, row in zip(averages, raw, strict=True)
                ]
                labelled = [(mean, int(mean.argmax())) for mean in means]
            yield frame, labelled


def _labelled_again(
    job: Job,
    info: VideoInfo,
    predictions: Sequence[Predictions],
    numbers: Sequence[NDArray[np.integer]],
    smoothing: Smoothing,
    made_here: bool,
) -> Labelled:
    """Read a clip that is classified once more, to draw the labels on its frames."""
    changed = f"{job.name} was changed while it was labelled: label it again"
    of_parts = [
        zip(
            chain.from_iterable(smoothing.smoothed(one, of_frames)), of_frames.tolist(), strict=True
        )
        for one, of_frames in zip(predictions, numbers, strict=True)
    ]
    known = zip(predictions[0].times, zip(*of_parts, strict=True), strict=True)
    with closing(open_clip(Path(job.clip), as_pixels=job.writes_pixels)) as source:
        if (source.info.width, source.info.height) != (info.width, info.height):
            raise UserError(changed)
        with closing(read_ahead(source)) as frames:
            for frame, label in zip_longest(frames, known):
                if frame is None or label is None:
                    if not made_here:
                        raise UserError(changed)
                    print(
                        f"[INFO] {job.name} had a different number of frames when it was read "
                        "again: only frames that were there both times are labelled"
                    )
                    return
                seconds, labelled = label
                if not made_here and frame.seconds != seconds:
                    raise UserError(changed)
                yield frame, labelled


def _draw(
    job: Job,
    info: VideoInfo,
    places: Sequence[Place | None],
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
    drawn = 0
    with ExitStack() as stack:
        stack.enter_context(closing(frames))
        if interrupted():
            raise LeftUnfinishedError
        sink = write_copy = None
        if job.outputs.video and job.draws:
            sound_of = None if job.is_live else Path(job.clip)
            sink = stack.enter_context(open_sink(job.outputs.video, info, sound_of))
        if job.copy:
            write_copy = stack.enter_context(open_copy(job.copy, info, Path(job.clip)))
        total = info.frame_count or None
        for frame, labelled in tqdm(frames, Path(job.name).name, total, disable=None):
            drawn += 1
            if write_copy:
                write_copy(frame)
            if sink:
                sink.write(
                    frame,
                    [
                        plate
                        for place, (probabilities, label) in zip(places, labelled, strict=True)
                        for plate in overlay(
                            frame.size,
                            labels,
                            probabilities,
                            label,
                            bars=settings.bars,
                            place=place,
                        )
                    ],
                )
            if (sink and show(frame)) or interrupted():
                if not job.keep_unfinished:
                    raise LeftUnfinishedError
                break
        else:
            if sink:
                sink.copy_rest_of_sound()
        if job.outputs.video and sink:
            for remark in sink.remarks(job.name, job.outputs.video):
                print(f"[INFO] {remark}")
    return drawn


def _copy_for_review(job: Job) -> Path | None:
    """Return the path of the copy for the review page, if it cannot show the clip itself."""
    if job.outputs.review is None:
        return None
    folder, name = page_and_name(job.outputs.review)
    return copy_file(folder, name) if needs_copy(clip_location(job.clip), folder) else None


def _copy_with_labels(
    job: Job,
    path: Path,
    info: VideoInfo,
    places: Sequence[Place | None],
    known: Sequence[Predictions],
    smoothing: Smoothing,
    numbers: Sequence[NDArray[np.integer]],
) -> None:
    """Copy the clip's streams, with the labels of the frames that are known as subtitles."""
    size = (info.width, info.height)
    header = subtitle_header(size, max(known[0].labels, key=len), places)
    tracks = [
        label_subtitles(
            one, smoothing, of_frames[: one.frames], place.title if place else TITLE, number
        )
        for number, (place, one, of_frames) in enumerate(zip(places, known, numbers, strict=True))
        # Too small for a text that can be read.
        if label_layout(place.window[2:] if place else size, "").scale > 0
    ]
    subtitles = merge(*tracks, key=lambda subtitle: subtitle.start)
    for what in copy_with_subtitles(Path(job.clip), path, header, subtitles):
        print(f"[INFO] {path} is without {what} of {job.name}")


def _media(job: Job, clip: str, info: VideoInfo, end: float) -> Media:
    """Say of a clip what files of segments need; ``clip`` is its path on this disk."""
    needs_timecode = job.outputs.segments and job.outputs.segments.suffix.lower() in (
        ".edl",
        ".otio",
    )
    timecode = start_timecode(Path(clip)) if needs_timecode and not job.is_live else None
    return Media(path_of(job.clip), end, as_fraction(info.fps), timecode)


def _open_source(job: Job, should_stop: Callable[[], bool]) -> Source:
    if job.is_live:
        return LiveSource(job.clip, should_stop, as_pixels=job.writes_pixels)
    return open_clip(Path(job.clip), as_pixels=job.writes_pixels)


def _bouts(summary: Summary) -> dict[str, Any]:
    whole = Footage(0.0, summary.runs[-1].end, summary.segments)
    return {"bouts": {label: bouts_of([whole], label).as_dict() for label in summary.labels}}


def _made_from(
    clip: _ClipFacts,
    place: Place | None,
    summary: Summary,
    classifier: Classifier,
    settings: Settings,
) -> dict[str, object]:
    """Collect the model, clip and settings that a summary was made from."""
    part = {"region": {"name": place.title, **place.window._asdict()}} if place else {}
    return {
        "frames": {
            "read": summary.frames,
            "classified": summary.classified_frames,
            "expected": clip.info.frame_count or None,
        },
        "source": clip.name,
        **part,
        "model": {"path": str(classifier.model), "sha256": classifier.digest},
        "settings": {
            "smoothing": settings.smoothing.way,
            "size": settings.smoothing.size,
            "stride": settings.stride,
            "engine": settings.options.engine,
            "unknown": classifier.unknown,
            "framing": classifier.framing,
        },
    }
