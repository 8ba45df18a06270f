"""Which clips to label, what to write for each, and whether that can be: before any work."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from activity.common.errors import UserError, as_user_error, shortened
from activity.common.stores import clip_location, is_stored, public_name
from activity.common.tables import header_of
from activity.common.writing import check_apart, check_output, same_file
from activity.labelling.inputs import is_folder, named_clips
from activity.labelling.jobs import Job, of_one_clip
from activity.labelling.outputs import Outputs
from activity.labelling.prediction import WHOLE
from activity.labelling.review.data_files import INDEX, copy_file, data_of_clip, page_and_name
from activity.labelling.truths import earlier_data, read_truths, tables_of
from activity.media.clip import open_clip
from activity.media.frame import VideoInfo
from activity.media.live import is_live, path_of
from activity.media.region import Region
from activity.media.sink import SUFFIXES, check_suffix
from activity.temporal.formats.annotations import Wanted
from activity.temporal.region_files import regions_of_clips
from activity.temporal.segment_files import READ_SUFFIXES, check_segments_suffix, holds_segments
from activity.temporal.segments import HEADER


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
    into_folder = writes_into_folder(inputs, outputs)
    if into_folder:
        _check_folders(outputs.paths)
        named = named_clips(inputs)
    else:
        _check_files(outputs, live=is_live(inputs[0]))
        named = [(inputs[0], path_of(inputs[0]).stem)]
    regions_of_each = _regions_of([clip for clip, _ in named], regions, regions_table)
    jobs = []
    for (clip, name), of_clip in zip(named, regions_of_each, strict=True):
        files = outputs.in_folders(name) if into_folder else outputs
        for region in of_clip:
            own = files.of_region(region.name) if region else files
            job = Job(clip, own, keep_unfinished=not into_folder, region=region, stem=name)
            if outputs.review:
                data = data_of_clip(outputs.review, job.own_stem, path_of(clip))
                job = replace(job, outputs=replace(own, review=data))
            if truth and not job.is_live:
                job = replace(job, earlier=earlier_data(truth, job))
            jobs.append(job)
    tables = tables_of(truth, jobs) if truth else []
    read = [*tables, *also_read, *([regions_table] if regions_table else [])]
    _check_inputs_survive(jobs, over_all, read)
    if truth:
        truths = read_truths(truth, jobs, wanted or Wanted())
        jobs = [replace(job, truth=one) for job, one in zip(jobs, truths, strict=True)]
    for path in [*over_all, *(path for job in jobs for path in job.outputs.paths)]:
        check_output(path, "the results")
    return jobs


def writes_into_folder(inputs: Sequence[str], outputs: Outputs) -> bool:
    """Return whether outputs are folders, in which files are named after the clips."""
    return len(inputs) > 1 or is_folder(inputs[0]) or outputs.are_folders


def _regions_of(
    clips: Sequence[str], regions: Sequence[Region], table: Path | None
) -> Sequence[Sequence[Region | None]]:
    """List the regions of each clip, and make sure that they are inside its frames.

    Where none are given, the whole frame is meant, for which None stands.
    """
    if not regions and table is None:
        return [WHOLE] * len(clips)
    found = regions_of_clips(regions, table, [path_of(clip) for clip in clips])
    whole = [public_name(clip) for clip, of_clip in zip(clips, found, strict=True) if not of_clip]
    if whole:
        print(f"[INFO] labelled as a whole, since {table} does not name it: {shortened(whole)}")
    named = [(clip, of_clip) for clip, of_clip in zip(clips, found, strict=True) if of_clip]
    infos = look_at([clip for clip, _ in named])
    for (clip, of_clip), info in zip(named, infos, strict=True):
        if isinstance(info, VideoInfo):  # otherwise, all is said when it is its turn
            for region in of_clip:
                region.window((info.width, info.height), public_name(clip))
    return [of_clip or WHOLE for of_clip in found]


def look_at(clips: Sequence[str]) -> Iterator[VideoInfo | UserError | None]:
    """Open clips, which takes a while where there are many, and ask them what they are.

    Yields:
        What each says of itself; an error where it cannot be read; None where it is live or stored,
        and is opened when it is its turn.
    """
    for clip in tqdm(clips, "looking at clips", leave=False, delay=1, disable=None):
        if is_live(clip) or is_stored(clip):
            yield None
            continue
        try:
            with closing(open_clip(Path(clip))) as source:
                info = source.info
        except UserError as error:
            yield error
        else:
            yield info


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
    clips = of_one_clip(jobs)
    counts = []
    infos = look_at([first.clip for first, *_ in clips])
    for regions, info in zip(clips, infos, strict=True):
        if not isinstance(info, UserError):
            counts.append(len(regions) * info.frame_count if info else 0)
        elif len(clips) == 1:
            raise info  # a wrong path should not wait for TensorFlow
    return sum(counts) if counts and all(counts) else None


def _check_review(folder: Path, inputs: Sequence[str]) -> None:
    if is_live(inputs[0]):
        raise UserError("a live source leaves no clip to look at: leave out --review")
    if is_stored(folder):
        raise UserError(
            f"a browser cannot open a page in {folder}: give --review a folder on this machine"
        )
    if folder.is_file():
        raise UserError(f"{folder} is the name of a file: --review writes a folder")


def _check_files(outputs: Outputs, *, live: bool) -> None:
    if outputs.video:
        check_suffix(outputs.video)
        if live and outputs.video.suffix.lower() == ".mkv":
            raise UserError(
                "a live source has no streams to copy: give --output a name ending in .mp4"
            )
    if outputs.segments:
        check_segments_suffix(outputs.segments)


def _check_folders(paths: Sequence[Path]) -> None:
    for path in paths:
        if path.is_file() or (path.suffix.lower() in SUFFIXES and not path.is_dir()):
            raise UserError(f"{path} is the name of a file: for several clips, name a folder")


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
