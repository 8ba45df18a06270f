"""Find the clips to label, and the files to write for each."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from activity.common.errors import UserError, refusals_in_a_line
from activity.common.stores import clip_location, is_stored
from activity.common.writing import check_apart, check_output
from activity.labelling.outputs import Outputs
from activity.labelling.review.data_files import copy_file, page_and_name
from activity.labelling.truths import earlier_data, read_truths
from activity.media.clip import CLIP_SUFFIXES
from activity.media.live import is_live
from activity.media.sink import SUFFIXES, check_suffix
from activity.temporal.formats.annotations import Wanted
from activity.temporal.judgement import Truth
from activity.temporal.segment_files import check_segments_suffix


@dataclass(frozen=True, eq=False)
class Job:
    """One clip to label, and what to write for it. Jobs are compared by identity.

    Attributes:
        clip: path of a file, number of a camera, or address of a stream.
        outputs: the files to write.
        truth: the segments to judge by; None without ``--truth``.
        earlier: data of the clip on a review page, with the labels of an earlier run.
        keep_unfinished: whether to keep what is written when the run ends early. False for files in
            a folder: the next run would take them for finished.
        copy: a small copy of the clip to write, if the review page needs one.
    """

    clip: str
    outputs: Outputs
    truth: Truth | None = None
    earlier: Path | None = None
    keep_unfinished: bool = True
    copy: Path | None = None

    @property
    def is_live(self) -> bool:
        """Whether the clip is a camera or a stream."""
        return is_live(self.clip)

    @property
    def writes_pixels(self) -> bool:
        """Whether frames are written as pixels; an .mp4 takes the decoder's planes."""
        return self.outputs.video is not None and self.outputs.video.suffix.lower() == ".avi"

    @property
    def needs_pixels(self) -> bool:
        """Whether any output shows the frames. Otherwise their pixels can be dropped."""
        return self.draws or self.copy is not None

    @property
    def draws(self) -> bool:
        """Whether labels are drawn on frames; an .mkv has them as subtitles."""
        return self.outputs.video is not None and not self.copies_streams

    @property
    def copies_streams(self) -> bool:
        """Whether the labelled clip is the clip as it is, with subtitles."""
        return self.outputs.video is not None and self.outputs.video.suffix.lower() == ".mkv"


def writes_into_folder(inputs: Sequence[str], outputs: Outputs) -> bool:
    """Return whether outputs are folders, in which files are named after the clips."""
    return len(inputs) > 1 or _is_folder(inputs[0]) or outputs.are_folders


@refusals_in_a_line("the clips")
def plan_jobs(
    inputs: Sequence[str],
    outputs: Outputs,
    truth: Path | None = None,
    wanted: Wanted | None = None,
    over_all: Sequence[Path] = (),
) -> list[Job]:
    """Pair clips with the files to write for each, and check all of that before any work.

    For one clip, outputs are files. For several clips, or a folder of them, outputs are folders, in
    which files are named after the clip (``.mp4``, ``.png``, ``.csv``, ``.json``).

    Args:
        inputs: what ``--input`` names.
        outputs: the files or folders that are asked for.
        truth: what ``--truth`` names; None (default) judges nothing.
        wanted: what to take of a truth that offers a choice.
        over_all: files to write once, over all clips.

    Raises:
        UserError: there are no clips; nothing is asked for; a file cannot be reached or written, is
            an input, or would be written twice; a table of ``truth`` is flawed, or there is none
            for any clip.
    """
    if not (outputs.paths or truth or over_all):
        raise UserError(
            "nothing to do: give --output, or one of --csv, --json, --segments, --timeline, "
            "--truth, --review, --stats"
        )
    if outputs.review:
        _check_review(outputs.review, inputs)
    if writes_into_folder(inputs, outputs):
        _check_folders(outputs.paths)
        named = _named_clips(inputs)
        jobs = [
            Job(clip, outputs.of_clip(clip, name), keep_unfinished=False) for clip, name in named
        ]
    else:
        if outputs.video:
            check_suffix(outputs.video)
            if is_live(inputs[0]) and outputs.video.suffix.lower() == ".mkv":
                raise UserError(
                    "a live source has no streams to copy: give --output a name ending in .mp4"
                )
        if outputs.segments:
            check_segments_suffix(outputs.segments)
        named = [(inputs[0], Path(inputs[0]).stem)]
        review = outputs.of_clip(*named[0]).review
        jobs = [Job(inputs[0], replace(outputs, review=review))]
    if truth:
        clips, names = zip(*named, strict=True)
        truths = read_truths(truth, clips, names, wanted)
        jobs = [
            replace(
                job,
                truth=one,
                earlier=earlier_data(job.outputs.review, truth, job.clip, name) if one else None,
            )
            for job, one, (_, name) in zip(jobs, truths, named, strict=True)
        ]
    check_apart(
        [*(path for job in jobs for path in job.outputs.paths), *over_all],
        inputs={job.truth.path for job in jobs if job.truth},
    )
    _check_inputs_survive(jobs, over_all)
    for path in over_all:
        check_output(path, "the results")
    for job in jobs:
        for path in job.outputs.paths:
            check_output(path, "the results")
    return jobs


def leave_out_finished(jobs: Sequence[Job]) -> list[Job]:
    """Leave out jobs whose files are all there, unless they write no files.

    A run that was interrupted then continues with the clips that it had not finished.
    """
    return [job for job in jobs if not _is_finished(job)]


def _is_finished(job: Job) -> bool:
    paths = job.outputs.paths
    return len(paths) > 0 and all(path.exists() for path in paths)


def _is_folder(name: str) -> bool:
    try:
        return not is_live(name) and clip_location(name).is_dir()
    except OSError:
        return False  # opening it as a clip will say what is wrong


def _check_review(folder: Path, inputs: Sequence[str]) -> None:
    if is_live(inputs[0]):
        raise UserError("a live source leaves no clip to look at: leave out --review")
    if is_stored(folder):
        raise UserError(
            f"a browser cannot open a page in {folder}: give --review a folder on this machine"
        )
    if folder.is_file():
        raise UserError(f"{folder} is the name of a file: --review writes a folder")


def _check_folders(paths: Sequence[Path]) -> None:
    for path in paths:
        if path.is_file() or (path.suffix.lower() in SUFFIXES and not path.is_dir()):
            raise UserError(f"{path} is the name of a file: for several clips, name a folder")


def _named_clips(inputs: Sequence[str]) -> list[tuple[str, str]]:
    """Name each clip: tennis.mov is tennis, but stays tennis.mov beside a tennis.avi."""
    clips = _find_clips(inputs)
    paths = [clip_location(clip) for clip in clips]
    stems = Counter(path.stem for path in paths)
    names = [path.stem if stems[path.stem] == 1 else path.name for path in paths]
    return list(zip(clips, names, strict=True))


def _find_clips(inputs: Sequence[str]) -> list[str]:
    clips: list[str] = []
    for name in inputs:
        if is_live(name):
            raise UserError(f"{name} is a live source: give it alone, with a file as --output")
        if _is_folder(name):
            clips += _clips_inside(clip_location(name))
        else:
            clips.append(name)
    return clips


def _clips_inside(folder: Path) -> list[str]:
    """List the clips directly in a folder, and in folders that are linked into it."""
    clips: list[str] = []
    entered: set[str] = set()
    waiting = [folder]
    while waiting:
        inside = waiting.pop()
        target = str(inside) if is_stored(inside) else os.path.realpath(inside)
        if target in entered:  # a circle, or linked twice
            continue
        entered.add(target)
        for path in inside.iterdir():
            if path.name.startswith("."):
                continue
            if path.suffix.lower() in CLIP_SUFFIXES:
                clips.append(str(path))
            elif not is_stored(path) and path.is_symlink() and path.is_dir():
                waiting.append(path)
    clips.sort()
    if not clips:
        raise UserError(f"no clips in {folder}: give --input video files or a folder of them")
    return clips


def _check_inputs_survive(jobs: Sequence[Job], over_all: Sequence[Path]) -> None:
    clips = {job.clip for job in jobs}
    local = [Path(clip) for clip in clips if not is_stored(clip)]
    inputs = {_identity(path) for path in local} - {None}
    outputs = list(over_all)
    for job in jobs:
        review = job.outputs.review
        outputs += [*job.outputs.paths, *([copy_file(*page_and_name(review))] if review else [])]
    for path in outputs:
        if str(path) in clips if is_stored(path) else _identity(path) in inputs:
            raise UserError(f"{path} is an input, and would be lost: write to another name")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
