"""The stream of predictions: each frame of a source with its probabilities.

Decoding, inference and what the caller does with a frame run at the same time, each in its own
thread, a bounded number of frames apart.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from activity.common.threads import in_background
from activity.media.cutting import CutStretch, Seams, StretchSource, UnsafeCutError
from activity.media.frame import Frame, Part, VideoInfo
from activity.media.live import Source
from activity.media.region import Region
from activity.network.classifier import OpenClassifier
from activity.temporal.predictions import Predictions

# Frames that wait between two threads even out their pace. This bounds their memory, whatever the
# size of a frame.
_FRAMES_AHEAD = 32
_BYTES_AHEAD = 2**27
_BYTES_OF_TIME = 200  # and of what else is kept where a frame is not

Kept = TypeVar("Kept")


Classified = Generator[tuple[Kept, NDArray[np.float32] | None], None, None]
"""What is kept of a clip's frames, in order, each with the raw predictions of its parts, shape
(parts, labels); None if a frame was not classified, which the first one always is."""

WHOLE = (None,)
"""The only part of a clip of which no regions are labelled: the whole frame."""


def classify_frames(
    source: Source,
    classifier: OpenClassifier,
    stride: int,
    parts: Sequence[Part | None] = WHOLE,
) -> Classified[Frame]:
    """Yield a source's frames in order, each with its probabilities, to be drawn on.

    Close the generator to end early: it stops its threads and releases the source.

    Args:
        source: source of the frames. Each frame of a live source is classified at once, by itself.
        classifier: classifies them.
        stride: classify every ``stride``-th frame. The others come with None.
        parts: of each frame, to be classified each by itself; None for the whole frame.
    """
    size = _frame_bytes(source.info)
    return _classified(source, classifier, stride, parts, lambda frame: frame.to_wait(), size)


def classify_times(
    source: Source,
    classifier: OpenClassifier,
    stride: int,
    parts: Sequence[Part | None] = WHOLE,
) -> Classified[tuple[float, float]]:
    """Yield time and duration of each frame in seconds, as ``classify_frames`` yields frames."""

    def keep(frame: Frame) -> tuple[float, float]:
        return frame.seconds, frame.duration

    return _classified(source, classifier, stride, parts, keep, _BYTES_OF_TIME)


def parts_of(regions: Sequence[Region | None], info: VideoInfo, clip: str) -> list[Part | None]:
    """Place regions in the frames of a clip.

    Args:
        regions: None stands for the whole frame.
        info: says how large the frames are.
        clip: name of the clip, for messages.

    Raises:
        UserError: one of them is not inside the frames.
    """
    size = info.width, info.height
    return [region and Part(region.window(size, clip)) for region in regions]


def read_ahead(source: Source) -> Generator[Frame, None, None]:
    """Yield a clip's frames in order, decoded in its own thread."""
    frames_ahead = min(_FRAMES_AHEAD, _BYTES_AHEAD // _frame_bytes(source.info))
    return in_background(_waiting_frames(source), max(1, frames_ahead))


def _waiting_frames(source: Source) -> Generator[Frame, None, None]:
    with closing(source.frames()) as frames:
        for frame in frames:
            yield frame.to_wait()


class _Piece(NamedTuple, Generic[Kept]):
    """Neighbouring frames with one prediction of each part; or of one part, nothing but that.

    Attributes:
        frames: what is kept of them; none where another part of them is still to come.
        classified: whether the first was classified for it.
        nbytes: how many bytes of memory that may take.
    """

    frames: list[Kept]
    classified: bool
    nbytes: int


def _classified(
    source: Source,
    classifier: OpenClassifier,
    stride: int,
    parts: Sequence[Part | None],
    keep: Callable[[Frame], Kept],
    bytes_kept: int,
) -> Classified[Kept]:
    if source.live:
        pieces = _of_live(source, classifier, stride, parts, keep)
    else:
        inputs = _pieces(source, classifier, stride, parts, keep, bytes_kept)
        piece_bytes = min(stride, _longest_piece(bytes_kept)) * bytes_kept
        ahead = min(_FRAMES_AHEAD, _BYTES_AHEAD // piece_bytes)
        pieces = in_background(classifier(inputs), max(1, ahead))
    of_parts = []
    with closing(pieces):
        for piece, raw in pieces:
            of_parts.append(raw)
            if len(of_parts) < len(parts):
                continue
            rows, of_parts = np.stack(of_parts), []
            for place, kept in enumerate(piece.frames):
                yield kept, rows if piece.classified and place == 0 else None


def _pieces(
    source: Source,
    classifier: OpenClassifier,
    stride: int,
    parts: Sequence[Part | None],
    keep: Callable[[Frame], Kept],
    bytes_kept: int,
) -> Iterator[tuple[_Piece[Kept], NDArray[np.uint8]]]:
    """Cut a clip into pieces of ``stride`` frames, each with the network's input of its first.

    Of several parts, those before the last come with empty pieces.

    A piece of so many frames that they would fill the memory is continued in another
    one with the same input: the frame is then classified twice, which costs little where pieces
    are so long.
    """
    frames: list[Kept] = []
    pixels: list[NDArray[np.uint8]] = []
    classified = True
    longest = _longest_piece(bytes_kept)
    with closing(source.frames()) as decoded:
        for number, frame in enumerate(decoded):
            due = number % stride == 0
            if frames and (due or len(frames) == longest):
                yield from _inputs_of(frames, classified, bytes_kept, pixels)
                frames, classified = [], due
            if due:
                pixels = [classifier.network_input(shown) for shown in _shown_in(parts, frame)]
            frames.append(keep(frame))
    if frames:
        yield from _inputs_of(frames, classified, bytes_kept, pixels)


def _inputs_of(
    frames: list[Kept], classified: bool, bytes_kept: int, pixels: Sequence[NDArray[np.uint8]]
) -> Iterator[tuple[_Piece[Kept], NDArray[np.uint8]]]:
    *others, last = pixels
    for each in others:
        yield _Piece([], classified, 0), each
    yield _Piece(frames, classified, len(frames) * bytes_kept), last


def _shown_in(parts: Sequence[Part | None], frame: Frame) -> Iterator[Frame]:
    return (frame if part is None else frame.part(part) for part in parts)


def _of_live(
    source: Source,
    classifier: OpenClassifier,
    stride: int,
    parts: Sequence[Part | None],
    keep: Callable[[Frame], Kept],
) -> Generator[tuple[_Piece[Kept], NDArray[np.float32]], None, None]:
    with closing(source.frames()) as frames:
        for number, frame in enumerate(frames):
            due = number % stride == 0
            if due:
                inputs = [classifier.network_input(shown) for shown in _shown_in(parts, frame)]
                # A stream of one frame, so that the engine answers without waiting for more.
                *others, (_, raw) = classifier([(None, pixels) for pixels in inputs])
            for _, other in others:
                yield _Piece([], due, 0), other
            yield _Piece([keep(frame)], due, 0), raw


def _frame_bytes(info: VideoInfo) -> int:
    return info.width * info.height * 3


def _longest_piece(bytes_kept: int) -> int:
    return max(1, _BYTES_AHEAD // bytes_kept)


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
            with closing(classify_times(source, classifier, stride, parts)) as classified:
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
