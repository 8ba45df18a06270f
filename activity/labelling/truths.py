"""What ``--truth`` says of the clips to label: one table, a table of many clips, or a folder."""

from collections.abc import Collection, Sequence
from pathlib import Path

from activity.common.errors import UserError
from activity.common.stores import clip_location, is_stored
from activity.common.tables import header_of
from activity.labelling.review.data_files import data_of_clip
from activity.temporal.judgement import Truth
from activity.temporal.named_clips import file_identity, known_clips, read_named_clips
from activity.temporal.segments import HEADER_OF_CLIPS, read_segments, read_segments_of_clips

_ELSEWHERE = "one of --input: correct its name, or leave out its lines"


def read_truths(truth: Path, clips: Sequence[str], names: Sequence[str]) -> list[Truth | None]:
    """Read what ``--truth`` says of each clip; None if it says nothing.

    Args:
        truth: a table with a column ``clip``, whose rows name the clips; for one clip, a table of
            it; or a folder, with a ``.csv`` of each clip's name.
        clips: paths of the clips, or addresses.
        names: what each clip is called.

    Raises:
        UserError: a table is flawed, names a clip that is nowhere, or says nothing of any clip.
    """
    if truth.is_dir():
        tables = [truth / f"{name}.csv" for name in names]
        truths = [
            Truth(table, read_segments(table)) if table.exists() else None for table in tables
        ]
        if not any(truths):
            raise UserError(f"no truth in {truth}: it should hold a .csv named after each clip")
        return truths
    if header_of(truth) == HEADER_OF_CLIPS:
        return _of_many(truth, [clip_location(clip) for clip in clips])
    if len(clips) > 1:
        raise UserError(
            f"--truth {truth} is not a folder: for several clips, it should be one, or a table "
            "with a column clip in front"
        )
    return [Truth(truth, read_segments(truth))]


def _of_many(table: Path, clips: Sequence[Path]) -> list[Truth | None]:
    found, flawed = read_named_clips(table, known_clips(clips), _ELSEWHERE)
    for reason in flawed.values():
        raise UserError(f"{table}: {reason}")
    segments = {file_identity(clip.file): clip.segments for clip in found}
    truths = [segments.get(file_identity(clip)) for clip in clips]
    if not any(truths):
        raise UserError(f"no truth in {table}: it names none of the clips of --input")
    return [Truth(table, some) if some else None for some in truths]


def check_labels(truth: Path, labels: Collection[str]) -> None:
    """Make sure that a table has no labels but these, ``unknown``, and none.

    Raises:
        UserError: it has another; the message names its line.
    """
    if header_of(truth) == HEADER_OF_CLIPS:
        read_segments_of_clips(truth, labels)
    else:
        read_segments(truth, labels)


def earlier_data(review: Path | None, truth: Path, clip: str, name: str) -> Path | None:
    """Find what a review page says of a clip: the page to write, or that in the truth's folder.

    Args:
        review: data to write for the page, where one is asked for.
        truth: as in ``read_truths``.
        clip, name: likewise, of one clip.
    """
    if review and review.exists():
        return review
    if is_stored(truth):
        return None
    folder = truth if truth.is_dir() else truth.parent
    data = data_of_clip(folder, name, clip_location(clip))
    return data if data.exists() else None
