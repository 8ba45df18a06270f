"""The stream of predictions: the same as the plain loop's, in bounded memory."""

import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from activity.labelling import prediction
from activity.labelling.prediction import classify_frames, read_ahead
from activity.media.clip import VideoSource
from activity.media.frame import Frame, VideoInfo
from activity.media.live import Source
from activity.network.classifier import Classifier, OpenClassifier
from activity.network.engine import EngineOptions, Stream, keras_engine
from activity.temporal.smoothing import RollingAverage
from tests.clips import draw_frame, write_pictures
from tests.conftest import Trained, decode_photo, write_clip
from tests.labelling.test_label_clip import SAVED, opened


def mean_colour(stream: Stream) -> Iterator[tuple[object, np.ndarray]]:
    """An engine: the share of each colour in the frame."""
    for tag, pixels in stream:
        means = pixels.reshape(-1, 3).mean(axis=0, dtype=np.float32)
        yield tag, means / means.sum()


BY_COLOUR = opened(mean_colour)


@pytest.fixture(scope="session")
def classify(trained: Trained) -> OpenClassifier:
    classifier = Classifier.load(trained.model, trained.label_bin)
    return classifier.open(EngineOptions("openvino", cache_folder=trained.cache))


class Predicted(NamedTuple):
    frame: int
    raw: np.ndarray | None
    smoothed: np.ndarray


def predict_frames(
    source: Source, classifier: OpenClassifier, *, size: int, stride: int
) -> Generator[tuple[Frame, Predicted], None, None]:
    """Classify a source's frames and average the predictions, in order."""
    average = RollingAverage(max(1, size // stride))
    with closing(classify_frames(source, classifier, stride)) as classified:
        for number, (frame, rows) in enumerate(classified):
            (raw,) = [None] if rows is None else rows  # one part: the whole frame
            if raw is not None:
                smoothed = average.push(raw)
            yield frame, Predicted(number, raw, smoothed)


def plain_loop(
    path: Path, classify: OpenClassifier, size: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The source tutorial's loop: one frame after the other, the mean of a deque."""
    capture, window, results = cv2.VideoCapture(str(path)), deque(maxlen=size), []
    while (read := capture.read())[0]:
        ((_, raw),) = classify([(None, Frame(read[1]).network_input())])
        window.append(raw)
        results.append((raw, np.array(window).mean(axis=0)))
    return results


@pytest.mark.parametrize("size", [1, 16, 128])
def test_it_is_the_plain_loop_on_a_drawn_clip(
    size: int, flickering_clip: Path, classify: OpenClassifier
) -> None:
    expected = plain_loop(flickering_clip, classify, size)
    frames = list(predict_frames(VideoSource(flickering_clip), classify, size=size, stride=1))
    assert [made.frame for _, made in frames] == list(range(120)) == list(range(len(expected)))
    for (_, made), (raw, averaged) in zip(frames, expected, strict=True):
        np.testing.assert_allclose(made.raw, raw, atol=1e-6)
        np.testing.assert_allclose(made.smoothed, averaged, atol=1e-5)


@pytest.mark.real_data
@pytest.mark.parametrize("clip", ["lifting", "soccer", "tennis"])
def test_it_is_the_plain_loop_on_a_real_clip(
    clip: str, real_data: Path, classify: OpenClassifier
) -> None:
    path = real_data / "clips" / f"{clip}.mp4"
    expected = plain_loop(path, classify, 128)
    made = list(predict_frames(VideoSource(path), classify, size=128, stride=1))
    assert len(made) == len(expected)
    for (_, result), (raw, averaged) in zip(made, expected, strict=True):
        # Frames are scaled from the decoder's planes, which makes pixels a shade of 255 brighter.
        np.testing.assert_allclose(result.raw, raw, atol=0.01)
        np.testing.assert_allclose(result.smoothed, averaged, atol=0.01)


@pytest.mark.parametrize("stride", [2, 3, 7, 500])
def test_with_a_stride_frames_in_between_share_the_last_prediction(
    stride: int, flickering_clip: Path
) -> None:
    every = list(predict_frames(VideoSource(flickering_clip), BY_COLOUR, size=1, stride=1))
    window: deque[np.ndarray] = deque(maxlen=max(1, 20 // stride))
    frames = list(predict_frames(VideoSource(flickering_clip), BY_COLOUR, size=20, stride=stride))
    assert [made.frame for _, made in frames] == list(range(120))
    for number, (frame, made) in enumerate(frames):
        assert frame.seconds == pytest.approx(number / 30)
        if number % stride:
            assert made.raw is None
        else:
            np.testing.assert_array_equal(made.raw, every[number][1].raw)
            window.append(made.raw)
        np.testing.assert_allclose(made.smoothed, np.mean(window, axis=0), atol=1e-6)


@pytest.mark.parametrize("stride", [1, 4, 50])
def test_frames_that_fill_the_memory_give_the_same(
    stride: int, flickering_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = list(predict_frames(VideoSource(flickering_clip), BY_COLOUR, size=9, stride=stride))
    # Room for three frames of this clip, as the real figure has for one of 8K.
    monkeypatch.setattr(prediction, "_BYTES_AHEAD", 3 * 160 * 120 * 3)
    decoded, most_waiting = 0, 0

    class Counting(VideoSource):
        def frames(self):
            nonlocal decoded
            for frame in super().frames():
                decoded += 1
                yield frame

    frames = predict_frames(Counting(flickering_clip), BY_COLOUR, size=9, stride=stride)
    for (_, made), (_, wanted) in zip(frames, expected, strict=True):
        if made.frame == 5:
            time.sleep(0.5)  # the other threads go as far ahead as they may
        most_waiting = max(most_waiting, decoded - made.frame)
        np.testing.assert_array_equal(made.smoothed, wanted.smoothed)
        assert (made.raw is None) == (wanted.raw is None)
    assert most_waiting < 15


@pytest.mark.parametrize("stride", [1, 4, 50])
def test_without_pictures_predictions_and_times_are_the_same(
    stride: int, flickering_clip: Path
) -> None:
    frames = classify_frames(VideoSource(flickering_clip), BY_COLOUR, stride)
    times = classify_frames(VideoSource(flickering_clip), BY_COLOUR, stride, keep_pixels=False)
    for (shown, raw), (frame, wanted) in zip(times, frames, strict=True):
        assert (shown.seconds, shown.duration) == (frame.seconds, frame.duration)
        np.testing.assert_array_equal(raw, wanted)


def test_a_large_frame_is_classified_once_where_no_picture_waits(
    flickering_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction, "_BYTES_AHEAD", 160 * 120 * 3)
    classified = 0

    def counting(stream: Stream) -> Iterator[tuple[object, np.ndarray]]:
        nonlocal classified
        for item in mean_colour(stream):
            classified += 1
            yield item

    source = VideoSource(flickering_clip)
    classified_frames = classify_frames(source, opened(counting), 40, keep_pixels=False)
    assert len(list(classified_frames)) == 120
    assert classified == 3


@pytest.mark.parametrize(
    ("width", "height", "stride", "keep_frames", "most"),
    [
        (638, 402, 1, True, 32),
        (7680, 4320, 1, True, 1),
        (1920, 1080, 1000, True, 1),
        (7680, 4320, 1, False, 32),
    ],
)
def test_frames_of_any_size_wait_for_a_batch_that_fits(
    width: int, height: int, stride: int, keep_frames: bool, most: int
) -> None:
    """The sizes of clips in stores are not known when the network is opened."""
    batches = []

    class Network:
        def predict_on_batch(self, pixels: np.ndarray) -> np.ndarray:
            batches.append(len(pixels))
            return np.zeros((len(pixels), 3), np.float32)

    class Still:
        """A picture that never moves, and takes no memory."""

        live = False
        info = VideoInfo(width, height, 30, 0)

        def frames(self) -> Iterator[Frame]:
            for number in range(40 * stride if stride == 1 else 200):
                yield Frame(np.zeros((2, 2, 3), np.uint8), number / 30)

    engine = keras_engine(Network(), 32)
    frames = classify_frames(Still(), opened(engine), stride, keep_pixels=keep_frames)
    deque(frames, maxlen=0)
    assert max(batches) == most


def test_closing_early_leaves_no_thread(flickering_clip: Path, classify: OpenClassifier) -> None:
    before = threading.active_count()
    for taken in (1, 5, 60):
        frames = predict_frames(VideoSource(flickering_clip), classify, size=9, stride=1)
        with closing(frames):
            for _ in range(taken):
                next(frames)
        assert threading.active_count() == before


@pytest.mark.parametrize("stage", ["decoding", "inference"])
def test_an_error_in_a_stage_arrives_and_leaves_no_thread(
    stage: str, flickering_clip: Path, classify: OpenClassifier
) -> None:
    before = threading.active_count()

    def fail_at_50(stream: Stream) -> Iterator[tuple[object, np.ndarray]]:
        for number, item in enumerate(mean_colour(stream)):
            if number == 50:
                raise MemoryError("no room")
            yield item

    calls = iter(range(1000))

    class FailingInput(OpenClassifier):
        def network_input(self, image: Frame) -> np.ndarray:
            if next(calls) == 50:
                raise MemoryError("no room")
            return super().network_input(image)

    failing = {"decoding": FailingInput(SAVED, classify.engine), "inference": opened(fail_at_50)}
    frames = predict_frames(VideoSource(flickering_clip), failing[stage], size=9, stride=1)
    seen: list[object] = []
    with pytest.raises(MemoryError, match="no room"):
        seen.extend(frames)
    assert len(seen) <= 50
    assert threading.active_count() == before


def test_a_frame_reaches_the_network_as_the_same_photo_does(tmp_path: Path) -> None:
    reached = []

    def engine(stream):
        for tag, pixels in stream:
            reached.append(pixels)
            yield tag, np.array([1.0, 0.0], np.float32)

    source = VideoSource(write_clip(tmp_path / "clip.avi", ["red", "green"], size=(320, 250)))
    photos = [
        decode_photo(cv2.imencode(".png", frame.pixels)[1].tobytes())
        for frame, _ in predict_frames(source, opened(engine), size=1, stride=1)
    ]
    assert len(reached) == 2
    for pixels, photo in zip(reached, photos, strict=True):
        assert (pixels.shape, pixels.dtype) == ((224, 224, 3), np.uint8)
        # A frame is scaled from the decoder's planes.
        assert np.abs(pixels.astype(int) - photo).mean() < 1


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize(("framing", "side"), [("centre", 96), ("squashed", 64)])
def test_a_frame_is_framed_and_sized_as_the_network_was_trained(
    framing: str, side: int, live: bool, stride: int, tmp_path: Path
) -> None:
    reached = []

    def engine(stream):
        for tag, pixels in stream:
            reached.append(pixels)
            yield tag, np.array([1.0, 0.0, 0.0], np.float32)

    classifier = OpenClassifier(replace(SAVED, framing=framing, side=side), engine)
    source = VideoSource(write_clip(tmp_path / "clip.avi", ["red", "green"], size=(320, 250)))
    source.live = live
    frames = [frame.pixels for frame, _ in classify_frames(source, classifier, stride)]
    assert len(frames) == 2
    assert len(reached) == 2 // stride
    for pixels, frame in zip(reached, frames, strict=False):
        assert pixels.shape == (side, side, 3)
        # It is scaled from the decoder's planes.
        assert np.abs(pixels.astype(int) - Frame(frame).network_input(framing, side)).mean() < 1.5


def resident_bytes() -> int:
    """How much memory this process takes."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in x)
    return int(line.split()[1]) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process in /proc")
@pytest.mark.parametrize("again", [False, True])
def test_frames_that_grow_midway_take_no_more_memory_than_the_first(
    again: bool, tmp_path: Path
) -> None:
    path = tmp_path / "grows.ts"
    for size, count in (((64, 48), 5), ((1280, 720), 90)):
        pictures = [draw_frame(number, size) for number in range(count)]
        part = write_pictures(tmp_path / "part.ts", pictures, "mpeg2video")
        with path.open("ab") as file:
            file.write(part.read_bytes())
    del pictures
    before = resident_bytes()
    if again:
        frames = list(read_ahead(VideoSource(path)))
    else:
        frames = [frame for frame, _ in classify_frames(VideoSource(path), BY_COLOUR, stride=30)]
    taken = resident_bytes() - before
    assert len(frames) > 90
    assert {frame.pixels.shape for frame in frames} == {(48, 64, 3)}
    # As planes of their own size, they would take 124 MB.
    assert taken < 60_000_000
