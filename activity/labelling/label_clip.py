"""One clip labelled: classified, smoothed, drawn, and written down."""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from tqdm import tqdm

from activity.ground.errors import UserError
from activity.inputs.clip import NO_PIXELS, Frame, VideoInfo, VideoSource
from activity.inputs.live import LiveSource
from activity.labelling.jobs import Job
from activity.labelling.prediction import classify_frames, predict_frames, read_ahead
from activity.labelling.preview import Show, show_nothing
from activity.labelling.sink import open_sink
from activity.network.engine import Engine
from activity.outcome.envelope import Band, gather_envelope
from activity.outcome.overlay import draw_bars, draw_label
from activity.outcome.record import Record, open_record
from activity.outcome.results import Prediction, Summary, open_table, write_json
from activity.outcome.smoothing import viterbi_predictions

Labelled = Generator[tuple[Frame, Prediction], None, None]


class LeftUnfinishedError(Exception):
    """The run ended early in the middle of a clip of which nothing is kept."""


@dataclass(frozen=True)
class Settings:
    """How clips are labelled; small, and the same for all clips of a run.

    Attributes:
        model: path of the model, as it was given.
        model_sha256: its digest.
        engine: name of the engine, as it was given.
        smoothing: one of ``SMOOTHINGS``.
        size: of the smoothing, in frames.
        stride: every how many frames one is classified.
        compare: further sizes in the timeline.
        bars: whether a bar a class is drawn.
    """

    model: str
    model_sha256: str
    engine: str
    smoothing: str = "rolling"
    size: int = 128
    stride: int = 1
    compare: tuple[int, ...] = ()
    bars: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a clip.

    Attributes:
        summary: of the frames that were labelled.
        expected: how many frames the clip announced; 0 where it did not say.
        dropped: how many frames of a live source came while another was classified.
    """

    summary: Summary
    expected: int
    dropped: int


def label_clip(
    job: Job,
    classify: Engine,
    labels: Sequence[str],
    settings: Settings,
    *,
    show: Show = show_nothing,
    interrupted: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Classify every frame of a clip, smooth, and write what the job asks for.

    Args:
        job: the clip, and what to write for it.
        classify: an engine from RGB pixels to probabilities of the labels.
        labels: name of each class.
        settings: how.
        show: shows a frame that was drawn, and tells whether the person wants to end.
        interrupted: tells whether to end early.

    Raises:
        LeftUnfinishedError: the run ended early, and no label is known yet or the job is kept
            only when it is finished.
        UserError: the clip cannot be read, or something cannot be written.
    """
    with ExitStack() as stack:
        source = stack.enter_context(closing(_open_source(job, interrupted)))
        folder = job.files[0].parent
        record = stack.enter_context(open_record(folder, len(labels), settings.stride))
        frames = _labelled_frames(job, source, classify, record, settings, interrupted)
        summary = Summary(labels, settings.smoothing)
        last = _write_frames(job, source.info, frames, summary, settings, show, interrupted)
        end = last.time + 1 / source.info.fps
        if job.timeline:
            # Only here, since matplotlib takes a second to import.
            from activity.outcome.timeline import draw_timeline

            drawn = Band(settings.smoothing, settings.size)
            envelope = gather_envelope(record, labels, drawn, settings.compare, summary.frames)
            draw_timeline(envelope, end, job.timeline, Path(job.clip).name)
    if job.json:
        write_json(job.json, _as_json(job, source.info, summary, end, settings))
    dropped = source.dropped if isinstance(source, LiveSource) else 0
    return Outcome(summary, source.info.frame_count, dropped)


def _open_source(job: Job, should_stop: Callable[[], bool]) -> VideoSource | LiveSource:
    if job.is_live:
        return LiveSource(job.clip, should_stop)
    return VideoSource(Path(job.clip))


def _labelled_frames(
    job: Job,
    source: VideoSource | LiveSource,
    classify: Engine,
    record: Record,
    settings: Settings,
    interrupted: Callable[[], bool],
) -> Labelled:
    """Start on the frames, each with what is known of it: at once, or when all are classified."""
    if settings.smoothing == "viterbi":
        _classify_all(source, classify, record, Path(job.clip).name, interrupted)
        decided = viterbi_predictions(record, settings.size)
        return _read_again(job, source.info, decided) if job.output else _unread(decided)
    averaged = predict_frames(
        source,
        classify,
        size=settings.size,
        stride=settings.stride,
        keep_pixels=job.output is not None,
    )
    return _recorded(averaged, record) if job.timeline else averaged


def _classify_all(
    source: VideoSource | LiveSource,
    classify: Engine,
    record: Record,
    name: str,
    interrupted: Callable[[], bool],
) -> None:
    """Classify a whole clip, before the first frame is drawn."""
    total = source.info.frame_count or None
    with closing(classify_frames(source, classify, record.stride, keep_pixels=False)) as frames:
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
        sink = write_row = None
        if job.output:
            sound_of = None if job.is_live else Path(job.clip)
            sink = stack.enter_context(open_sink(job.output, info, sound_of))
        if job.csv:
            write_row = stack.enter_context(open_table(job.csv, labels))
        stack.enter_context(closing(frames))
        total = info.frame_count or None
        for frame, prediction in tqdm(frames, Path(job.clip).name, total, disable=None):
            summary.add(prediction)
            if write_row:
                write_row(prediction)
            if sink:
                draw_label(frame.pixels, labels[prediction.label], prediction.probability)
                if settings.bars:
                    draw_bars(frame.pixels, labels, prediction.smoothed, prediction.label)
                sink.write(frame)
            if (sink and show(frame.pixels)) or interrupted():
                if not job.keep_unfinished:
                    raise LeftUnfinishedError
                break
        else:
            if sink:
                sink.copy_rest_of_sound()
        if sink and sink.lost_sound:
            print(f"[INFO] {job.output} is without the sound of {job.clip}: {sink.lost_sound}")
    return prediction


def _as_json(
    job: Job, info: VideoInfo, summary: Summary, end: float, settings: Settings
) -> dict[str, object]:
    """Gather the summary and what it was made from."""
    content = summary.as_dict(end)
    content["frames"]["expected"] = info.frame_count or None
    return content | {
        "source": job.clip,
        "model": {"path": settings.model, "sha256": settings.model_sha256},
        "settings": {
            "smoothing": settings.smoothing,
            "size": settings.size,
            "stride": settings.stride,
            "engine": settings.engine,
        },
    }
