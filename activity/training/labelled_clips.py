"""Clips to learn from: which frames of them show which label."""

import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from activity.common.errors import UserError
from activity.media.digest_index import DigestIndex
from activity.media.images import Image, look_at_clip
from activity.temporal.segments import UNKNOWN, Segment
from activity.training.parts import Part

BOUNDARY = 0.5
"""Seconds on either side of a boundary that teach nothing: people set boundaries by eye."""

FEWEST_FRAMES = 10
"""This many frames of a label are taken from a clip whose table marks it for a few seconds only."""

_CLOSEST = 0.1
"""Seconds; frames closer together than this show the same."""


class LabelledClip(NamedTuple):
    """A clip, and what it shows when.

    Attributes:
        path: relative to ``folder``, in POSIX form.
        segments: in the order of time.
        folder: folder of the data set.
        dataset: the number of the data set that it is from: each is split by itself.
        part: where it belongs in a data set that is split already.
    """

    path: str
    segments: list[Segment]
    folder: Path = Path()
    dataset: int = 0
    part: Part | None = None

    @property
    def file(self) -> Path:
        """Where the clip lies."""
        return self.folder / self.path


class SampledFrames(NamedTuple):
    """Frames of clips to learn from.

    Attributes:
        images: in the order of their clips and times.
        labels: labels of each frame; one of them may be ``unknown``.
        skipped: clips that cannot be read, with the reason.
        too_long: tables that go on beyond the end of their clips.
        without_frames: clips too short, or with stretches too short, for a single one.
        seconds: that each of the images stands for.
        contents: digest of each clip's content.
    """

    images: list[Image]
    labels: list[str]
    skipped: dict[str, str]
    too_long: list[str]
    without_frames: list[str]
    seconds: list[float]
    contents: Mapping[Path, str] = {}


def sample_frames(
    clips: Sequence[LabelledClip],
    labels: Collection[str],
    every: float,
    cache: Path | None = None,
) -> SampledFrames:
    """Choose the frames of clips to learn from, without decoding more than their first.

    Args:
        clips: what they show, and when.
        labels: to learn; segments of other labels give no frames, but for those of footage of
            none of the activities, which are labelled ``unknown``.
        every: seconds from one frame to the next, at most: ``times_to_learn_from`` says when they
            are closer together.
        cache: folder where digests and lengths of clips are kept from run to run; None keeps none.
    """
    contents: dict[Path, str] = {}
    sampled = SampledFrames([], [], {}, [], [], [], contents)
    with closing(DigestIndex(cache)) as index:
        for clip in tqdm(clips, "looking at clips", disable=None, unit="clip"):
            try:
                contents[clip.file], length = look_at_clip(clip.file, index)
            except UserError as error:
                sampled.skipped[clip.path] = str(error)
                continue
            times = times_to_learn_from(clip.segments, length, every)
            for time, label, spacing in times:
                if label in labels or label == UNKNOWN:
                    sampled.images.append(Image(clip.path, time, clip.folder))
                    sampled.labels.append(label)
                    sampled.seconds.append(spacing)
            if not times:
                sampled.without_frames.append(clip.path)
            end = max((segment.end for segment in clip.segments), default=0)
            if length + max(1, every) < end < math.inf:
                sampled.too_long.append(clip.path)
    return sampled


class Moment(NamedTuple):
    """A time of a clip, in seconds, with its label and the seconds to the next of that label."""

    time: float
    label: str
    spacing: float


def times_to_learn_from(segments: Sequence[Segment], length: float, every: float) -> list[Moment]:
    """List the times of the frames to learn from, with their labels.

    They are multiples of ``every``, whatever the segments: when a person moves a boundary, the
    features of all other frames are known already. Where that gives fewer than ``FEWEST_FRAMES`` of
    a label that a table marks, ``every`` is halved for it until there are enough: the three seconds
    that a person has corrected teach too little otherwise. Frames at less than ``BOUNDARY`` from a
    boundary are left out; where the clip itself starts and ends is none.

    Args:
        segments: in the order of time; a segment without a label gives no times.
        length: length of the clip, in seconds.
        every: seconds from one frame to the next, at most.

    Example:
        >>> segments = [Segment(0, 3, "tennis"), Segment(3, 14, "football")]
        >>> moments = times_to_learn_from(segments, 14, 1)
        >>> [moment.time for moment in moments if moment.label == "tennis"]
        [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5]
        >>> [moment.time for moment in moments if moment.label == "football"]
        [4, 5, 6, 7, 8, 9, 10, 11, 12, 13]
    """
    times: list[Moment] = []
    is_whole_clip = any(math.isinf(segment.end) for segment in segments)
    closest = every if is_whole_clip else _CLOSEST
    for label in sorted({segment.label for segment in segments} - {""}):
        spacing = every
        of_label = _multiples(spacing, label, segments, length)
        while len(of_label) < FEWEST_FRAMES and spacing / 2 >= closest:
            spacing /= 2
            of_label = _multiples(spacing, label, segments, length)
        times += of_label
    return sorted(times)


def _multiples(
    spacing: float, label: str, segments: Sequence[Segment], length: float
) -> list[Moment]:
    times: list[Moment] = []
    for segment in segments:
        if segment.label != label:
            continue
        first = segment.start + BOUNDARY if segment.start > 0 else 0.0
        # The table of a whole clip ends where the clip does, but for the rounding of times.
        to_the_end = segment is segments[-1] and segment.end > length - BOUNDARY
        last = segment.end if to_the_end else segment.end - BOUNDARY
        number = math.ceil(first / spacing)
        while number * spacing <= last and number * spacing < length:
            times.append(Moment(round(number * spacing, 6), label, spacing))
            number += 1
    return times
