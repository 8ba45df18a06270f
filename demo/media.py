"""Photos, clips and the before-and-after picture, drawn and written to files."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from tqdm import tqdm

from activity.common.cores import usable_cores
from demo.scenes import ACTIVITIES, draw_scene

SEED = 42
CLIP_SIZE, CLIP_RATE = (480, 270), 30
MISLEADING_EVERY = 24  # one photo in so many is of a crowd, and one a close-up


class Cutaway(NamedTuple):
    """A short misleading shot in a clip: when it starts and how long it lasts, in seconds."""

    start: float
    length: float
    shot: str
    seed: int  # picked: a network is likely to take it for another activity


class Scene(NamedTuple):
    """One activity in one view, except during its cutaways."""

    activity: str
    seed: int  # picked by eye: the view shows the activity well
    seconds: float
    cutaways: tuple[Cutaway, ...] = ()


Clip = tuple[Scene, ...]
"""What a clip shows: one scene after the other."""


CHANGING = "highlights.mp4"

CLIPS: dict[str, Clip] = {
    "tennis.mp4": (
        Scene(
            "tennis",
            13,
            9.0,
            (
                Cutaway(1.8, 0.6, "crowd", 2),
                Cutaway(3.4, 0.4, "close_up", 9),
                Cutaway(5.0, 0.7, "close_up", 5),
                Cutaway(6.6, 0.5, "crowd", 1),
                Cutaway(8.1, 0.3, "close_up", 4),
            ),
        ),
    ),
    "soccer.mp4": (
        Scene(
            "football",
            23,
            8.0,
            (
                Cutaway(1.6, 0.5, "close_up", 0),
                Cutaway(3.0, 0.8, "crowd", 5),
                Cutaway(4.7, 0.4, "close_up", 11),
                Cutaway(6.3, 0.6, "crowd", 10),
            ),
        ),
    ),
    "lifting.mp4": (
        Scene(
            "weight_lifting",
            3,
            9.0,
            (
                Cutaway(2.2, 0.6, "crowd", 6),
                Cutaway(3.8, 0.4, "close_up", 3),
                Cutaway(5.6, 0.7, "close_up", 9),
                Cutaway(7.6, 0.5, "crowd", 0),
            ),
        ),
    ),
    CHANGING: (
        Scene("tennis", 13, 4.0),
        Scene("football", 23, 4.0, (Cutaway(0.0, 4.0, "title", 0),)),
        Scene("football", 23, 4.0),
        Scene("weight_lifting", 3, 4.0),
    ),
}


# Windows waits for no more of them at once.
_MOST_PROCESSES = 61


def artists() -> ProcessPoolExecutor:
    """Processes to draw with, one for each core.

    They are spawned: OpenCV's threads do not survive a fork.
    """
    return ProcessPoolExecutor(
        min(usable_cores(), _MOST_PROCESSES),
        mp_context=get_context("spawn"),
        initializer=cv2.setNumThreads,
        initargs=(1,),
    )


def draw_photos(
    folder: Path, per_activity: int, pool: Executor, made: Callable[[Path], None]
) -> None:
    """Write JPEG photos of every activity into ``folder``/<activity>/; call ``made`` with each."""
    jobs = [(activity, index) for activity in ACTIVITIES for index in range(per_activity)]
    for activity in ACTIVITIES:
        (folder / activity).mkdir(parents=True, exist_ok=True)
    photos = pool.map(_photo, jobs, chunksize=8)
    photos = tqdm(photos, "photos", len(jobs), disable=None)
    for (activity, index), jpeg in zip(jobs, photos, strict=True):
        path = folder / activity / f"{activity}_{index:04d}.jpg"
        path.write_bytes(jpeg)
        made(path)


def draw_clip(path: Path, clip: Clip, pool: Executor) -> None:
    """Write a clip as MPEG-4, and check that all of its frames were written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = round(seconds_of(clip) * CLIP_RATE)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), CLIP_RATE, CLIP_SIZE)
    if not writer.isOpened():
        raise RuntimeError(f"OpenCV cannot write a clip to {path}")
    frames = pool.map(_clip_frame, [clip] * count, range(count), chunksize=8)
    for frame in tqdm(frames, path.name, count, disable=None):
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
    if (written := sum(1 for _ in read_frames(path))) != count:
        raise RuntimeError(f"{path} holds {written} frames of the {count} drawn")


def seconds_of(clip: Clip) -> float:
    """Return the length of a clip in seconds."""
    return sum(scene.seconds for scene in clip)


def changes_of(clip: Clip) -> list[float]:
    """Return the times in seconds when a clip changes from one scene to the next."""
    return list(accumulate(scene.seconds for scene in clip))[:-1]


def shot_at(clip: Clip, time: float) -> tuple[str, str, int]:
    """Return what a clip shows at a time: the activity, the shot, and the seed to draw it with."""
    # A frame at the very change shows what comes, whatever the rounding.
    number = bisect_right(changes_of(clip), time + 1e-9)
    scene, start = clip[number], [0.0, *changes_of(clip)][number]
    for cutaway in scene.cutaways:
        if cutaway.start <= time - start < cutaway.start + cutaway.length:
            return scene.activity, cutaway.shot, cutaway.seed
    return scene.activity, "play", scene.seed


def read_frames(path: Path) -> Iterator[np.ndarray]:
    """A clip's frames, BGR uint8, (height, width, 3)."""
    capture = cv2.VideoCapture(str(path))
    while (read := capture.read())[0]:
        yield read[1]
    capture.release()


def draw_before_and_after(path: Path, moments: list[float], labelled: dict[str, Path]) -> None:
    """Write a JPEG of a few moments of a clip, one row for each captioned labelled version."""
    wanted = [round(moment * CLIP_RATE) for moment in moments]
    rows = []
    for caption, version in labelled.items():
        frames = [frame for index, frame in enumerate(read_frames(version)) if index in wanted]
        small = [cv2.resize(frame, (400, 225), interpolation=cv2.INTER_AREA) for frame in frames]
        spaced = [
            cv2.copyMakeBorder(frame, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=(255,) * 3)
            for frame in small
        ]
        row = np.hstack(spaced)
        title = np.full((26, row.shape[1], 3), 255, np.uint8)
        cv2.putText(
            title, caption, (4, 19), cv2.FONT_HERSHEY_DUPLEX, 0.6, (40, 40, 40), 1, cv2.LINE_AA
        )
        rows += [title, row]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_jpeg(np.vstack(rows), 80))


def _photo(job: tuple[str, int]) -> bytes:
    """One photo as JPEG: any moment of any scene, its size and quality varied."""
    activity, index = job
    rng = np.random.default_rng([SEED, list(ACTIVITIES).index(activity), index])
    shot = {0: "crowd", 1: "close_up"}.get((index + 1) % MISLEADING_EVERY, "play")
    width, height = (int(rng.integers(*bounds)) for bounds in ((340, 461), (240, 341)))
    image = draw_scene(activity, SEED + index, rng.uniform(0, 9), (width, height), shot)
    return _jpeg(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), int(rng.integers(60, 93)))


def _clip_frame(clip: Clip, index: int) -> np.ndarray:
    time = index / CLIP_RATE
    activity, shot, seed = shot_at(clip, time)
    return draw_scene(activity, seed, time, CLIP_SIZE, shot)


def _jpeg(image: np.ndarray, quality: int) -> bytes:
    """A BGR image as JPEG."""
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
