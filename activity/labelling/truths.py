"""Read ``--truth``: a table of one clip, a table of many clips, or a folder of tables."""

from collections.abc import Collection, Sequence
from pathlib import Path

from activity.common.errors import UserError
from activity.common.stores import clip_location, is_stored
from activity.common.tables import header_of
from activity.labelling.review.data_files import data_of_clip, read_labels
from activity.network.classifier import Classifier
from activity.temporal.judgement import Earlier, Truth
from activity.temporal.named_clips import file_identity, known_clips, read_named_clips
from activity.temporal.segments import HEADER_OF_CLIPS, read_segments, read_segments_of_clips

_ELSEWHERE = "one of --input: correct its name, or leave out its lines"


def tables_of(truth: Path, names: Sequence[str]) -> list[Path]:
    """Name the tables that ``--truth`` stands for, whether they are there or not.

    Args:
        truth: as in ``read_truths``.
        names: what each clip is called.
    """
    return [truth / f"{name}.csv" for name in names] if truth.is_dir() else [truth]


def read_truths(truth: Path, clips: Sequence[str], names: Sequence[str]) -> list[Truth | None]:
    """Read the true segments of each clip to label.

    Args:
        truth: a table with a column ``clip``; for one clip, a table of its segments; or a folder
            with a ``.csv`` named after each clip.
        clips: paths or addresses of the clips.
        names: names of the clips in results.

    Returns:
        The truth of each clip; None for a clip without one.

    Raises:
        UserError: a table is flawed or names a clip that does not exist, or no clip has a truth.
    """
    if truth.is_dir():
        truths = [
            Truth(table, read_segments(table)) if table.exists() else None
            for table in tables_of(truth, names)
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
    """Check, before any work, that the model knows the labels of a table.

    ``unknown`` and an empty label are allowed, too.

    Raises:
        UserError: the table has another label; the message names its line.
    """
    if header_of(truth) == HEADER_OF_CLIPS:
        read_segments_of_clips(truth, labels)
    else:
        read_segments(truth, labels)


def earlier_data(review: Path | None, truth: Path, clip: str, name: str) -> Path | None:
    """Find the data of a clip on an earlier review page, for "frames right before".

    The page is the one to write, or the one in the folder of the truth.

    Args:
        review: data file to write for the page; None without ``--review``.
        truth: what ``--truth`` names.
        clip: path or address of the clip.
        name: name of the clip in results.

    Returns:
        The clip's data file; None if there is none.
    """
    if review and review.exists():
        return review
    if is_stored(truth):
        return None
    folder = truth if truth.is_dir() else truth.parent
    data = data_of_clip(folder, name, clip_location(clip))
    return data if data.exists() else None


def known_before(earlier: Path | None, digest: str, frames: int, classifier: Classifier) -> Earlier:
    """Find out what the model has learned of a clip, and how an earlier run has labelled it.

    Args:
        earlier: data on a review page that may say so.
        digest: SHA-256 of the clip's content.
        frames: how many frames it has.
        classifier: the model.
    """
    learned = [stretch for stretch in classifier.learned or () if stretch.digest == digest]
    labels = read_labels(earlier, digest, frames, classifier.labels) if earlier else None
    return Earlier(learned, labels)
