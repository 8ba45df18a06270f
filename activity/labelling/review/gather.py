"""What the review page shows of a clip, gathered when the clip is labelled."""

from itertools import islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from activity.labelling.review.data_files import page_and_name
from activity.labelling.review.doubt import weigh_segments
from activity.labelling.review.writer import ReviewClip
from activity.temporal.envelope import Envelope
from activity.temporal.record import Record
from activity.temporal.smoothing import RAW
from activity.temporal.summary import Summary


def gather_review(
    data: Path, clip: Path, digest: str, record: Record, summary: Summary, end: float
) -> ReviewClip:
    """Gather what the page shows of a labelled clip, but for a copy of it.

    Args:
        data: the file to write, one of ``data_file``.
        clip: path of the clip, or its address in a store.
        digest: digest of its content.
        record: record of its raw predictions; frames that were not labelled are left out.
        summary: summary of its labels.
        end: when the last frame that was labelled ends, in seconds.
    """
    envelope = Envelope(summary.labels, [RAW], RAW)
    times = np.empty(summary.frames)
    frames = islice(RAW.predictions(record), summary.frames)
    for prediction in tqdm(frames, "review page", summary.frames, delay=2, disable=None):
        envelope.add(prediction, [prediction.label])
        times[prediction.frame] = prediction.time
    return ReviewClip(
        name=page_and_name(data)[1],
        path=clip,
        digest=digest,
        times=times,
        end=end,
        labels=summary.labels,
        label=summary.label,
        segments=weigh_segments(record, summary.segments(end), summary.labels),
        envelope=envelope,
    )
