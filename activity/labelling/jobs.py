"""What is asked for: the clips to label, the files to write for each, and how to label them."""

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from tqdm import tqdm

from activity.common.errors import UserError, as_user_error, printable, shortened
from activity.common.stores import clip_location, is_stored, public_name
from activity.common.tables import header_of
from activity.common.writing import check_apart, check_output, same_file
from activity.labelling.outputs import Outputs
from activity.labelling.review.data_files import INDEX, copy_file, page_and_name
from activity.labelling.truths import earlier_data, read_truths, tables_of
from activity.media.clip import CLIP_SUFFIXES, MOVING_PHOTO_SUFFIXES, open_clip
from activity.media.live import is_live, path_of
from activity.media.region import Region
from activity.media.sink import SUFFIXES, check_suffix
from activity.network.engine import EngineOptions
from activity.temporal.formats.annotations import Wanted
from activity.temporal.judgement import Truth
from activity.temporal.region_files import regions_of_clips
from activity.temporal.segment_files import READ_SUFFIXES, check_segments_suffix, holds_segments
from activity.temporal.segments import HEADER, NamedPart
from activity.temporal.smoothing import Smoothing

_PHOTO_SUFFIXES = {
    *(".avif", ".bmp", ".heic", ".heif", ".hif", ".jfi", ".jfif", ".jif", ".jpe", ".jpeg", ".jpg"),
    *(".jxl", ".mpo", ".png", ".tif", ".tiff", ".webp"),
}


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
        copy: a small copy of the clip to write, if the review page needs one.
        region: the part of the frames to label; None for the whole frame.
    """

    clip: str
    outputs: Outputs
    truth: Truth | None = None
    earlier: Path | None = None
    keep_unfinished: bool = True
    copy: Path | None = None
    region: Region | None = None

    @property
    def name(self) -> str:
        """What messages and results call the clip, which others may read."""
        return public_name(self.clip)

    @property
    def part(self) -> NamedPart:
        """What is labelled: the clip, or its region."""
        return NamedPart(self.name, self.region.name if self.region else "")

    @property
    def title(self) -> str:
        """What messages call that."""
        return str(self.part)

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


@as_user_error("the clips")
def plan_jobs(
    inputs: Sequence[str],
    outputs: Outputs,
    truth: Path | None = None,
    also_read: Sequence[Path] = (),
    *,
    wanted: Wanted | None = None,
    over_all: Sequence[Path] = (),
    regions: Sequence[Region] = (),
    regions_table: Path | None = None,
) -> list[Job]:
    """Pair clips with the files to write for each, and make sure that these can be written.

    For one clip, outputs are files. For several clips, or a folder of them, outputs are folders, in
    which files are named after the clip (``.mp4``, ``.png``, ``.csv``, ``.json``).

    Args:
        inputs: what ``--input`` names.
        outputs: the files or folders that are asked for.
        truth: what ``--truth`` names, a table or a folder of them; None (default) judges nothing.
        also_read: files that the run reads besides clips and truth, such as the model.
        wanted: what to take of a truth that offers a choice.
        over_all: files to write once, over all clips.
        regions: of every clip, each to be labelled by itself.
        regions_table: a table of the regions of clips that differ; None for none.

    Raises:
        UserError: there are no clips, or one lacks a region; nothing is asked for; a file cannot
            be reached or written, is read in the same run, or would be written twice; a table of
            ``truth`` is flawed, or there is none for any clip.
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
        keep_unfinished = False
        of_clips = [outputs.of_clip(clip, name) for clip, name in named]
    else:
        if outputs.video:
            check_suffix(outputs.video)
            if is_live(inputs[0]) and outputs.video.suffix.lower() == ".mkv":
                raise UserError(
                    "a live source has no streams to copy: give --output a name ending in .mp4"
                )
        if outputs.segments:
            check_segments_suffix(outputs.segments)
        named = [(inputs[0], _stem(inputs[0]))]
        keep_unfinished = True
        of_clips = [replace(outputs, review=outputs.of_clip(*named[0]).review)]
    jobs, names = [], []
    of_each = _regions_of(named, regions, regions_table)
    for (clip, name), files, parts in zip(named, of_clips, of_each, strict=True):
        if not parts:
            jobs.append(Job(clip, files, keep_unfinished=keep_unfinished))
            names.append(name)
        for region in parts:
            names.append(f"{name}.{region.name}")
            review = outputs.of_clip(clip, names[-1]).review
            own = replace(files.of_region(region.name), review=review)
            jobs.append(Job(clip, own, keep_unfinished=keep_unfinished, region=region))
    if truth:
        jobs = [
            job
            if job.is_live
            else replace(job, earlier=earlier_data(job.outputs.review, truth, job.clip, name))
            for job, name in zip(jobs, names, strict=True)
        ]
    # A file that is named after a clip may be about all of its regions.
    named_after = dict.fromkeys([*names, *(name for _, name in named)])
    read = [*(tables_of(truth, [*named_after]) if truth else ()), *also_read]
    read += [regions_table] if regions_table else []
    _check_inputs_survive(jobs, over_all, read)
    if truth:
        of_jobs = [job.part.region for job in jobs]
        truths = read_truths(truth, [job.clip for job in jobs], names, wanted, of_jobs)
        jobs = [
            replace(job, truth=one, earlier=job.earlier if one else None)
            for job, one in zip(jobs, truths, strict=True)
        ]
    for path in over_all:
        check_output(path, "the results")
    for job in jobs:
        for path in job.outputs.paths:
            check_output(path, "the results")
    return jobs


def writes_into_folder(inputs: Sequence[str], outputs: Outputs) -> bool:
    """Return whether outputs are folders, in which files are named after the clips."""
    return len(inputs) > 1 or _is_folder(inputs[0]) or outputs.are_folders


def part_finished(jobs: Sequence[Job]) -> tuple[list[Job], list[Job]]:
    """Part jobs into those to do, and those in folders of which all files are there already."""
    clips = of_one_clip(jobs)
    finished = {job for regions in clips if all(map(_is_finished, regions)) for job in regions}
    return [job for job in jobs if job not in finished], [job for job in jobs if job in finished]


def _regions_of(
    named: Sequence[tuple[str, str]], regions: Sequence[Region], table: Path | None
) -> list[list[Region]]:
    """List the regions of each clip, and make sure that they are inside its frames."""
    clips = [clip for clip, _ in named]
    if not regions and table is None:
        return [[] for _ in clips]
    found = regions_of_clips(regions, table, [path_of(clip) for clip in clips])
    whole = [public_name(clip) for clip, of_clip in zip(clips, found, strict=True) if not of_clip]
    if whole:
        print(f"[INFO] labelled as a whole, since {table} does not name it: {shortened(whole)}")
    for clip, of_clip in zip(clips, found, strict=True):
        if not of_clip or is_live(clip) or is_stored(clip):
            continue
        try:
            with closing(open_clip(Path(clip))) as source:
                size = source.info.width, source.info.height
        except UserError:  # said when it is its turn
            continue
        for region in of_clip:
            region.window(size, public_name(clip))
    return found


def _is_finished(job: Job) -> bool:
    paths = job.outputs.paths
    return not job.keep_unfinished and len(paths) > 0 and all(path.exists() for path in paths)


def check_tables_survive(jobs: Sequence[Job]) -> None:
    """Refuse to write over a table of segments that lies beside its clip: a person's corrections.

    ``train.py`` finds it there, and learns from it.

    Raises:
        UserError: a job would.
    """
    for job in jobs:
        if job.is_live or is_stored(job.clip):
            continue
        stem = Path(job.clip).with_suffix("")
        names = {stem.name, f"{stem.name}.{job.part.region}"} if job.region else {stem.name}
        for table in (stem.with_name(n + suffix) for n in names for suffix in READ_SUFFIXES):
            written = [path for path in job.outputs.paths if same_file(path, table)]
            if not written or not table.exists():
                continue
            if header_of(table) == HEADER if table.suffix == ".csv" else holds_segments(table):
                raise UserError(
                    f"{table} says what {job.clip} shows, and may be a person's work: write to "
                    "another name, or give --overwrite to replace it"
                )


def count_frames(jobs: Sequence[Job]) -> int | None:
    """Ask the clips how many frames they have; a clip that cannot be read is left for later.

    Returns:
        How many they have together; None where one of them does not say.
    """
    counts = []
    for job in tqdm(jobs, "looking at clips", leave=False, delay=1, disable=None):
        if job.is_live or is_stored(job.clip):  # it is brought here when it is its turn
            counts.append(0)
            continue
        try:
            with closing(open_clip(Path(job.clip))) as source:
                counts.append(source.info.frame_count)
        except UserError:
            # A wrong path should not wait for TensorFlow.
            if len(jobs) == 1:
                raise
    return sum(counts) if counts and all(counts) else None


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


def _stem(clip: str) -> str:
    return (clip_location(clip) if is_stored(clip) else Path(public_name(clip))).stem


def _find_clips(inputs: Sequence[str]) -> list[str]:
    clips: list[str] = []
    for name in inputs:
        if is_live(name):
            raise UserError(
                f"{public_name(name)} is a live source: give it alone, with a file as --output"
            )
        if _is_folder(name):
            clips += _clips_inside(clip_location(name))
        else:
            clips.append(name)
    return clips


def _clips_inside(folder: Path) -> list[str]:
    """List the clips directly in a folder, and in folders that are linked into it.

    Files that are left out are counted, and printed by their endings.
    """
    clips: list[str] = []
    others: Counter[str] = Counter()
    photos: Counter[str] = Counter()
    folders = 0
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
            suffix = path.suffix.lower()
            if suffix in (*CLIP_SUFFIXES, *MOVING_PHOTO_SUFFIXES):
                clips.append(str(path))
            elif path.is_dir():
                if not is_stored(path) and path.is_symlink():
                    waiting.append(path)
                else:
                    folders += 1
            else:
                kind = photos if suffix in _PHOTO_SUFFIXES else others
                kind[suffix or "without an ending"] += 1
    clips.sort()
    if not clips:
        found = _kinds(photos + others)
        found += [f"{folders} folder{'s' * (folders > 1)}"] * bool(folders)
        there = f"holds {', '.join(found)}" if found else "is empty"
        raise UserError(
            f"no clips in {folder}, which {there}: give --input video files or a folder of them"
        )
    for what, kinds in (("neither photos nor clips", others), ("photos", photos)):
        if kinds:
            print(f"[INFO] left out ({what}): {', '.join(_kinds(kinds))}")
    return clips


def _kinds(suffixes: Counter[str]) -> list[str]:
    return [f"{count} {printable(suffix)}" for suffix, count in suffixes.most_common()]


def _check_inputs_survive(
    jobs: Sequence[Job], over_all: Sequence[Path], also_read: Sequence[Path]
) -> None:
    written = [*over_all]
    for first, *others in of_one_clip(jobs):
        written += first.outputs.paths
        shared = {first.outputs.video, first.outputs.segments}
        written += [path for job in others for path in job.outputs.paths if path not in shared]
    data = [job.outputs.review for job in jobs if job.outputs.review]
    written += [copy_file(*page_and_name(path)) for path in data]
    written += {page_and_name(path)[0] / INDEX for path in data}
    # What a page says of a clip is read, and then written anew.
    earlier = [job.earlier for job in jobs if job.earlier and job.earlier != job.outputs.review]
    clips = [clip_location(job.clip) for job in jobs if not job.is_live]
    check_apart(written, [*clips, *earlier, *also_read])
