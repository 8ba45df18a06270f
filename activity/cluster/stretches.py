"""Stretches of a long clip: each is classified by itself, and what they give is joined."""

from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from activity.labelling.prediction import WHOLE, classify_frames, parts_of
from activity.media.cutting import CutStretch, Seams, StretchSource, UnsafeCutError
from activity.media.region import Region
from activity.network.classifier import OpenClassifier
from activity.temporal.predictions import Predictions


@dataclass(frozen=True, eq=False)
class ClassifiedStretch:
    """The raw predictions of a stretch.

    Attributes:
        stretch: which.
        raw: what the classifier gave for those of its frames that are classified: probabilities,
            and what may stand behind them; shape (classified, parts, at least labels).
        seams: hashes of pictures at both ends.
    """

    stretch: CutStretch
    raw: NDArray[np.float32]
    seams: Seams


def classify_stretch(
    clip: Path,
    stretch: CutStretch,
    classifier: OpenClassifier,
    stride: int,
    interrupted: Callable[[], bool],
    regions: Sequence[Region | None] = WHOLE,
) -> ClassifiedStretch | None:
    """Classify a stretch of a clip, every frame whose number in the clip ``stride`` divides.

    Args:
        clip: path of the clip.
        stretch: which.
        classifier: classifies its frames.
        stride: classify every ``stride``-th frame.
        interrupted: asked at each frame; return True to end early.
        regions: of the frames, to be classified each by itself; None for the whole frame.

    Returns:
        Its predictions; None if ``interrupted`` said so, and where the clip cannot be cut.

    Raises:
        UserError: the clip cannot be read.
    """
    for one_thread in (False, True):
        rows = []
        with suppress(UnsafeCutError):
            source = StretchSource(clip, stretch, stride, one_thread=one_thread)
            parts = parts_of(regions, source.info, str(clip))
            frames = classify_frames(source, classifier, stride, parts, keep_pixels=False)
            with closing(frames) as classified:
                for _, raw in classified:
                    if raw is not None:
                        rows.append(raw)
                    if interrupted():
                        return None
            return ClassifiedStretch(stretch, np.stack(rows), source.seams)
    return None


def join_stretches(
    stretches: Sequence[ClassifiedStretch], stride: int, labels: Sequence[str], end: float
) -> list[Predictions]:
    """Join what all stretches of a clip gave, for each of its parts.

    Args:
        stretches: of one clip, in order.
        stride: every how many frames one is classified.
        labels: name of each class.
        end: when the last frame ceases to be shown, in seconds.
    """
    times = np.concatenate([one.stretch.seconds for one in stretches])
    raw = np.concatenate([one.raw for one in stretches])
    return [
        Predictions.of_rows(times, np.ascontiguousarray(raw[:, part]), stride, labels, end)
        for part in range(raw.shape[1])
    ]
