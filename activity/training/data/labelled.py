"""Labelled photos and clips, and the sets that they are split into: what the other steps take."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from activity.media.images import Image
from activity.temporal.learned import LearnedSpan
from activity.temporal.segments import Segment

Part = Literal["train", "validation", "test"]
"""One of the parts of a data set that is split already."""

FEWEST_PHOTOS = 4
"""A quarter of four photos is one test photo, so fewer cannot be split. The same goes for clips."""

LATER_SUFFIXES = (
    (".webp", ".gif", ".avif"),
    (".jfif", ".jpe", ".jif", ".jfi"),
    (".heic", ".heif", ".hif", ".jxl", ".mpo"),
)
"""Endings of photos beyond those that the source tutorial's library lists (.jpg, .jpeg, .png, .bmp,
.tif, .tiff). Each group came later than the one before, and is split by itself, so that the photos
before it keep the split that they have always had."""


class LabelledPhoto(NamedTuple):
    """A photo of a data set.

    Attributes:
        image: the photo.
        label: its activity.
        dataset: number of its data set; each data set is split by itself.
        part: its part, if the data set is split already.
        group: what ties it to others, such as frames of one video; they stay on one side.
    """

    image: Image
    label: str
    dataset: int = 0
    part: Part | None = None
    group: str | None = None


class LabelledClip(NamedTuple):
    """A clip, or a region of its frames, and what that shows when.

    Attributes:
        image: the clip, and its region, as tables of segments name them.
        segments: in the order of time.
        dataset: number of its data set; each data set is split by itself.
        part: its part, if the data set is split already.
    """

    image: Image
    segments: list[Segment]
    dataset: int = 0
    part: Part | None = None


@dataclass(frozen=True)
class SampledFrames:
    """Frames of clips to learn from.

    Attributes:
        labels: label of each frame, in the order of their clips and times; ``unknown`` may be among
            them.
        seconds: how much of the clip each frame stands for.
        skipped: clips that cannot be read, with the reason.
        too_long: clips whose tables go on beyond their end.
        without_frames: clips that are too short, or whose segments are, to give a frame.
        contents: digest of each clip's content.
    """

    labels: dict[Image, str] = field(default_factory=dict)
    seconds: dict[Image, float] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    too_long: list[str] = field(default_factory=list)
    without_frames: list[str] = field(default_factory=list)
    contents: dict[Path, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outliers:
    """Images of none of the activities, chosen to learn from and to evaluate ``--unknown`` with.

    Attributes:
        photos: to learn from, of labels that were not asked for, and of ``unknown``.
        frames: to learn from, too: those that a table calls ``unknown``.
        unseen: photos of labels that nothing is learned of, to evaluate ``--unknown`` with.
        labels: labels of ``photos``, sorted.
        unseen_labels: labels of ``unseen``, sorted.
        known: how many photos were left out because an activity has them, too.
    """

    photos: list[Image] = field(default_factory=list)
    frames: list[Image] = field(default_factory=list)
    unseen: list[Image] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    unseen_labels: list[str] = field(default_factory=list)
    known: int = 0

    @property
    def learned(self) -> list[Image]:
        """All that is learned from: photos, then frames."""
        return [*self.photos, *self.frames]


class ImageSets(NamedTuple):
    """Photos and frames, and what they are for.

    Attributes:
        training, test: what to learn from and what to test with.
        unknown: frames labelled ``unknown`` that nothing is learned from, to try ``--unknown`` on.
        labels: label of each of these.
        frames: those of the images that are frames, and what was wrong with their clips.
        outliers: images of none of the activities.
        learned: the spans of clips that images to learn from are in.
    """

    training: list[Image]
    test: list[Image]
    unknown: list[Image]
    labels: dict[Image, str]
    frames: SampledFrames
    outliers: Outliers = Outliers()
    learned: Sequence[LearnedSpan] = ()
