"""What is asked for: a clip to label, the files to write for it, and how to label it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from activity.common.stores import public_name
from activity.labelling.outputs import Outputs
from activity.media.live import is_live
from activity.media.region import Region
from activity.network.engine import EngineOptions
from activity.temporal.judgement import Truth
from activity.temporal.segments import NamedPart
from activity.temporal.smoothing import Smoothing


@dataclass(frozen=True, eq=False)
class Job:
    """One clip to label, or a region of one, and what to write for it.

    Jobs are compared by identity. Those of one clip's regions follow each other, and share the
    labelled clip.

    Attributes:
        clip: path of a file, number of a camera, or address of a stream.
        outputs: the files to write.
        truth: the segments to judge by; None without ``--truth``.
        earlier: data of the clip on a review page, with the labels of an earlier run.
        keep_unfinished: whether to keep what is written when the run ends early. False for files in
            a folder: the next run would take them for finished.
        region: the part of the frames to label; None for the whole frame.
        stem: what files are called that are about all of the clip, without an ending.
    """

    clip: str
    outputs: Outputs
    truth: Truth | None = None
    earlier: Path | None = None
    keep_unfinished: bool = True
    region: Region | None = None
    stem: str = ""

    @property
    def own_stem(self) -> str:
        """What files are called that are about this alone, such as ``match.left``."""
        return f"{self.stem}.{self.region.name}" if self.region else self.stem

    @property
    def name(self) -> str:
        """What messages and results call the clip, which others may read."""
        return public_name(self.clip)

    @property
    def part(self) -> NamedPart:
        """What is labelled: the clip, or its region."""
        return NamedPart(self.name, self.region.name if self.region else "")

    @property
    def is_live(self) -> bool:
        """Whether the clip is a camera or a stream."""
        return is_live(self.clip)

    @property
    def copies_streams(self) -> bool:
        """Whether the labelled clip is the clip as it is, with the labels as subtitles."""
        return self._ending == ".mkv"

    @property
    def draws(self) -> bool:
        """Whether labels are drawn on frames."""
        return self.outputs.video is not None and not self.copies_streams

    @property
    def writes_pixels(self) -> bool:
        """Whether frames are written as pixels; an .mp4 takes the decoder's planes."""
        return self._ending == ".avi"

    @property
    def _ending(self) -> str:
        return self.outputs.video.suffix.lower() if self.outputs.video else ""


def of_one_clip(jobs: Sequence[Job]) -> list[list[Job]]:
    """Part jobs into those of one clip each: the clip itself, or its regions."""
    clips: list[list[Job]] = []
    for job in jobs:
        last = clips[-1][-1] if clips else None
        if last and last.region and job.region and last.clip == job.clip:
            clips[-1].append(job)
        else:
            clips.append([job])
    return clips


@dataclass(frozen=True)
class Settings:
    """How to label clips: the same for all clips of a run, and small enough to send to workers.

    Attributes:
        smoothing: how predictions become labels.
        stride: classify every ``stride``-th frame.
        compare: further sizes of smoothing for the timeline and ``--truth``.
        bars: whether to draw a bar for each label.
        options: how to run the network.
    """

    smoothing: Smoothing
    stride: int = 1
    compare: tuple[int, ...] = ()
    bars: bool = False
    options: EngineOptions = field(default_factory=EngineOptions)
