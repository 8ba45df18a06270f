"""Clips to learn from: which frames of them show which label.

A clip shows the activity of its folder from start to end; or, where a table of the same name lies
beside it, what the table says, wherever the clip lies. The table is what ``predict_video.py
--segments`` writes and a person has corrected: see ``segments``.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from activity.common.errors import UserError
from activity.common.stores import local_copy
from activity.media.clip import VideoSource
from activity.media.images import Image
from activity.temporal.segments import UNKNOWN, Segment, read_segments

BOUNDARY = 0.5
"""Seconds on either side of a boundary that teach nothing: people set boundaries by eye."""


class LabelledClip(NamedTuple):
    """A clip, by its path in the data set (POSIX form), and what it shows when."""

    path: str
    segments: list[Segment]


class SampledFrames(NamedTuple):
    """Frames of clips to learn from.

    Attributes:
        images: in the order of their clips and times.
        labels: of each frame; one of them may be ``unknown``.
        skipped: clips that cannot be read, with the reason.
        too_long: tables that go on beyond the end of their clips.
        without_frames: clips too short, or with stretches too short, for a single one.
    """

    images: list[Image]
    labels: list[str]
    skipped: dict[str, str]
    too_long: list[str]
    without_frames: list[str]


def read_labels_of_clips(
    dataset: Path, clips: Mapping[str, str | None]
) -> tuple[list[LabelledClip], dict[str, str]]:
    """Find out what each clip shows, from the table beside it or from its folder.

    Args:
        dataset: the folder that the clips' paths are relative to.
        clips: each with its table, or None; paths in POSIX form.

    Returns:
        (clips, skipped): those that are labelled; and those of which nobody knows what they show,
        or whose table cannot be read, with the reason.
    """
    labelled: list[LabelledClip] = []
    skipped: dict[str, str] = {}
    for clip, table in clips.items():
        if table is not None:
            try:
                labelled.append(LabelledClip(clip, read_segments(dataset / table)))
            except UserError as error:
                skipped[clip] = str(error)
        elif folder := Path(clip).parent.name:
            labelled.append(LabelledClip(clip, [Segment(0, math.inf, folder)]))
        else:
            skipped[clip] = "no folder and no table says what it shows"
    return labelled, skipped


def sample_frames(
    dataset: Path, clips: Sequence[LabelledClip], labels: Collection[str], every: float
) -> SampledFrames:
    """Choose the frames of clips to learn from, without decoding more than their first.

    Args:
        dataset: the folder that the clips' paths are relative to.
        clips: what they show, and when.
        labels: to learn; segments of other labels give no frames, but for those of footage of
            none of the activities, which are labelled ``unknown``.
        every: seconds from one frame to the next.
    """
    sampled = SampledFrames([], [], {}, [], [])
    for clip in tqdm(clips, "looking at clips", disable=None, unit="clip"):
        try:
            with (
                local_copy(dataset / clip.path) as local,
                closing(VideoSource(local)) as source,
            ):
                length = source.seconds()
        except UserError as error:
            sampled.skipped[clip.path] = str(error)
            continue
        times = times_to_learn_from(clip.segments, length, every)
        for seconds, label in times:
            if label in labels or label == UNKNOWN:
                sampled.images.append(Image(clip.path, seconds))
                sampled.labels.append(label)
        if not times:
            sampled.without_frames.append(clip.path)
        end = max((segment.end for segment in clip.segments), default=0)
        if length + max(1, every) < end < math.inf:
            sampled.too_long.append(clip.path)
    return sampled


def times_to_learn_from(
    segments: Sequence[Segment], length: float, every: float
) -> list[tuple[float, str]]:
    """List the times of the frames to learn from, with their labels.

    They are multiples of ``every``, whatever the segments: when a person moves a boundary, the
    features of all other frames are known already. Frames at less than ``BOUNDARY`` from a
    boundary are left out; where the clip itself starts and ends is none.

    Args:
        segments: in the order of time; a segment without a label gives no times.
        length: of the clip, in seconds.
        every: seconds from one frame to the next.

    Example:
        >>> times_to_learn_from([Segment(0, 3, "tennis"), Segment(3, 9, "football")], 6, 1)
        [(0, 'tennis'), (1, 'tennis'), (2, 'tennis'), (4, 'football'), (5, 'football')]
    """
    times: list[tuple[float, str]] = []
    for segment in segments:
        first = segment.start + BOUNDARY if segment.start > 0 else 0.0
        # The table of a whole clip ends where the clip does, but for the rounding of times.
        to_the_end = segment is segments[-1] and segment.end > length - BOUNDARY
        last = segment.end if to_the_end else segment.end - BOUNDARY
        number = math.ceil(first / every)
        while segment.label and number * every <= last and number * every < length:
            times.append((round(number * every, 6), segment.label))
            number += 1
    return times
