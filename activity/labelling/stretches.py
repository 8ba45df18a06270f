"""A long clip's predictions, made stretch by stretch and joined."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from activity.common.errors import UserError
from activity.labelling.prediction import classify_frames, read_ahead
from activity.media.cutting import Stretch
from activity.media.frame import NO_PIXELS, Frame
from activity.media.source import Source
from activity.media.stretches import Seams, StretchSource, UnsafeCutError
from activity.network.classifier import OpenClassifier
from activity.temporal.prediction import Prediction
from activity.temporal.smoothing import Classified


@dataclass(frozen=True, eq=False)
class ClassifiedStretch:
    """The raw predictions of a stretch.

    Attributes:
        stretch: which.
        raw: probabilities of those of its frames that are classified, shape (classified, labels).
        seams: hashes of pictures at both ends.
    """

    stretch: Stretch
    raw: NDArray[np.float32]
    seams: Seams


def classify_stretch(
    clip: Path,
    stretch: Stretch,
    classifier: OpenClassifier,
    stride: int,
    interrupted: Callable[[], bool],
) -> ClassifiedStretch | None:
    """Classify a stretch of a clip, every frame whose number in the clip ``stride`` divides.

    Returns:
        Its predictions; None if ``interrupted`` said so, and where the clip cannot be cut.

    Raises:
        UserError: the clip cannot be read.
    """
    for one_thread in (False, True):
        rows = []
        with suppress(UnsafeCutError):
            source = StretchSource(clip, stretch, stride, one_thread=one_thread)
            classified = classify_frames(source, classifier, stride, keep_pixels=False)
            with closing(classified):
                for _, raw in classified:
                    if raw is not None:
                        rows.append(raw)
                    if interrupted():
                        return None
            return ClassifiedStretch(stretch, np.stack(rows), source.seams)
    return None


@dataclass(frozen=True, eq=False)
class Joined:
    """A clip's predictions that were made in stretches; they can be gone through once.

    Attributes:
        stretches: all of them, in order.
        frames: number of frames of the clip.
        end: when the last one ceases to be shown, as ``CutClip`` says.
        stride: every how many frames one is classified.
    """

    stretches: Iterable[ClassifiedStretch]
    frames: int
    end: float
    stride: int

    def classified(self, clip: str, source: Source, *, keep_pixels: bool) -> Classified:
        """Yield the frames with their predictions, as ``classify_frames`` does.

        Args:
            clip: its name.
            source: the clip, opened. It is read only where pixels are kept.
            keep_pixels: whether frames have their pixels.

        Raises:
            UserError: the clip has changed.
        """
        if not keep_pixels:
            for seconds, raw in self._predictions():
                yield Frame(NO_PIXELS, seconds), raw
            return
        with closing(read_ahead(source)) as frames:
            for frame, known in zip_longest(frames, self._predictions()):
                if frame is None or known is None or frame.seconds != known[0]:
                    raise UserError(f"{clip} was changed while it was labelled: label it again")
                yield frame, known[1]

    def end_of(self, last: Prediction, source: Source) -> float:
        """Tell when the last frame that was labelled ceases to be shown, in seconds."""
        is_last = last.frame == self.frames - 1
        return self.end if is_last and self.end > last.time else source.end_of(last.time)

    def _predictions(self) -> Iterator[tuple[float, NDArray[np.float32] | None]]:
        for stretch in self.stretches:
            rows = iter(stretch.raw)
            for number, seconds in enumerate(
                stretch.stretch.seconds.tolist(), stretch.stretch.first
            ):
                yield seconds, None if number % self.stride else next(rows)
