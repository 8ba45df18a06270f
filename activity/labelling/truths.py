"""Read ``--truth``: a file of segments of one clip or of many, or a folder of such files."""

from collections.abc import Collection, Sequence
from pathlib import Path

from activity.common.errors import UserError, shortened
from activity.common.stores import clip_location, is_stored
from activity.common.tables import header_of
from activity.labelling.review.data_files import data_of_clip, read_labels
from activity.media.timing import rate_of
from activity.network.classifier import Classifier
from activity.temporal.formats.annotations import (
    Annotations,
    NamedSegments,
    Wanted,
    check_known,
)
from activity.temporal.judgement import Earlier, Truth
from activity.temporal.named_clips import (
    file_identity,
    find_named_clips,
    known_clips,
    read_named_clips,
)
from activity.temporal.segment_files import READ_SUFFIXES, holds_segments, read_annotations
from activity.temporal.segments import (
    HEADER_OF_CLIPS,
    UNKNOWN,
    read_segments,
    read_segments_of_clips,
)

_ELSEWHERE = "one of --input: correct its name, or leave out its lines"


def tables_of(truth: Path, names: Sequence[str]) -> list[Path]:
    """Name the files that ``--truth`` stands for; tables, whether they are there or not.

    Args:
        truth: as in ``read_truths``.
        names: what each clip is called.
    """
    if not truth.is_dir():
        return [truth]
    return [file for name in names for file in (truth / f"{name}.csv", *_named_after(name, truth))]


def read_truths(
    truth: Path, clips: Sequence[str], names: Sequence[str], wanted: Wanted | None = None
) -> list[Truth | None]:
    """Read the true segments of each clip to label.

    Args:
        truth: a table with a column ``clip``, or another file that names its clips; for one clip,
            a file of its segments; or a folder with a file named after each clip.
        clips: paths or addresses of the clips.
        names: names of the clips in results.
        wanted: what to take of a file that offers a choice; None (default) takes the only one.

    Returns:
        The truth of each clip; None for a clip without one.

    Raises:
        UserError: a table is flawed or names a clip that does not exist, or no clip has a truth.
    """
    if truth.is_dir():
        truths = [
            _of_file(file, [clip], wanted)[0] if (file := _only_one_after(name, truth)) else None
            for clip, name in zip(clips, names, strict=True)
        ]
        if not any(truths):
            raise UserError(
                f"no truth in {truth}: it should hold a .csv named after each clip, or a file "
                f"ending in {', '.join(READ_SUFFIXES[1:])}"
            )
        return truths
    if truth.suffix.lower() in READ_SUFFIXES[1:]:
        return _of_file(truth, clips, wanted)
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


def _named_after(name: str, folder: Path) -> list[Path]:
    """List files of segments that are there; a ``.json`` may be the summary of an earlier run."""
    files = [folder / f"{name}{suffix}" for suffix in READ_SUFFIXES]
    return [file for file in files if file.exists() and holds_segments(file)]


def _only_one_after(name: str, folder: Path) -> Path | None:
    files = _named_after(name, folder)
    if len(files) > 1:
        raise UserError(
            f"{shortened([str(file) for file in files])} are about one clip: keep the one that is "
            "right"
        )
    return files[0] if files else None


def _of_file(file: Path, clips: Sequence[str], wanted: Wanted | None) -> list[Truth | None]:
    """Read a file: it is about the clip whose name it has, or those that it names."""
    found = _read(file, wanted)
    for reason in found.flawed.values():
        raise UserError(f"{file}: {reason}")
    paths = [clip_location(clip) for clip in clips]
    namesakes = [path for path in paths if file.stem in (path.stem, path.name)]
    if len(found.clips) == 1 and (len(namesakes) == 1 or not found.clips[0].clip):
        (only,) = found.clips
        if not namesakes and len(paths) > 1:
            raise UserError(f"{file} does not say which clip it is about: name it after the clip")
        about = namesakes[0] if namesakes else paths[0]
        return [_truth(file, only, path) if path is about else None for path in paths]
    named = {some.clip: some.segments for some in found.clips}
    clips_found, flawed = find_named_clips(named, file, known_clips(paths), _ELSEWHERE)
    for reason in flawed.values():
        raise UserError(f"{file}: {reason}")
    names = {file_identity(clip.file): clip.name for clip in clips_found}
    said = {some.clip: some for some in found.clips}
    truths = [
        _truth(file, said[name], path) if (name := names.get(file_identity(path))) else None
        for path in paths
    ]
    if not any(truths):
        raise UserError(f"no truth in {file}: it names none of the clips of --input")
    return truths


def _truth(file: Path, said: NamedSegments, clip: Path) -> Truth:
    return Truth(file, said.in_seconds(rate_of(clip)) if said.in_frames else said.segments)


def _read(file: Path, wanted: Wanted | None) -> Annotations:
    found = read_annotations(file, wanted)
    for what in found.left_out:
        print(f"[INFO] left out of {file}: {what}")
    return found


def check_truths(truths: Collection[Truth], labels: Collection[str]) -> None:
    """Check, before any work, that the model knows the labels of all truths.

    Raises:
        UserError: there is another label; the message names it, and the nearest one.
    """
    for table in sorted({truth.path for truth in truths if truth.path.suffix.lower() == ".csv"}):
        check_labels(table, labels)
    for truth in truths:
        check_known(truth.segments, {*labels, UNKNOWN}, str(truth.path))


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
