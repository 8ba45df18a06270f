"""Files that are written once, over all clips of a run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from activity.common.errors import UserError
from activity.labelling.jobs import Job
from activity.labelling.outputs import Outputs
from activity.labelling.planning import writes_into_folder
from activity.labelling.results import Outcome
from activity.temporal.corrected_shares import labels_with_unknown
from activity.temporal.formats.annotations import LabelledMedia
from activity.temporal.segment_files import holds_many_clips, write_annotations
from activity.temporal.stats_tables import Stats, gather_stats, paths_of_tables, write_stats

_PICTURES = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class OverClips:
    """The files to write over all clips.

    Attributes:
        segments: a file that holds the segments of many clips, such as a BORIS project; None for
            none.
        tables: of the numbers of the clips; empty for none.
        picture: of their labels; None for none.
        bins: seconds of a bin in the tables; None for none.
    """

    segments: Path | None = None
    tables: Sequence[Path] = ()
    picture: Path | None = None
    bins: float | None = None

    @property
    def paths(self) -> list[Path]:
        """All files that are asked for."""
        return [path for path in (self.segments, *self.tables, self.picture) if path]


def told_apart(
    inputs: Sequence[str],
    outputs: Outputs,
    stats: Sequence[Path] = (),
    bins: float | None = None,
    *,
    with_truth: bool = False,
) -> tuple[Outputs, OverClips]:
    """Tell the outputs of each clip from those over all clips.

    Args:
        inputs: what ``--input`` names.
        outputs: of each clip.
        stats: what ``--stats`` names: a table, a picture, or both.
        bins: seconds of a bin; None for none.
        with_truth: whether there is something to compare the labels with.

    Raises:
        UserError: ``stats`` has other endings, or two of one kind.
    """
    tables = [path for path in stats if path.suffix.lower() == ".csv"]
    pictures = [path for path in stats if path.suffix.lower() in _PICTURES]
    if len(tables) + len(pictures) < len(stats) or max(len(tables), len(pictures)) > 1:
        raise UserError(
            "--stats writes a table and a picture: give it a name ending in .csv, one ending in "
            f"{', '.join(_PICTURES)}, or both"
        )
    if bins and not tables:
        raise UserError("--stats-bins are rows of a table: give --stats a name ending in .csv")
    over_clips = OverClips(
        tables=paths_of_tables(tables[0], with_truth=with_truth) if tables else (),
        picture=pictures[0] if pictures else None,
        bins=bins,
    )
    segments = outputs.segments
    if segments and writes_into_folder(inputs, outputs) and holds_many_clips(segments):
        return replace(outputs, segments=None), replace(over_clips, segments=segments)
    return outputs, over_clips


def report_over_clips(
    files: OverClips, outcomes: Sequence[tuple[Job, Outcome]], expected: int, labels: Sequence[str]
) -> None:
    """Write the files over all clips, unless the run has ended before the last one, and say so.

    Args:
        files: which.
        outcomes: each job that is done, in their order, and its outcome.
        expected: how many there are when the run does not end early.
        labels: of the model.

    Raises:
        UserError: the file system refuses to write.
    """
    names = ", ".join(map(str, files.paths))
    if len(outcomes) < expected:
        print(f"[INFO] {names} would be about {len(outcomes)} of {expected} clips: not written")
    elif outcomes:
        if files.segments:
            clips = [
                LabelledMedia(one.media, one.summary.segments, job.part.region)
                for job, one in outcomes
            ]
            write_annotations(files.segments, clips, labels)
        if files.tables or files.picture:
            footage = [(job.part, one.footage, one.confusion) for job, one in outcomes]
            _write_stats(files, gather_stats(footage, labels_with_unknown(labels)))
        print(f"[INFO] wrote {names}")


def _write_stats(files: OverClips, stats: Stats) -> None:
    if files.tables:
        write_stats(files.tables, stats, files.bins)
    if files.picture:
        # Only here, since matplotlib takes a second to import.
        from activity.labelling.ethogram import draw_ethogram

        draw_ethogram(files.picture, stats)
    for line in stats.lines():
        print(f"[INFO] {line}")
