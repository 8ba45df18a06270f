"""The stream of predictions: each frame of a source with its probabilities.

Decoding, inference and what the caller does with a frame run at the same time, each in its own
thread, a bounded number of frames apart.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from activity.common.threads import in_background
from activity.media.frame import NO_PIXELS, Frame, Part, VideoInfo
from activity.media.live import Source
from activity.media.region import Region
from activity.network.classifier import OpenClassifier

# Frames that wait between two threads even out their pace. This bounds their memory, whatever the
# size of a frame.
_FRAMES_AHEAD = 32
_BYTES_AHEAD = 2**27
_BYTES_OF_TIME = 200  # and of what else is kept where a frame is not

Classified = Generator[tuple[Frame, NDArray[np.float32] | None], None, None]
"""A clip's frames in order, each with the raw predictions of its parts, shape (parts, labels); None
if a frame was not classified, which the first one always is."""

WHOLE = (None,)
"""The only part of a clip of which no regions are labelled: the whole frame."""


def classify_frames(
    source: Source,
    classifier: OpenClassifier,
    stride: int,
    parts: Sequence[Part | None] = WHOLE,
    *,
    keep_pixels: bool = True,
) -> Classified:
    """Yield a source's frames in order, each with its probabilities.

    Close the generator to end early: it stops its threads and releases the source.

    Args:
        source: source of the frames. Each frame of a live source is classified at once, by itself.
        classifier: classifies them.
        stride: classify every ``stride``-th frame. The others come with None.
        parts: of each frame, to be classified each by itself; None for the whole frame.
        keep_pixels: whether the frames are to be drawn on (default). Otherwise no more of them than
            when they are shown is kept.
    """
    if source.live:
        pieces = _of_live(source, classifier, stride, parts)
    else:
        inputs = _pieces(source, classifier, stride, parts, keep_pixels)
        piece_bytes = stride * _frame_bytes(source, keep_pixels)
        pieces = in_background(classifier(inputs), _ahead(piece_bytes))
    of_parts = []
    with closing(pieces):
        for piece, raw in pieces:
            of_parts.append(raw)
            if len(of_parts) < len(parts):
                continue
            rows, of_parts = np.stack(of_parts), []
            for place, frame in enumerate(piece.frames):
                yield frame, rows if piece.classified and place == 0 else None


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
    return in_background(_waiting_frames(source), _ahead(_frame_bytes(source, keep_pixels=True)))


def _waiting_frames(source: Source) -> Generator[Frame, None, None]:
    with closing(source.frames()) as frames:
        for frame in frames:
            yield frame.to_wait()


class _Piece(NamedTuple):
    """Neighbouring frames with one prediction of each part; or of one part, nothing but that.

    Attributes:
        frames: what is kept of them; none where another part of them is still to come.
        classified: whether the first was classified for it.
        nbytes: how many bytes of memory that may take.
    """

    frames: list[Frame]
    classified: bool
    nbytes: int


def _pieces(
    source: Source,
    classifier: OpenClassifier,
    stride: int,
    parts: Sequence[Part | None],
    keep_pixels: bool,
) -> Iterator[tuple[_Piece, NDArray[np.uint8]]]:
    """Cut a clip into pieces of ``stride`` frames, each with the network's input of its first.

    Of several parts, those before the last come with empty pieces.

    A piece of so many frames that they would fill the memory is continued in another one with the
    same input: the frame is then classified twice, which costs little where pieces are so long.
    """
    frame_bytes = _frame_bytes(source, keep_pixels)
    longest = max(1, _BYTES_AHEAD // frame_bytes)
    frames: list[Frame] = []
    inputs: list[NDArray[np.uint8]] = []
    classified = True

    def piece() -> Iterator[tuple[_Piece, NDArray[np.uint8]]]:
        for pixels in inputs[:-1]:
            yield _Piece([], classified, 0), pixels
        yield _Piece(frames, classified, len(frames) * frame_bytes), inputs[-1]

    with closing(source.frames()) as decoded:
        for number, frame in enumerate(decoded):
            due = number % stride == 0
            if frames and (due or len(frames) == longest):
                yield from piece()
                frames, classified = [], due
            if due:
                inputs = _inputs(classifier, frame, parts)
            if keep_pixels:
                frames.append(frame.to_wait())
            else:
                frames.append(Frame(NO_PIXELS, frame.seconds, frame.duration))
    if frames:
        yield from piece()


def _of_live(
    source: Source, classifier: OpenClassifier, stride: int, parts: Sequence[Part | None]
) -> Generator[tuple[_Piece, NDArray[np.float32]], None, None]:
    with closing(source.frames()) as frames:
        for number, frame in enumerate(frames):
            due = number % stride == 0
            if due:
                # A stream of one frame, so that the engine answers without waiting for more.
                inputs = _inputs(classifier, frame, parts)
                *others, (_, raw) = classifier([(None, pixels) for pixels in inputs])
            for _, other in others:
                yield _Piece([], due, 0), other
            yield _Piece([frame], due, 0), raw


def _inputs(
    classifier: OpenClassifier, frame: Frame, parts: Sequence[Part | None]
) -> list[NDArray[np.uint8]]:
    shown = (frame if part is None else frame.part(part) for part in parts)
    return [classifier.network_input(one) for one in shown]


def _frame_bytes(source: Source, keep_pixels: bool) -> int:
    return source.info.width * source.info.height * 3 if keep_pixels else _BYTES_OF_TIME


def _ahead(piece_bytes: int) -> int:
    """Tell how many pieces of so many bytes may wait; one may, however large it is."""
    return max(1, min(_FRAMES_AHEAD, _BYTES_AHEAD // piece_bytes))
