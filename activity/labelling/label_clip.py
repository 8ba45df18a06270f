"""Clips labelled: classified, smoothed, drawn on, and summed up in files."""

import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from activity.common.errors import UserError, refusals_in_a_line
from activity.common.interruption import LeftUnfinishedError
from activity.common.json_file import write_json
from activity.common.regular_file import hash_file
from activity.common.stores import clip_location, is_stored, local_copy
from activity.labelling.jobs import Job
from activity.labelling.labelled_frames import labelled_frames
from activity.labelling.overlay import overlay
from activity.labelling.preview import Show, show_nothing
from activity.labelling.review.data_files import copy_file, page_and_name, read_labels
from activity.labelling.review.gather import gather_review
from activity.labelling.review.playable import needs_copy, open_copy
from activity.labelling.review.writer import write_clip
from activity.labelling.settings import Settings
from activity.labelling.stretches import Joined
from activity.media.clip import VideoSource
from activity.media.live import LiveSource
from activity.media.sink import open_sink
from activity.media.source import Source, VideoInfo
from activity.network.classifier import Classifier, OpenClassifier
from activity.temporal.envelope import gather_envelope
from activity.temporal.judgement import Earlier, Judgement, judge
from activity.temporal.prediction import Prediction
from activity.temporal.prediction_table import open_table
from activity.temporal.record import Record, open_record
from activity.temporal.segment_files import write_segments
from activity.temporal.smoothing import Labelled
from activity.temporal.summary import Summary


@dataclass(frozen=True)
class Outcome:
    """What became of a clip.

    Attributes:
        summary: summary of the frames that were labelled.
        expected: how many frames the clip announced; 0 where it did not say.
        dropped: how many frames of a live source came while another was classified.
        judgement: what the truth says of the labels, where there is one.
    """

    summary: Summary
    expected: int
    dropped: int
    judgement: Judgement | None


Outcomes = Generator[tuple[Job, Outcome | UserError | None], None, None]
"""Each job, as it is done, with what became of the clip: None if it was left unfinished, a
UserError where it failed."""


def label_one_by_one(
    jobs: Sequence[Job],
    classifier: OpenClassifier,
    settings: Settings,
    show: Show,
    interrupted: Callable[[], bool],
) -> Outcomes:
    """Label one clip after the other; the arguments are those of ``label_clip``."""
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
    joined: Joined | None = None,
) -> Outcome:
    """Classify every frame of a clip, smooth, and write what the job asks for.

    Args:
        job: the clip, and what to write for it.
        classifier: what classifies its frames.
        settings: how it is labelled.
        show: shows a frame that was drawn, and tells whether the person wants to end.
        interrupted: tells whether to end early.
        source_name: the clip's name in the results, where it is not the one in the job.
        joined: its predictions, where they were made before, in stretches.

    Raises:
        LeftUnfinishedError: the run ended early, and no frame is drawn yet or the job is kept
            only when it is finished.
        UserError: the clip cannot be read, or something cannot be written.
    """
    labels, smoothing = classifier.saved.labels, settings.smoothing
    judgement = None
    with ExitStack() as stack:
        clip = job.clip
        if is_stored(clip) and not job.is_live:
            clip = str(stack.enter_context(local_copy(clip_location(clip), interrupted)))
        here = replace(job, clip=clip)
        source = stack.enter_context(closing(_open_source(here, interrupted)))
        # A clip is read once more: not where nobody asks for that, and before anything is written,
        # so that a run that is interrupted meanwhile keeps what was there.
        needs_digest = (job.truth or job.outputs.review) and not job.is_live
        with refusals_in_a_line(job.name):
            digest = hash_file(Path(clip), interrupted) if needs_digest else ""
        here = replace(here, copy=_copy_for_review(job))
        files = [path for path in job.outputs.paths if not is_stored(path)]
        folder = files[0].parent if files else Path(tempfile.gettempdir())
        record = stack.enter_context(open_record(folder, len(labels), settings.stride))
        frames = labelled_frames(here, source, classifier, record, settings, interrupted, joined)
        if interrupted():
            raise LeftUnfinishedError
        summary = Summary(labels, smoothing.adjective)
        last = _write_frames(here, source.info, frames, summary, settings, show, interrupted)
        end = joined.end_of(last, source) if joined else source.end_of(last.time)
        if source.damaged:
            print(f"[INFO] {job.name} is damaged: packets that cannot be decoded: {source.damaged}")
        if job.outputs.timeline:
            # Only here, since matplotlib takes a second to import.
            from activity.labelling.timeline import draw_timeline

            envelope = gather_envelope(record, labels, smoothing, settings.compare, summary.frames)
            truth = job.truth.segments if job.truth else ()
            draw_timeline(envelope, end, job.outputs.timeline, Path(job.name).name, truth)
        if job.truth:
            earlier = _known_before(job, digest, record, classifier.saved)
            judgement = judge(record, labels, smoothing, settings.compare, job.truth, earlier)
        if job.outputs.review:
            path = clip_location(job.clip)
            found = gather_review(job.outputs.review, path, digest, record, summary, end)
            folder, _ = page_and_name(job.outputs.review)
            write_clip(folder, replace(found, copy=here.copy))
    if job.outputs.segments:
        write_segments(job.outputs.segments, summary.segments(end))
    if job.outputs.json:
        made_from = _made_from(
            source_name or job.name, source.info, summary, classifier.saved, settings
        )
        judged = {"truth": judgement.as_dict()} if judgement else {}
        write_json(job.outputs.json, summary.as_dict(end) | made_from | judged)
    return Outcome(summary, source.info.frame_count, source.dropped, judgement)


def _known_before(job: Job, digest: str, record: Record, classifier: Classifier) -> Earlier:
    """Find out what the model has learned of a clip, and how an earlier run has labelled it."""
    learned = [stretch for stretch in classifier.learned or () if stretch.digest == digest]
    if job.earlier is None:
        return Earlier(learned)
    labels = read_labels(job.earlier, digest, record.frames, classifier.labels)
    return Earlier(learned, labels)


def _copy_for_review(job: Job) -> Path | None:
    """Name the copy that the review page shows, where it cannot show the clip itself."""
    if job.outputs.review is None:
        return None
    folder, name = page_and_name(job.outputs.review)
    return copy_file(folder, name) if needs_copy(clip_location(job.clip), folder) else None


def _open_source(job: Job, should_stop: Callable[[], bool]) -> Source:
    if job.is_live:
        return LiveSource(job.clip, should_stop)
    return VideoSource(Path(job.clip), as_pixels=job.writes_pixels)


def _write_frames(
    job: Job,
    info: VideoInfo,
    frames: Labelled,
    summary: Summary,
    settings: Settings,
    show: Show,
    interrupted: Callable[[], bool],
) -> Prediction:
    """Draw on each frame what is known of it, write it down, and return the last."""
    labels = summary.labels
    with ExitStack() as stack:
        sink = write_row = write_copy = None
        if job.outputs.video:
            sound_of = None if job.is_live else Path(job.clip)
            sink = stack.enter_context(open_sink(job.outputs.video, info, sound_of))
        if job.outputs.csv:
            write_row = stack.enter_context(open_table(job.outputs.csv, labels))
        if job.copy:
            write_copy = stack.enter_context(open_copy(job.copy, info, Path(job.clip)))
        stack.enter_context(closing(frames))
        total = info.frame_count or None
        for frame, prediction in tqdm(frames, Path(job.name).name, total, disable=None):
            summary.add(prediction)
            if write_row:
                write_row(prediction)
            if write_copy:
                write_copy(frame)
            if sink:
                sink.write(frame, overlay(frame.size, labels, prediction, bars=settings.bars))
            if (sink and show(frame)) or interrupted():
                if not job.keep_unfinished:
                    raise LeftUnfinishedError
                break
        else:
            if sink:
                sink.copy_rest_of_sound()
        if job.outputs.video and sink and sink.sound:
            for remark in sink.sound.remarks(job.name, job.outputs.video):
                print(f"[INFO] {remark}")
    return prediction


def _made_from(
    name: str, info: VideoInfo, summary: Summary, classifier: Classifier, settings: Settings
) -> dict[str, object]:
    """Gather what a summary was made from."""
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
