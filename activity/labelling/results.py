"""What is written of a labelled clip, beside the clip itself, and what is told of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from activity.common.stores import clip_location
from activity.common.writing import write_json
from activity.labelling.jobs import Job, Settings
from activity.labelling.overlay import Place
from activity.labelling.review.data_files import ShownPart, page_and_name
from activity.labelling.review.doubt import with_looks
from activity.labelling.review.writer import ReviewClip, write_clip
from activity.labelling.truths import known_before
from activity.media.frame import Part
from activity.media.live import Source, path_of
from activity.media.timing import as_fraction, start_timecode
from activity.network.classifier import Classifier
from activity.temporal.bouts import Footage, bouts_of
from activity.temporal.corrected_shares import confusion_in_seconds
from activity.temporal.envelope import envelope_of
from activity.temporal.formats.annotations import LabelledMedia, Media
from activity.temporal.judgement import Judgement, judge
from activity.temporal.prediction_table import write_table
from activity.temporal.predictions import Predictions
from activity.temporal.segment_files import write_annotations
from activity.temporal.smoothing import Compared, compared_smoothings
from activity.temporal.summary import Summary, summarise


class OpenedClip(NamedTuple):
    """A clip while it is labelled.

    Attributes:
        job: what to write of it; of regions, the job of the first.
        name: what results call it.
        file: where it lies on this machine.
        source: the same, opened; or a camera or a stream.
        parts: of its frames, that of each job; None for the whole frame.
        places: where the labels of each job are drawn.
        digest: SHA-256 of its content; "" where nobody has asked for it.
        copy: a small copy to write for the review page; None where that shows the clip itself.
    """

    job: Job
    name: str
    file: Path
    source: Source
    parts: Sequence[Part | None]
    places: Sequence[Place]
    digest: str
    copy: Path | None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its frames in pixels."""
        return self.source.info.width, self.source.info.height


class LabelledPart(NamedTuple):
    """A clip, or a region of it, with its labels.

    Attributes:
        job: what to write of it.
        place: where its labels are drawn.
        predictions: of its frames.
        numbers: number of each frame's label, shape (frames,).
    """

    job: Job
    place: Place
    predictions: Predictions
    numbers: NDArray[np.integer]

    def first(self, frames: int) -> "LabelledPart":
        """Return it with its first ``frames`` frames alone."""
        known = self.predictions.first(frames)
        return self._replace(predictions=known, numbers=self.numbers[:frames])


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

    @property
    def footage(self) -> Footage:
        """The whole clip and its segments."""
        return footage_of(self.summary)


def footage_of(summary: Summary) -> Footage:
    """Return a whole clip and its segments, to count bouts in."""
    return Footage(0.0, summary.runs[-1].end, summary.segments)


def write_results(
    clip: OpenedClip,
    parts: Sequence[LabelledPart],
    drawn: int,
    classifier: Classifier,
    settings: Settings,
) -> list[Outcome]:
    """Write what the jobs of a clip ask for, beside the labelled clip.

    Args:
        clip: which.
        parts: the clip, or each of its regions, with the labels of all frames.
        drawn: how many frames the labelled clip has; results are about these.
        classifier: the model.
        settings: how the clip was labelled.

    Returns:
        The outcome of each part.

    Raises:
        UserError: a file cannot be written.
    """
    media = _media(clip, parts[0].predictions.end)
    outcomes = [_write_part(clip, media, part, drawn, classifier, settings) for part in parts]
    labelled: dict[Path, list[LabelledMedia]] = {}
    for part, outcome in zip(parts, outcomes, strict=True):
        if path := part.job.outputs.segments:
            of_part = LabelledMedia(media, outcome.summary.segments, part.job.part.region)
            labelled.setdefault(path, []).append(of_part)
    for path, of_parts in labelled.items():
        write_annotations(path, of_parts, classifier.activities)
    return outcomes


def _write_part(
    clip: OpenedClip,
    media: Media,
    part: LabelledPart,
    drawn: int,
    classifier: Classifier,
    settings: Settings,
) -> Outcome:
    job, outputs, smoothing = part.job, part.job.outputs, settings.smoothing
    if outputs.csv:
        write_table(outputs.csv, part.predictions, smoothing, part.numbers, drawn)
    _, place, known, numbers = part.first(drawn)
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
        draw_timeline(envelope, known.end, outputs.timeline, Path(str(job.part)).name, truth)
    shown = ShownPart(clip.digest, clip.size, place.window if job.region else None)
    judgement = confusion = None
    if job.truth:
        earlier = known_before(job.earlier, shown, known.frames, classifier)
        judgement = judge(known.times, known.labels, compared, smoothing, job.truth, earlier)
        confusion = confusion_in_seconds(known, numbers, job.truth.segments, earlier.learned)
    if outputs.review:
        folder, name = page_and_name(outputs.review)
        path, region = clip_location(job.clip), job.part.region
        write_clip(folder, ReviewClip(name, path, shown, known, summary, clip.copy, region))
    if outputs.json:
        made_from = _made_from(clip, part, summary, classifier, settings)
        judged = {"truth": judgement.as_dict()} if judgement else {}
        write_json(outputs.json, summary.as_dict() | _bouts(summary) | made_from | judged)
    source = clip.source
    expected = source.info.frame_count
    return Outcome(summary, expected, source.dropped, judgement, media, confusion)


def _media(clip: OpenedClip, end: float) -> Media:
    """Say of a clip what files of segments need."""
    segments = clip.job.outputs.segments
    needs_timecode = segments and segments.suffix.lower() in (".edl", ".otio")
    timecode = start_timecode(clip.file) if needs_timecode and not clip.job.is_live else None
    return Media(path_of(clip.job.clip), end, as_fraction(clip.source.info.fps), timecode)


def _bouts(summary: Summary) -> dict[str, Any]:
    whole = footage_of(summary)
    return {"bouts": {label: bouts_of([whole], label).as_dict() for label in summary.labels}}


def _made_from(
    clip: OpenedClip,
    part: LabelledPart,
    summary: Summary,
    classifier: Classifier,
    settings: Settings,
) -> dict[str, object]:
    """Collect the model, clip and settings that a summary was made from."""
    region = {}
    if part.job.region:
        region = {"region": {"name": part.job.region.name, **part.place.window._asdict()}}
    return {
        "frames": {
            "read": summary.frames,
            "classified": summary.classified_frames,
            "expected": clip.source.info.frame_count or None,
        },
        "source": clip.name,
        **region,
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
