"""What the review page shows of a clip, gathered when the clip is labelled."""

from pathlib import Path

from activity.labelling.review.data_files import page_and_name
from activity.labelling.review.doubt import weigh_segments
from activity.labelling.review.writer import ReviewClip
from activity.temporal.envelope import envelope_of
from activity.temporal.predictions import Predictions
from activity.temporal.smoothing import RAW
from activity.temporal.summary import Summary


def gather_review(
    data: Path, clip: Path, digest: str, predictions: Predictions, summary: Summary
) -> ReviewClip:
    """Gather what the page shows of a labelled clip, but for a copy of it.

    Args:
        data: the file to write, one of ``data_file``.
        clip: path of the clip, or its address in a store.
        digest: digest of its content.
        predictions: of the clip.
        summary: summary of its labels.
    """
    return ReviewClip(
        name=page_and_name(data)[1],
        path=clip,
        digest=digest,
        times=predictions.times,
        end=predictions.end,
        labels=predictions.labels,
        label=summary.label,
        segments=weigh_segments(predictions, summary.segments),
        looks=[run.looks_like for run in summary.runs],
        envelope=envelope_of(predictions, {RAW: RAW.numbers(predictions)}, RAW),
    )
