"""The stream of predictions: each frame of a source with its probabilities, raw and averaged.

Decoding, inference and what the caller does with a frame run side by side, each in a thread of
its own, a bounded number of frames apart.
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from activity.ground.background import in_background
from activity.inputs.clip import Frame, VideoInfo, VideoSource
from activity.inputs.dataset import network_input
from activity.inputs.live import LiveSource
from activity.network.engine import Engine
from activity.outcome.results import Prediction
from activity.outcome.smoothing import RollingAverage

# Frames that wait between two threads: enough to even out their pace, whatever the size of the
# frame, and not more memory than this.
_FRAMES_AHEAD = 32
_BYTES_AHEAD = 2**27


def predict_frames(
    source: VideoSource | LiveSource, classify: Engine, *, size: int, stride: int
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
    """
    number = 0
    average = RollingAverage(max(1, size // stride))
    classified = _classified_live if source.live else _classified
    with closing(classified(source, classify, stride)) as pieces:
        for piece, raw in pieces:
            if piece.classified:
                averaged = average.push(raw)
            for place, frame in enumerate(piece.frames):
                own = raw if piece.classified and place == 0 else None
                yield frame, Prediction(number, frame.seconds, own, averaged)
                number += 1


def batch_that_fits(batch_size: int, info: VideoInfo, stride: int) -> int:
    """Lower a batch size where the frames that wait for a whole batch would fill the memory."""
    return max(1, min(batch_size, _BYTES_AHEAD // _piece_bytes(info, stride)))


class _Piece(NamedTuple):
    """Neighbouring frames with one prediction, and whether the first was classified for it."""

    frames: list[Frame]
    classified: bool


def _classified(
    source: VideoSource, classify: Engine, stride: int
) -> Generator[tuple[_Piece, NDArray[np.float32]], None, None]:
    ahead = min(_FRAMES_AHEAD, _BYTES_AHEAD // _piece_bytes(source.info, stride))
    inputs = _pieces(source, stride, _longest_piece(source.info))
    with closing(in_background(classify(inputs), max(1, ahead))) as classified:
        yield from classified


def _pieces(
    source: VideoSource, stride: int, longest: int
) -> Iterator[tuple[_Piece, NDArray[np.uint8]]]:
    """Cut a clip into pieces of ``stride`` frames, each with the network's input of its first.

    A piece that would fill the memory goes on in another one, with the same input: the frame is
    then classified twice, which costs little where pieces are so long.
    """
    frames: list[Frame] = []
    pixels = np.empty(0, np.uint8)
    classified = True
    with closing(source.frames()) as decoded:
        for number, frame in enumerate(decoded):
            due = number % stride == 0
            if frames and (due or len(frames) == longest):
                yield _Piece(frames, classified), pixels
                frames, classified = [], due
            if due:
                pixels = network_input(frame.pixels)
            frames.append(frame)
    if frames:
        yield _Piece(frames, classified), pixels


def _classified_live(
    source: LiveSource, classify: Engine, stride: int
) -> Generator[tuple[_Piece, NDArray[np.float32]], None, None]:
    with closing(source.frames()) as frames:
        for number, frame in enumerate(frames):
            due = number % stride == 0
            if due:
                # A stream of one frame: an engine has nothing to wait for and answers at once.
                raw = _only(classify([(None, network_input(frame.pixels))]))
            yield _Piece([frame], due), raw


def _only(outputs: Iterable[tuple[None, NDArray[np.float32]]]) -> NDArray[np.float32]:
    ((_, output),) = outputs
    return output


def _frame_bytes(info: VideoInfo) -> int:
    return info.width * info.height * 3


def _longest_piece(info: VideoInfo) -> int:
    return max(1, _BYTES_AHEAD // _frame_bytes(info))


def _piece_bytes(info: VideoInfo, stride: int) -> int:
    return min(stride, _longest_piece(info)) * _frame_bytes(info)
