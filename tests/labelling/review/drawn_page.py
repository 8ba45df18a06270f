"""A review page of drawn clips: `python -m tests.labelling.review.drawn_page FOLDER` writes one."""

import hashlib
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np

from activity.labelling.review.data_files import (
    ShownPart,
    copy_file,
    data_of_clip,
    needs_copy,
    open_copy,
    page_and_name,
)
from activity.labelling.review.writer import ReviewClip, write_clip, write_index
from activity.media.clip import VideoSource
from activity.media.region import Region, parse_region
from activity.temporal.predictions import Predictions
from activity.temporal.segments import Segment
from activity.temporal.summary import LabelRun, summarise

LABELS = ["football", "tennis", "weight_lifting"]
FPS = 25


def draw_clip(path: Path, seconds: float = 8, *, codec: str = "libx264", start: float = 0) -> Path:
    """Draw a clip of a ball over a field; a strip at the top tells each frame's number.

    The number stands in twelve fields, white for 1, the highest place first.

    Args:
        path: where to; its ending chooses the container.
        seconds: how long.
        codec: codec of the video.
        start: when the first frame is shown, in seconds of the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as clip:
        stream = clip.add_stream(codec, rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 480, 270, "yuv420p"
        for number in range(round(seconds * FPS)):
            frame = av.VideoFrame.from_ndarray(_draw(number), format="bgr24")
            frame.pts = number + round(start * FPS)
            clip.mux(stream.encode(frame))
        clip.mux(stream.encode(None))
    return path


def _draw(number: int) -> np.ndarray:
    picture = np.zeros((270, 480, 3), np.uint8)
    picture[:] = (60, 120, 60)
    cv2.rectangle(picture, (40, 60), (440, 240), (230, 230, 230), 2)
    cv2.line(picture, (240, 60), (240, 240), (230, 230, 230), 2)
    at = 240 + round(180 * math.sin(number / 20)), 150 + round(70 * math.cos(number / 13))
    cv2.circle(picture, at, 12, (40, 200, 230), -1)
    for place in range(12):
        lit = number >> (11 - place) & 1
        picture[:30, place * 40 : place * 40 + 40] = 255 if lit else 0
    return picture


def frame_of(picture: np.ndarray) -> int:
    """Read the number of a drawn frame from its picture, of any size."""
    height, width = picture.shape[:2]
    strip = picture[height // 20]
    bits = [int(strip[int((place + 0.5) * width / 12)].mean() > 128) for place in range(12)]
    return int("".join(map(str, bits)), 2)


def predictions(times: Sequence[float], labels: Sequence[str], seed: int = 0) -> np.ndarray:
    """Make up raw predictions: sure at first, in doubt in the middle, sure of another at the end.

    Returns:
        float32, shape (frames, labels).
    """
    random = np.random.default_rng(seed)
    part = np.asarray(times) / max(times[-1], 1e-9)
    scores = random.normal(0, 0.5, (len(times), len(labels)))
    scores[:, 0] += np.where(part < 0.4, 3, 0.8)
    scores[:, 1] += np.where(part < 0.4, 0, np.where(part < 0.7, 0.9, 3.5))
    shares = np.exp(scores)
    return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def review_clip(
    path: Path,
    times: Sequence[float],
    *,
    labels: Sequence[str] = LABELS,
    name: str | None = None,
    digest: str | None = None,
    copy: Path | None = None,
    segments: Sequence[Segment] | None = None,
    region: Region | None = None,
) -> ReviewClip:
    """Make what the page shows of a clip, or of a region, out of made-up predictions."""
    end = times[-1] + 1 / FPS
    if segments is None:
        bounds = [times[round(len(times) * share)] for share in (0.4, 0.7)]
        segments = [
            Segment(0.0, bounds[0], labels[0]),
            Segment(bounds[0], bounds[1], labels[0]),
            Segment(bounds[1], end, labels[1]),
        ]
    known = Predictions(np.asarray(times, np.float64), predictions(times, labels), 1, labels, end)
    summary = replace(
        summarise(known, np.zeros(len(times), np.uint8), "raw"),
        probabilities=np.eye(len(labels))[0],
        runs=[LabelRun(label, start, stop, 0, 0) for start, stop, label in segments],
    )
    if digest is None:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    # As fine as shares are written.
    size = (10**6, 10**6)
    shown = ShownPart(digest, size, region and region.window(size, path.name))
    return ReviewClip(
        *(name or path.stem, path, shown, known, summary, copy), region.name if region else ""
    )


def write_page_of_regions(folder: Path, clip: Path, regions: Sequence[str], seconds: float) -> Path:
    """Write a page of the regions of a clip; the second half of each has another label.

    Args:
        folder: folder of the page.
        clip: a clip at FPS frames a second that browsers play.
        regions: in shares of the frame, as ``--region`` takes them.
        seconds: how long the clip is.
    """
    times = [number / FPS for number in range(round(seconds * FPS))]
    for number, region in enumerate(map(parse_region, regions)):
        first, second = LABELS[number % 3], LABELS[(number + 1) % 3]
        bound = seconds * (number + 1) / (len(regions) + 1)
        segments = [Segment(0, bound, first), Segment(bound, seconds, second)]
        name = f"{clip.stem}.{region.name}"
        write_clip(folder, review_clip(clip, times, name=name, segments=segments, region=region))
    write_index(folder)
    return folder / "index.html"


def write_page(folder: Path, clips: Sequence[Path], labels: Sequence[str] = LABELS) -> Path:
    """Write a page of clips, with copies of those that browsers do not play; return its file."""
    for path in clips:
        source = VideoSource(path)
        _, name = page_and_name(data_of_clip(folder, path.stem, path))
        copy = copy_file(folder, name) if needs_copy(path, folder) else None
        if copy is None:
            times = [frame.seconds for frame in source.frames()]
        else:
            copy.parent.mkdir(parents=True, exist_ok=True)
            with open_copy(copy, source.info, path) as write:
                times = []
                for frame in source.frames():
                    write(frame)
                    times.append(frame.seconds)
        write_clip(folder, review_clip(path, times, labels=labels, copy=copy, name=name))
    write_index(folder)
    return folder / "index.html"


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    drawn = [
        draw_clip(folder / "tennis.mp4", 12),
        draw_clip(folder / "cup_final.mp4", 20),
        draw_clip(folder / "old_camera.avi", 6, codec="mpeg4"),
    ]
    print(write_page(folder / "review", drawn))
