"""What unknown and doubtful segments look like, so that a person knows which photos would help."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from activity.labelling.review.doubt import DOUBTFUL, weigh_segments
from activity.network.imagenet_names import heaviest_names
from activity.network.profiles import weights_of_names
from activity.temporal.predictions import Predictions
from activity.temporal.summary import Summary

_NAMES = 3
_MOST_LINES = 5


def with_looks(summary: Summary, predictions: Predictions) -> Summary:
    """Add to each unknown or doubtful run the names of ImageNet that weigh most in its frames.

    Args:
        summary: of a clip.
        predictions: of the same frames; without their ``looks``, nothing is added.
    """
    looks = predictions.looks
    if looks is None:
        return summary
    weighed = weigh_segments(predictions, summary.segments)
    runs = []
    for run, segment in zip(summary.runs, weighed, strict=True):
        first, last = np.array([run.first_frame, run.last_frame]) // predictions.stride
        if segment.doubt >= DOUBTFUL:
            names = heaviest_names(weights_of_names(looks[first : last + 1]), _NAMES)
            run = replace(run, looks_like=tuple(names))
        runs.append(run)
    return replace(summary, runs=runs)


def format_looks(summary: Summary) -> Iterator[str]:
    """Say of the longest unknown and doubtful segments what they look like, in order of time.

    Yields:
        Lines such as ``unknown, 0:12 to 0:31: looks like baseball, ballplayer``.
    """
    told = [run for run in summary.runs if run.looks_like]
    longest = sorted(told, key=lambda run: run.start - run.end)[:_MOST_LINES]
    for run in told:
        if run in longest:
            span = f"{_clock(run.start)} to {_clock(run.end)}"
            yield f"{run.label}, {span}: looks like {', '.join(run.looks_like)}"
    if len(told) > _MOST_LINES:
        yield f"{len(told) - _MOST_LINES} shorter segments are unknown or doubtful, too"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
