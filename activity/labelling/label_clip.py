"""Label clips: classify, smooth, draw, and write the results."""

import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.common.errors import UserError, as_user_error
from activity.common.interruption import LeftUnfinishedError
from activity.common.regular_file import hash_file
from activity.common.stores import clip_location, is_stored, local_copy
from activity.common.writing import write_json
from activity.labelling.jobs import Job, Settings
from activity.labelling.overlay import label_layout, overlay
from activity.labelling.prediction import classify_frames, classify_times, read_ahead
from activity.labelling.preview import Show, show_nothing
from activity.labelling.review.data_files import copy_file, needs_copy, open_copy, page_and_name
from activity.labelling.review.doubt import with_looks
from activity.labelling.review.writer import gather_review, write_clip
from activity.labelling.styled_labels import label_subtitles, subtitle_header
from activity.labelling.truths import known_before
from activity.media.clip import open_clip
from activity.media.frame import Frame, VideoInfo
from activity.media.live import LiveSource, Source
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


Labelled = Generator[tuple[Frame, NDArray[np.float64], int], None, None]
"""The frames of a clip in order, each with its smoothed probabilities, shape (labels,), and the
number of its label."""


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
    for job in jobs:
        outcome: Outcome | UserError | None
        try:
            outcome = label_clip(job, classifier, settings, show=show, interrupted=interrupted)
        except LeftUnfinishedError:
            outcome = None
        except UserError as error:
            outcome = error
        yield job, outcome
        if interrupted():
            return


def label_clip(
    job: Job,
    classifier: OpenClassifier,
    settings: Settings,
    *,
    show: Show = show_nothing,
    interrupted: Callable[[], bool] = lambda: False,
    source_name: str | None = None,
    predictions: Predictions | None = None,
) -> Outcome:
    """Classify every frame of a clip, smooth, and write what the job asks for.

    Args:
        job: the clip, and what to write for it.
        classifier: classifies its frames.
        settings: how to label it.
        show: shows a drawn frame, and returns True to end early. By default, shows nothing.
        interrupted: asked at each frame; return True to end early. By default, never.
        source_name: the clip's name in the results, where it is not the one in the job.
        predictions: of the clip, where they were made before.

    Raises:
        LeftUnfinishedError: the run ended early, and no frame is drawn yet or the job is kept
            only when it is finished.
        UserError: the clip cannot be read, or something cannot be written.
    """
    outputs, smoothing, labels = job.outputs, settings.smoothing, classifier.saved.labels
    with ExitStack() as stack:
        clip = job.clip
        if is_stored(clip) and not job.is_live:
            clip = str(stack.enter_context(local_copy(clip_location(clip), interrupted)))
        here = replace(job, clip=clip, copy=_copy_for_review(job))
        source = stack.enter_context(closing(_open_source(here, interrupted)))
        # A clip is read once more: not where nobody asks for that, and before anything is written,
        # so that a run that is interrupted meanwhile keeps what was there.
        needs_digest = (job.truth or outputs.review) and not job.is_live
        with as_user_error(job.name):
            digest = hash_file(Path(clip), interrupted) if needs_digest else ""
        files = [path for path in outputs.paths if not is_stored(path)]
        folder = files[0].parent if files else Path(tempfile.gettempdir())
        gathered = stack.enter_context(gather_predictions(folder, labels, settings.stride))

        draw = partial(_draw, here, source.info, labels, settings, show, interrupted)
        if predictions is None and here.needs_pixels and not smoothing.needs_whole_clip:
            draw(_labelled_as_they_come(source, classifier, gathered, settings))
            known = gathered.predictions(source.end_of)
            numbers, drawn = smoothing.numbers(known), known.frames
        else:
            if predictions is None:
                _classify(here, source, classifier, gathered, settings, interrupted)
            known = predictions or gathered.predictions(source.end_of)
            numbers, drawn = smoothing.numbers(known), known.frames
            if here.needs_pixels:
                steady = smoothing.smoothed(known, numbers)
                made_here = predictions is None
                drawn = draw(_labelled_again(here, source.info, known, numbers, steady, made_here))
        media = _media(job, clip, source.info, known.end)
        if source.damaged:
            print(f"[INFO] {job.name} is damaged: packets that cannot be decoded: {source.damaged}")
        if source.corrupt:
            print(
                f"[INFO] {job.name} is damaged: frames that the decoder calls corrupt, and that "
                f"are labelled all the same: {source.corrupt}"
            )
        if outputs.video and here.copies_streams:
            _copy_with_labels(
                here, outputs.video, source.info, known.first(drawn), smoothing, numbers
            )
        if outputs.csv:
            write_table(outputs.csv, known, smoothing, numbers, drawn)
        known, numbers = known.first(drawn), numbers[:drawn]
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
            draw_timeline(envelope, known.end, outputs.timeline, Path(job.name).name, truth)
        judgement = confusion = None
        if job.truth:
            earlier = known_before(job.earlier, digest, known.frames, classifier.saved)
            judgement = judge(known.times, labels, compared, smoothing, job.truth, earlier)
            confusion = confusion_in_seconds(known, numbers, job.truth.segments, earlier.learned)
        if outputs.review:
            path = clip_location(job.clip)
            shown = gather_review(outputs.review, path, digest, known, summary, here.copy)
            write_clip(page_and_name(outputs.review)[0], shown)
    labelled = LabelledMedia(media, summary.segments)
    if outputs.segments:
        write_annotations(outputs.segments, [labelled], classifier.saved.activities)
    if outputs.json:
        made_from = _made_from(
            source_name or job.name, source.info, summary, classifier.saved, settings
        )
        judged = {"truth": judgement.as_dict()} if judgement else {}
        write_json(outputs.json, summary.as_dict() | _bouts(summary) | made_from | judged)
    return Outcome(summary, source.info.frame_count, source.dropped, judgement, media, confusion)


def _classify(
    job: Job,
    source: Source,
    classifier: OpenClassifier,
    gathered: GatheredPredictions,
    settings: Settings,
    interrupted: Callable[[], bool],
) -> None:
    """Classify a clip of which no frame is drawn yet.

    Raises:
        LeftUnfinishedError: the run ended early, and a beginning of the clip is of no use.
    """
    name, total = Path(job.name).name, source.info.frame_count or None
    with closing(classify_times(source, classifier, settings.stride)) as classified:
        for (seconds, duration), raw in tqdm(
            classified, f"classifying {name}", total, disable=None
        ):
            gathered.add(seconds, duration, raw)
            if interrupted():
                if settings.smoothing.needs_whole_clip or not job.keep_unfinished:
                    raise LeftUnfinishedError
                return


def _labelled_as_they_come(
    source: Source, classifier: OpenClassifier, gathered: GatheredPredictions, settings: Settings
) -> Labelled:
    """Classify a clip and average its predictions, frame by frame."""
    average = RollingAverage(max(1, settings.smoothing.size // settings.stride))
    with closing(classify_frames(source, classifier, settings.stride)) as classified:
        for frame, raw in classified:
            gathered.add(frame.seconds, frame.duration, raw)
            if raw is not None:
                mean = average.push(raw[: len(gathered.labels)])
            yield frame, mean, int(mean.argmax())


def _labelled_again(
    job: Job,
    info: VideoInfo,
    predictions: Predictions,
    numbers: NDArray[np.integer],
    smoothed: Iterator[NDArray[np.float64]],
    made_here: bool,
) -> Labelled:
    """Read a clip that is classified once more, to draw the labels on its frames."""
    changed = f"{job.name} was changed while it was labelled: label it again"
    known = zip(numbers.tolist(), chain.from_iterable(smoothed), predictions.times, strict=True)
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
                number, probabilities, seconds = label
                if not made_here and frame.seconds != seconds:
                    raise UserError(changed)
                yield frame, probabilities, number


def _draw(
    job: Job,
    info: VideoInfo,
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
        for frame, probabilities, label in tqdm(frames, Path(job.name).name, total, disable=None):
            drawn += 1
            if write_copy:
                write_copy(frame)
            if sink:
                bars = settings.bars
                sink.write(frame, overlay(frame.size, labels, probabilities, label, bars=bars))
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
    known: Predictions,
    smoothing: Smoothing,
    numbers: NDArray[np.integer],
) -> None:
    """Copy the clip's streams, with the labels of the frames that are known as subtitles."""
    size = (info.width, info.height)
    header = subtitle_header(size, max(known.labels, key=len))
    subtitles = label_subtitles(known, smoothing, numbers[: known.frames])
    if label_layout(size, "").scale == 0:  # too small for a text that can be read
        subtitles = iter(())
    for what in copy_with_subtitles(Path(job.clip), path, header, subtitles):
        print(f"[INFO] {path} is without {what} of {job.name}")


def _media(job: Job, clip: str, info: VideoInfo, end: float) -> Media:
    """Say of a clip what files of segments need; ``clip`` is its path on this disk."""
    needs_timecode = job.outputs.segments and job.outputs.segments.suffix.lower() in (
        ".edl",
        ".otio",
    )
    timecode = start_timecode(Path(clip)) if needs_timecode and not job.is_live else None
    path = Path(job.name) if job.is_live else clip_location(job.clip)
    return Media(path, end, as_fraction(info.fps), timecode)


def _open_source(job: Job, should_stop: Callable[[], bool]) -> Source:
    if job.is_live:
        return LiveSource(job.clip, should_stop)
    return open_clip(Path(job.clip), as_pixels=job.writes_pixels)


def _bouts(summary: Summary) -> dict[str, Any]:
    whole = Footage(0.0, summary.runs[-1].end, summary.segments)
    return {"bouts": {label: bouts_of([whole], label).as_dict() for label in summary.labels}}


def _made_from(
    name: str, info: VideoInfo, summary: Summary, classifier: Classifier, settings: Settings
) -> dict[str, object]:
    """Collect the model, clip and settings that a summary was made from."""
    return {
        "frames": {
            "read": summary.frames,
            "classified": summary.classified_frames,
            "expected": info.frame_count or None,
        },
        "source": name,
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
