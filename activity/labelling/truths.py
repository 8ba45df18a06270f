"""Read ``--truth``: a file of segments of one clip or of many, or a folder of such files."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from activity.common.errors import UserError, shortened
from activity.common.stores import is_stored
from activity.common.tables import header_of
from activity.labelling.jobs import Job
from activity.labelling.review.data_files import ShownPart, data_of_clip, read_labelled_frames
from activity.media.live import path_of
from activity.media.timing import rate_of
from activity.network.classifier import Classifier
from activity.temporal.formats.annotations import NamedSegments, Wanted, check_known
from activity.temporal.judgement import Earlier, Truth
from activity.temporal.learned import spans_of
from activity.temporal.named_clips import file_identity, find_named_clips, known_clips
from activity.temporal.segment_files import (
    READ_SUFFIXES,
    holds_regions,
    holds_segments,
    read_annotations,
)
from activity.temporal.segments import (
    HEADERS_OF_MANY,
    UNKNOWN,
    read_segments,
    read_segments_of_clips,
)

_ELSEWHERE = "one of --input: correct its name, or leave out its lines"


def tables_of(truth: Path, jobs: Sequence[Job]) -> list[Path]:
    """Name the files that ``--truth`` stands for; tables, whether they are there or not.

    Args:
        truth: as in ``read_truths``.
        jobs: what is judged.
    """
    if not truth.is_dir():
        return [truth]
    names = dict.fromkeys(name for job in jobs for name in (job.own_stem, job.stem))
    return [file for name in names for file in (truth / f"{name}.csv", *_named_after(name, truth))]


def read_truths(truth: Path, jobs: Sequence[Job], wanted: Wanted) -> list[Truth | None]:
    """Read the true segments of each clip to label, or of each region of a clip.

    Args:
        truth: a table with a column ``clip``, or another file that names its clips; for one clip,
            a file of its segments; or a folder with a file named after each clip. Where regions
            are labelled, tables and files are about those: ``match.left.csv``.
        jobs: what is judged.
        wanted: what to take of a file that offers a choice.

    Returns:
        The truth of each job; None for one without.

    Raises:
        UserError: a table is flawed or names a clip that does not exist, or no clip has a truth.
    """
    wanted = replace(wanted, regions={job.region.name for job in jobs if job.region})
    if truth.is_dir():
        truths = _in_folder(truth, jobs, wanted)
        if not any(truths):
            raise UserError(
                f"no truth in {truth}: it should hold a .csv named after each clip, or a file "
                f"ending in {', '.join(READ_SUFFIXES[1:])}"
            )
        return truths
    if truth.suffix.lower() in READ_SUFFIXES[1:] or header_of(truth) in HEADERS_OF_MANY:
        truths = _of_file(truth, jobs, wanted)
        _check_named(truth, truths, wanted)
        return truths
    if len({job.clip for job in jobs}) > 1:
        raise UserError(
            f"--truth {truth} is not a folder: for several clips, it should be one, or a table "
            "with a column clip in front"
        )
    segments = read_segments(truth)
    if len(jobs) > 1:
        raise UserError(
            f"{truth} does not say which of the regions it is about: give a table "
            "clip,region,start,end,label, or a folder with a table for each (match.left.csv)"
        )
    return [Truth(truth, segments)]


def _in_folder(folder: Path, jobs: Sequence[Job], wanted: Wanted) -> list[Truth | None]:
    """Read the truth of each job from the file in a folder that is named after it.

    A file that tells regions apart is named after the clip.
    """
    truths: dict[Job, Truth | None] = {}
    of_clips: dict[str, list[Job]] = {}
    for job in jobs:
        if file := _only_one_after(job.own_stem, folder):
            found = _of_file(file, [job], wanted, job.part.region)
            _check_named(file, found, wanted)
            truths[job] = found[0]
        elif job.region:
            of_clips.setdefault(job.stem, []).append(job)
    for stem, others in of_clips.items():
        if (file := _only_one_after(stem, folder)) is None:
            continue
        if holds_regions(file) or (file.suffix == ".csv" and header_of(file) in HEADERS_OF_MANY):
            found = _of_file(file, others, wanted)
            _check_named(file, found, wanted)
            truths |= zip(others, found, strict=True)
        else:
            print(f"[INFO] not read, since it does not say which region it is about: {file}")
    return [truths.get(job) for job in jobs]


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


def _of_file(
    file: Path, jobs: Sequence[Job], wanted: Wanted, region: str = ""
) -> list[Truth | None]:
    """Read a file: it is about the clip whose name it has, or those that it names.

    ``region`` is the one that it is about where it names none.
    """
    found = read_annotations(file, wanted)
    for what in found.left_out:
        print(f"[INFO] left out of {file}: {what}")
    for reason in found.flawed.values():
        raise UserError(f"{file}: {reason}")
    said = [some._replace(region=some.region or region) for some in found.clips]
    paths = [path_of(job.clip) for job in jobs]
    clips = [*dict.fromkeys(paths)]
    namesakes = [clip for clip in clips if file.stem in (clip.stem, clip.name)]
    if len({some.clip for some in said}) == 1 and (len(namesakes) == 1 or not said[0].clip):
        if not namesakes and len(clips) > 1:
            raise UserError(f"{file} does not say which clip it is about: name it after the clip")
        about = file_identity(namesakes[0] if namesakes else clips[0])
        known = {(about, some.region): some for some in said}
    else:
        named = {some.part: some._replace(clip="") for some in said}
        clips_found, flawed = find_named_clips(named, file, known_clips(clips), _ELSEWHERE)
        for reason in flawed.values():
            raise UserError(f"{file}: {reason}")
        known = {(file_identity(one.file), one.region): one.said for one in clips_found}
    return [
        _truth(file, some, clip)
        if (some := known.get((file_identity(clip), job.part.region)))
        else None
        for job, clip in zip(jobs, paths, strict=True)
    ]


def _check_named(file: Path, truths: Sequence[Truth | None], wanted: Wanted) -> None:
    if any(truths):
        return
    if wanted.tier and wanted.regions and file.suffix.lower() == ".eaf":
        raise UserError(
            f"no truth in {file}: --tier {wanted.tier} is about whole frames: leave it out, and "
            "the tiers that are called like the regions are judged"
        )
    which = "regions of the clips" if wanted.regions else "clips"
    raise UserError(f"no truth in {file}: it names none of the {which} of --input")


def _truth(file: Path, said: NamedSegments, clip: Path) -> Truth:
    return Truth(file, said.in_seconds(rate_of(clip)) if said.in_frames else said.segments)


def check_truths(truths: Collection[Truth], labels: Collection[str]) -> None:
    """Check, before any work, that the model knows the labels of all truths.

    ``unknown`` and an empty label are allowed, too.

    Raises:
        UserError: there is another label; the message names it, the nearest one, and the line of a
            table.
    """
    for table in sorted({truth.path for truth in truths if truth.path.suffix.lower() == ".csv"}):
        is_of_many = header_of(table) in HEADERS_OF_MANY
        read = read_segments_of_clips if is_of_many else read_segments
        read(table, labels)
    for truth in truths:
        check_known(truth.segments, {*labels, UNKNOWN}, str(truth.path))


def earlier_data(truth: Path, job: Job) -> Path | None:
    """Find the data of a clip on an earlier review page, for "frames right before".

    The page is the one to write, or the one in the folder of the truth.

    Args:
        truth: what ``--truth`` names.
        job: the clip, or a region of it, and what to write for it.

    Returns:
        Its data file; None if there is none.
    """
    if job.outputs.review and job.outputs.review.exists():
        return job.outputs.review
    if is_stored(truth):
        return None
    folder = truth if truth.is_dir() else truth.parent
    data = data_of_clip(folder, job.own_stem, path_of(job.clip))
    return data if data.exists() else None


def known_before(
    earlier: Path | None, shown: ShownPart, frames: int, classifier: Classifier
) -> Earlier:
    """Find out what the model has learned of a clip, and how an earlier run has labelled it.

    Args:
        earlier: data on a review page that may say so.
        shown: the clip, or the part of it that is labelled.
        frames: how many frames it has.
        classifier: the model.
    """
    learned = spans_of(classifier.learned or (), shown.digest, shown.window)
    before = read_labelled_frames(earlier, shown, classifier.labels) if earlier else None
    if before is None or len(before.times) != frames:
        return Earlier(learned)
    return Earlier(learned, before.numbers)
