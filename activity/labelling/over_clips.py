"""Files that are written once, over all clips of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from activity.labelling.jobs import writes_into_folder
from activity.labelling.label_clip import Outcome
from activity.labelling.outputs import Outputs
from activity.temporal.formats.annotations import LabelledMedia
from activity.temporal.segment_files import holds_many_clips, write_annotations


@dataclass(frozen=True)
class OverClips:
    """The files to write over all clips.

    Attributes:
        segments: a file that holds the segments of many clips, such as a BORIS project; None for
            none.
    """

    segments: Path | None = None

    @property
    def paths(self) -> list[Path]:
        """All files that are asked for."""
        return [self.segments] if self.segments else []


def told_apart(inputs: Sequence[str], outputs: Outputs) -> tuple[Outputs, OverClips]:
    """Tell the outputs of each clip from those over all clips."""
    segments = outputs.segments
    if segments and writes_into_folder(inputs, outputs) and holds_many_clips(segments):
        return replace(outputs, segments=None), OverClips(segments)
    return outputs, OverClips()


def write_over_clips(
    files: OverClips, outcomes: Mapping[str, Outcome], labels: Sequence[str]
) -> None:
    """Write them.

    Args:
        files: which.
        outcomes: of the clips that are labelled, in the order of the files.
        labels: of the model.

    Raises:
        UserError: the file system refuses to write.
    """
    if files.segments:
        clips = [LabelledMedia(one.media, one.summary.segments) for one in outcomes.values()]
        write_annotations(files.segments, clips, labels)
