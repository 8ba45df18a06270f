"""Which clips to label, and which files each one gives."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from activity.common.errors import UserError
from activity.common.stores import clip_location, is_stored
from activity.common.writing import check_apart, check_output
from activity.media.clip import CLIP_SUFFIXES
from activity.media.live import is_live
from activity.media.sink import SUFFIXES, check_suffix
from activity.temporal.segment_files import check_segments_suffix


@dataclass(frozen=True)
class Job:
    """One clip (a file's path, a camera's number, a stream's address) and what to write for it."""

    clip: str
    output: Path | None
    timeline: Path | None
    csv: Path | None
    json: Path | None
    segments: Path | None
    truth: Path | None
    """The table to judge by; it is read, not written."""
    keep_unfinished: bool
    """Whether what was written is kept when the run ends early. Not among files in a folder:
    the next run would take an unfinished one for finished."""

    @property
    def files(self) -> list[Path]:
        """All that is written."""
        results = (self.output, self.timeline, self.csv, self.json, self.segments)
        return [path for path in results if path]

    @property
    def is_live(self) -> bool:
        """Whether the clip is a camera or a stream."""
        return is_live(self.clip)


def writes_into_folder(inputs: Sequence[str], *outputs: Path | None) -> bool:
    """Tell whether outputs are files in a folder, named after the inputs, or just one file."""
    first = next((path for path in outputs if path), None)
    return len(inputs) > 1 or _is_folder(inputs[0]) or (first is not None and first.is_dir())


def plan_jobs(
    inputs: Sequence[str],
    output: Path | None,
    *,
    timeline: Path | None = None,
    csv: Path | None = None,
    json: Path | None = None,
    segments: Path | None = None,
    truth: Path | None = None,
) -> list[Job]:
    """Pair clips with the files to write for each, and make sure that these can be written.

    One clip gives the files named. Several clips, or those of a folder, give files named after
    the clip (``.mp4``, ``.png``, ``.csv``, ``.json``; segments as ``.csv``) in the folders named;
    of ``truth``, clips take the ``.csv`` of their name, where there is one.

    Raises:
        UserError: there are no clips; nothing is asked for; a file cannot be written, is an
            input, or would be written twice; there is no truth for any clip.
    """
    if not any((output, timeline, csv, json, segments, truth)):
        raise UserError(
            "nothing to do: give --output, or one of --csv, --json, --segments, --timeline, --truth"
        )
    if writes_into_folder(inputs, output, timeline, csv, json, segments):
        _check_folders(output, timeline, csv, json, segments)
        jobs = [
            Job(
                clip,
                output and output / f"{name}.mp4",
                timeline and timeline / f"{name}.png",
                csv and csv / f"{name}.csv",
                json and json / f"{name}.json",
                segments and segments / f"{name}.csv",
                truth and _truth_of(name, truth),
                keep_unfinished=False,
            )
            for clip, name in _named_clips(inputs)
        ]
    else:
        if output:
            check_suffix(output)
        if segments:
            check_segments_suffix(segments)
        files = (output, timeline, csv, json, segments)
        jobs = [Job(inputs[0], *files, truth, keep_unfinished=True)]
    if truth and not any(job.truth for job in jobs):
        raise UserError(f"no truth in {truth}: it should hold a .csv named after each clip")
    check_apart([path for job in jobs for path in job.files])
    _check_inputs_survive(jobs)
    for job in jobs:
        for path in job.files:
            check_output(path, "the results")
    return jobs


def _is_folder(name: str) -> bool:
    return not is_live(name) and clip_location(name).is_dir()


def _truth_of(name: str, folder: Path) -> Path | None:
    if not folder.is_dir():
        raise UserError(f"--truth {folder} is no folder: for several clips, it should be")
    path = folder / f"{name}.csv"
    return path if path.exists() else None


def _check_folders(*paths: Path | None) -> None:
    for path in paths:
        if path and (path.is_file() or (path.suffix.lower() in SUFFIXES and not path.is_dir())):
            raise UserError(f"{path} is a file's name: for several clips, name a folder")


def _named_clips(inputs: Sequence[str]) -> list[tuple[str, str]]:
    """Name each clip: tennis.mov is tennis, but tennis.mov where there is a tennis.avi too."""
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
        folder = clip_location(name)
        if folder.is_dir():
            clips += _clips_inside(folder)
        else:
            clips.append(name)
    return clips


def _clips_inside(folder: Path) -> list[str]:
    clips = sorted(
        str(path)
        for path in folder.iterdir()
        if path.suffix.lower() in CLIP_SUFFIXES and not path.name.startswith(".")
    )
    if not clips:
        raise UserError(f"no clips in {folder}: give --input video files or a folder of them")
    return clips


def _check_inputs_survive(jobs: Sequence[Job]) -> None:
    clips = {job.clip for job in jobs}
    local = [Path(clip) for clip in clips if not is_stored(clip)]
    inputs = {_identity(path) for path in local if path.exists()}
    for job in jobs:
        for path in job.files:
            if is_stored(path):
                same = str(path) in clips
            else:
                same = path.exists() and _identity(path) in inputs
            if same:
                raise UserError(f"{path} is an input, and would be lost: write to another name")


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
