"""The stream of predictions: each frame of a source with its probabilities.

Decoding, inference and what the caller does with a frame run at the same time, each in its own
thread, a bounded number of frames apart.
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from activity.common.background import in_background
from activity.media.frame import NO_PIXELS, Frame
from activity.media.source import Source, VideoInfo
from activity.network.classifier import OpenClassifier
from activity.temporal.smoothing import Classified

# Frames that wait between two threads: enough to even out their pace, whatever the size of the
# frame, and not more memory than this.
_FRAMES_AHEAD = 32
_BYTES_AHEAD = 2**27
_BYTES_WITHOUT_PIXELS = 200


def classify_frames(
    source: Source, classifier: OpenClassifier, stride: int, *, keep_pixels: bool = True
) -> Classified:
    """Yield a source's frames in order, each with its probabilities, shape (labels,).

    Close the generator to end early: it stops its threads and releases the source.

    Args:
        source: where the frames come from. A frame of a live one is classified as soon as it comes,
            by itself.
        classifier: what classifies them.
        stride: every how many frames one is classified. Others come with None.
        keep_pixels: whether the pixels are wanted, to be drawn on. Without them frames come
            with ``NO_PIXELS``.
    """
    if source.live:
        pieces = _classified_live(source, classifier, stride)
    else:
        pieces = _classified(source, classifier, stride, keep_pixels)
    with closing(pieces):
        for piece, raw in pieces:
            for place, frame in enumerate(piece.frames):
                yield frame, raw if piece.classified and place == 0 else None


def read_ahead(source: Source) -> Generator[Frame, None, None]:
    """Yield a clip's frames in order, decoded in its own thread."""
    frames_ahead = min(_FRAMES_AHEAD, _BYTES_AHEAD // _frame_bytes(source.info, True))
    return in_background(_waiting_frames(source), max(1, frames_ahead))


def _waiting_frames(source: Source) -> Generator[Frame, None, None]:
    with closing(source.frames()) as frames:
        for frame in frames:
            yield frame.to_wait()


class _Piece(NamedTuple):
    """Neighbouring frames with one prediction.

    Attributes:
        frames: the frames.
        classified: whether the first was classified for it.
        nbytes: how many bytes of memory the frames may take.
    """

    frames: list[Frame]
    classified: bool
    nbytes: int


def _classified(
    source: Source, classifier: OpenClassifier, stride: int, keep_pixels: bool
) -> Generator[tuple[_Piece, NDArray[np.float32]], None, None]:
    ahead = min(_FRAMES_AHEAD, _BYTES_AHEAD // _piece_bytes(source.info, stride, keep_pixels))
    inputs = _pieces(source, classifier, stride, keep_pixels)
    with closing(in_background(classifier(inputs), max(1, ahead))) as classified:
        yield from classified


def _pieces(
    source: Source, classifier: OpenClassifier, stride: int, keep_pixels: bool
) -> Iterator[tuple[_Piece, NDArray[np.uint8]]]:
    """Cut a clip into pieces of ``stride`` frames, each with the network's input of its first.

    A piece that would fill the memory is continued in another one, with the same input: the frame
    is then classified twice, which costs little where pieces are so long.
    """
    frames: list[Frame] = []
    pixels = np.empty(0, np.uint8)
    classified = True
    longest = _longest_piece(source.info, keep_pixels)
    size = _frame_bytes(source.info, keep_pixels)
    with closing(source.frames()) as decoded:
        for number, frame in enumerate(decoded):
            due = number % stride == 0
            if frames and (due or len(frames) == longest):
                yield _Piece(frames, classified, len(frames) * size), pixels
                frames, classified = [], due
            if due:
                pixels = classifier.network_input(frame)
            frames.append(frame.to_wait() if keep_pixels else Frame(NO_PIXELS, frame.seconds))
    if frames:
        yield _Piece(frames, classified, len(frames) * size), pixels


def _classified_live(
    source: Source, classifier: OpenClassifier, stride: int
) -> Generator[tuple[_Piece, NDArray[np.float32]], None, None]:
    with closing(source.frames()) as frames:
        for number, frame in enumerate(frames):
            due = number % stride == 0
            if due:
                # A stream of one frame: an engine has nothing to wait for and answers at once.
                raw = _only(classifier([(None, classifier.network_input(frame))]))
            yield _Piece([frame], due, frame.pixels.nbytes), raw


def _only(outputs: Iterable[tuple[None, NDArray[np.float32]]]) -> NDArray[np.float32]:
    ((_, output),) = outputs
    return output


def _frame_bytes(info: VideoInfo, keep_pixels: bool) -> int:
    return info.width * info.height * 3 if keep_pixels else _BYTES_WITHOUT_PIXELS


def _longest_piece(info: VideoInfo, keep_pixels: bool) -> int:
    return max(1, _BYTES_AHEAD // _frame_bytes(info, keep_pixels))


def _piece_bytes(info: VideoInfo, stride: int, keep_pixels: bool) -> int:
    return min(stride, _longest_piece(info, keep_pixels)) * _frame_bytes(info, keep_pixels)
