"""The stream of predictions: each frame of a source with its probabilities.

Decoding, inference and what the caller does with a frame run side by side, each in a thread of
its own, a bounded number of frames apart.
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from activity.common.background import in_background
from activity.media.clip import VideoSource
from activity.media.live import LiveSource
from activity.media.photo import Framing, network_input
from activity.media.source import NO_PIXELS, Frame, VideoInfo
from activity.network.engine import Engine
from activity.temporal.prediction import Prediction
from activity.temporal.smoothing import rolling_predictions

# Frames that wait between two threads: enough to even out their pace, whatever the size of the
# frame, and not more memory than this.
_FRAMES_AHEAD = 32
_BYTES_AHEAD = 2**27
_BYTES_WITHOUT_PIXELS = 200


def predict_frames(
    source: VideoSource | LiveSource,
    classify: Engine,
    *,
    size: int,
    stride: int,
    keep_pixels: bool = True,
    framing: Framing = "centre",
) -> Generator[tuple[Frame, Prediction], None, None]:
    """Classify a source's frames and average the predictions, in order.

    Close the generator to end early: it stops its threads and releases the source.

    Args:
        source: where the frames come from. Of a live one, a frame is classified as soon as it
            comes, by itself.
        classify: an engine from RGB pixels to probabilities.
        size: how many frames the rolling average spans.
        stride: every how many frames one is classified. The window still spans ``size``
            frames: it holds ``size // stride`` predictions, at least one.
        keep_pixels, framing: as in ``classify_frames``.
    """
    predict = rolling_predictions(size, stride)
    classified = classify_frames(source, classify, stride, keep_pixels=keep_pixels, framing=framing)
    with closing(classified) as frames:
        for frame, raw in frames:
            yield frame, predict(frame.seconds, raw)


def classify_frames(
    source: VideoSource | LiveSource,
    classify: Engine,
    stride: int,
    *,
    keep_pixels: bool = True,
    framing: Framing = "centre",
) -> Generator[tuple[Frame, NDArray[np.float32] | None], None, None]:
    """Yield a source's frames in order, each with its probabilities, shape (labels,).

    Close the generator to end early: it stops its threads and releases the source.

    Args:
        source: where the frames come from.
        classify: an engine from RGB pixels to probabilities.
        stride: every how many frames one is classified. Others come with None.
        keep_pixels: whether the pictures are wanted, to be drawn on. Without them frames come
            with ``NO_PIXELS``, and pictures between two that are classified are not even made.
        framing: how the model was trained to see a frame.
    """
    if isinstance(source, LiveSource):
        pieces = _classified_live(source, classify, stride, framing)
    else:
        pieces = _classified(source, classify, stride, keep_pixels, framing)
    with closing(pieces):
        for piece, raw in pieces:
            for place, frame in enumerate(piece.frames):
                yield frame, raw if piece.classified and place == 0 else None


def read_ahead(source: VideoSource) -> Generator[Frame, None, None]:
    """Yield a clip's frames in order, decoded in a thread of its own."""
    frames_ahead = min(_FRAMES_AHEAD, _BYTES_AHEAD // _frame_bytes(source.info, True))
    return in_background(source.frames(), max(1, frames_ahead))


def batch_that_fits(
    batch_size: int, info: VideoInfo, stride: int, *, keep_pixels: bool = True
) -> int:
    """Lower a batch size where the frames that wait for a whole batch would fill the memory."""
    return max(1, min(batch_size, _BYTES_AHEAD // _piece_bytes(info, stride, keep_pixels)))


class _Piece(NamedTuple):
    """Neighbouring frames with one prediction, and whether the first was classified for it."""

    frames: list[Frame]
    classified: bool


def _classified(
    source: VideoSource, classify: Engine, stride: int, keep_pixels: bool, framing: Framing
) -> Generator[tuple[_Piece, NDArray[np.float32]], None, None]:
    ahead = min(_FRAMES_AHEAD, _BYTES_AHEAD // _piece_bytes(source.info, stride, keep_pixels))
    inputs = _pieces(source, stride, keep_pixels, framing)
    with closing(in_background(classify(inputs), max(1, ahead))) as classified:
        yield from classified


def _pieces(
    source: VideoSource, stride: int, keep_pixels: bool, framing: Framing
) -> Iterator[tuple[_Piece, NDArray[np.uint8]]]:
    """Cut a clip into pieces of ``stride`` frames, each with the network's input of its first.

    A piece that would fill the memory goes on in another one, with the same input: the frame is
    then classified twice, which costs little where pieces are so long.
    """
    frames: list[Frame] = []
    pixels = np.empty(0, np.uint8)
    classified = True
    longest = _longest_piece(source.info, keep_pixels)
    with closing(source.frames(1 if keep_pixels else stride)) as decoded:
        for number, frame in enumerate(decoded):
            due = number % stride == 0
            if frames and (due or len(frames) == longest):
                yield _Piece(frames, classified), pixels
                frames, classified = [], due
            if due:
                pixels = network_input(frame.pixels, framing)
            frames.append(frame if keep_pixels else Frame(NO_PIXELS, frame.seconds))
    if frames:
        yield _Piece(frames, classified), pixels


def _classified_live(
    source: LiveSource, classify: Engine, stride: int, framing: Framing
) -> Generator[tuple[_Piece, NDArray[np.float32]], None, None]:
    with closing(source.frames()) as frames:
        for number, frame in enumerate(frames):
            due = number % stride == 0
            if due:
                # A stream of one frame: an engine has nothing to wait for and answers at once.
                raw = _only(classify([(None, network_input(frame.pixels, framing))]))
            yield _Piece([frame], due), raw


def _only(outputs: Iterable[tuple[None, NDArray[np.float32]]]) -> NDArray[np.float32]:
    ((_, output),) = outputs
    return output


def _frame_bytes(info: VideoInfo, keep_pixels: bool) -> int:
    return info.width * info.height * 3 if keep_pixels else _BYTES_WITHOUT_PIXELS


def _longest_piece(info: VideoInfo, keep_pixels: bool) -> int:
    return max(1, _BYTES_AHEAD // _frame_bytes(info, keep_pixels))


def _piece_bytes(info: VideoInfo, stride: int, keep_pixels: bool) -> int:
    return min(stride, _longest_piece(info, keep_pixels)) * _frame_bytes(info, keep_pixels)
