"""Clips in which every frame's label is known: segments of one label each, in random order."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import accumulate, cycle, islice, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.media.clip import VideoSource
from activity.media.frame import INPUT_SIZE, Frame, VideoInfo
from activity.media.photo import decode_image, read_photo
from activity.media.sink import open_sink
from activity.temporal.segment_files import write_segments
from activity.temporal.segments import UNKNOWN, Segment
from demo.scenes import ACTIVITIES, draw_scene

RATE = 30
CLIP_STRETCH = (3, 15)  # seconds
PHOTO_STRETCH = (3, 30)
PHOTO_SHOT = (20, 120)  # frames
UNKNOWN_SHARE = 0.4

_DRAWN_SIZE = (320, 180)
_PLAY, _CUTAWAY = (60, 150), (10, 40)  # frames
_FIRST_SEED = 10_000  # the demo's photos and clips have lower ones

Pixels = NDArray[np.uint8]
Footage = Callable[[np.random.Generator, str, int], Iterator[Pixels]]
"""Yields a number of frames of a label, as network input: RGB, uint8, shape (224, 224, 3)."""


def write_sequence(
    folder: Path,
    footage: Footage,
    labels: Sequence[str],
    *,
    unknown: bool,
    stretches: int,
    seconds: tuple[int, int],
    seed: int,
) -> tuple[Path, Path, dict[str, int]]:
    """Write a clip of random segments, and the table of its true segments.

    Frames are encoded as network input: the clip is small, and the shape of frames does not matter.

    Args:
        footage: source of the frames.
        labels: labels that the network knows.
        unknown: whether some segments show none of them.
        stretches: number of segments; two in a row may have the same label.
        seconds: shortest and longest duration of a segment.
        seed: seed of all random choices.

    Returns:
        (clip, table, frames of each label).
    """
    random = np.random.default_rng(seed)
    lengths = random.integers(RATE * seconds[0], RATE * seconds[1], stretches, endpoint=True)
    strange = random.random(stretches) < (UNKNOWN_SHARE if unknown else 0)
    names = [UNKNOWN if is_strange else str(random.choice(labels)) for is_strange in strange]
    bounds = [frame / RATE for frame in accumulate(lengths.tolist(), initial=0)]
    truth = [Segment(*span, name) for span, name in zip(pairwise(bounds), names, strict=True)]
    clip, table = folder / "sequence.mp4", folder / "sequence.csv"
    write_segments(table, truth)
    info = VideoInfo(INPUT_SIZE, INPUT_SIZE, RATE, int(lengths.sum()))
    with open_sink(clip, info, None) as sink, tqdm(total=info.frame_count, disable=None) as bar:
        for name, length in zip(names, lengths.tolist(), strict=True):
            for rgb in footage(random, name, length):
                bgr = np.ascontiguousarray(rgb[..., ::-1])
                sink.write(Frame(bgr, sink.frame_count / RATE))
                bar.update()
    frames = dict.fromkeys(names, 0)
    for name, length in zip(names, lengths.tolist(), strict=True):
        frames[name] += length
    return clip, table, frames


def footage_of_clips(clips: Mapping[str, Sequence[Path]]) -> Footage:
    """Cut segments out of clips; one that is longer than its clip continues from the clip's start.

    Args:
        clips: the clips of each label.
    """

    def frames(random: np.random.Generator, label: str, count: int) -> Iterator[Pixels]:
        path = clips[label][int(random.integers(len(clips[label])))]
        with closing(VideoSource(path)) as source:
            start = int(random.integers(max(1, source.info.frame_count - count)))
        while count:
            with closing(VideoSource(path)) as source:
                for frame in islice(source.frames(), start, start + count):
                    yield frame.network_input()
                    count -= 1
            start = 0

    return frames


def footage_of_photos(photos: Mapping[str, Sequence[Path]]) -> Footage:
    """Make segments of shots; each shot is one still photo.

    Args:
        photos: the photos of each label.
    """

    def frames(random: np.random.Generator, label: str, count: int) -> Iterator[Pixels]:
        while count:
            photo = photos[label][int(random.integers(len(photos[label])))]
            image = decode_image(read_photo(photo))
            if image is None:
                continue
            pixels = Frame(image).network_input()
            shot = min(count, int(random.integers(*PHOTO_SHOT, endpoint=True)))
            yield from [pixels] * shot
            count -= shot

    return frames


def drawn_footage(random: np.random.Generator, label: str, count: int) -> Iterator[Pixels]:
    """Draw play with short misleading shots in between; ``unknown`` is only such shots."""
    activities, cutaways = list(ACTIVITIES), ["crowd", "close_up"]
    for shot_is_play in cycle([True, False]):
        play = shot_is_play and label != UNKNOWN
        bounds = _PLAY if play or label == UNKNOWN else _CUTAWAY
        shot = min(count, int(random.integers(*bounds, endpoint=True)))
        activity = str(random.choice(activities)) if label == UNKNOWN else label
        kind = "play" if play else str(random.choice(cutaways))
        seed = _FIRST_SEED + int(random.integers(_FIRST_SEED))
        for frame in range(shot):
            drawn = draw_scene(activity, seed, frame / RATE, _DRAWN_SIZE, kind)
            yield Frame(np.ascontiguousarray(drawn[..., ::-1])).network_input()
        count -= shot
        if not count:
            return
