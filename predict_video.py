"""Label every frame of a clip with its activity, without flicker.

Each frame is classified; the last --size predictions are averaged, and the most probable
activity of that average is drawn on the frame. --size 1 is plain image classification, and
flickers. --smoothing viterbi reads the whole clip before it labels the first frame: the label
changes where the activity does.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from tqdm import tqdm

from activity.common.errors import UserError, printable, shortened
from activity.common.folders import provide_home
from activity.common.interruption import interrupts_held_back
from activity.common.keras_settings import choose_backend
from activity.common.script import run_script
from activity.common.stores import is_stored
from activity.labelling.arguments import (
    add_file_arguments,
    add_look_arguments,
    add_smoothing_arguments,
)
from activity.labelling.finished import judge_finished
from activity.labelling.jobs import (
    Job,
    check_tables_survive,
    part_finished,
    plan_jobs,
    writes_into_folder,
)
from activity.labelling.label_clip import Outcome, Outcomes, label_one_by_one
from activity.labelling.outputs import Outputs
from activity.labelling.preview import open_preview
from activity.labelling.review.data_files import INDEX
from activity.labelling.review.writer import write_index
from activity.labelling.settings import Settings
from activity.labelling.truths import check_labels
from activity.media.clip import open_clip
from activity.network.arguments import add_speed_arguments
from activity.network.classifier import Classifier
from activity.network.engine import EngineOptions
from activity.network.read_files import files_in_cache, files_of_model
from activity.temporal.judgement import Judgement, format_judgement, format_rightness
from activity.temporal.smoothing import SMOOTHINGS, Smoothing
from activity.temporal.summary import Summary

EXAMPLE = """\
examples:
  python predict_video.py --model model/activity.model --label-bin model/lb.pickle \\
      --input example_clips/tennis.mp4 --output output/tennis_128frames_smoothened.avi --size 128
  python predict_video.py --model model/activity.model --label-bin model/lb.pickle \\
      --input example_clips --output output --csv output/tables
  python predict_video.py --model model/activity.model --label-bin model/lb.pickle \\
      --input example_clips/tennis.mp4 --smoothing viterbi --unknown --segments output/tennis.srt
  python predict_video.py --model model/activity.model --label-bin model/lb.pickle \\
      --input example_clips --smoothing viterbi --review output/review
"""


def main() -> None:
    args = parse_arguments()
    provide_home()
    choose_backend(args.engine)
    jobs, finished = find_jobs(args)
    if not jobs and not any(job.truth for job in finished):
        write_page(args.review)
        return
    smoothing = SMOOTHINGS[args.smoothing](args.size)
    check_possible(args, smoothing, jobs)
    classifier = Classifier.load(args.model, args.label_bin)
    check_truth([*jobs, *finished], classifier)
    if args.unknown:
        classifier = classifier.with_unknown()
    options = EngineOptions(
        args.engine, args.batch_size, args.cache, low_latency=any(job.is_live for job in jobs)
    )
    settings = Settings(smoothing, args.stride, tuple(args.compare), args.bars, options)
    judgements = judge_those_finished(finished, classifier, settings)
    if not jobs:
        print_rightness(judgements)
        write_page(args.review)
        return
    frames = count_frames(jobs)
    label = open_labelling(args, jobs, classifier, settings, frames and frames // args.stride)
    with interrupts_held_back() as interrupted, closing(label(interrupted)) as outcomes:
        failed = report(jobs, outcomes, judgements)
        write_page(args.review)
    if failed:
        raise UserError(f"{len(failed)} of {len(jobs)} clips failed: {', '.join(failed)}")


def find_jobs(args: argparse.Namespace) -> tuple[list[Job], list[Job]]:
    """Find the clips and name the files to write; in folders, tell apart what is there already.

    Returns:
        (clips to label, clips that are labelled already).
    """
    outputs = Outputs(args.output, args.timeline, args.csv, args.json, args.segments, args.review)
    read = files_of_model(args.model, args.label_bin, engine=args.engine)
    jobs = plan_jobs(args.input, outputs, args.truth, [*read, *files_in_cache(args.cache)])
    if args.overwrite:
        return jobs, []
    if not writes_into_folder(args.input, outputs):
        check_tables_survive(jobs)
        return jobs, []
    left, finished = part_finished(jobs)
    check_tables_survive(left)
    if finished:
        print(
            f"[INFO] {len(finished)} of {len(jobs)} clips are labelled already "
            "(--overwrite: do it again)"
        )
    return left, finished


def check_possible(args: argparse.Namespace, smoothing: Smoothing, jobs: Sequence[Job]) -> None:
    """Refuse what cannot be done together, before anything takes time."""
    live = any(job.is_live for job in jobs)
    if live and smoothing.needs_whole_clip:
        raise UserError(
            f"--smoothing {smoothing.way} needs the whole clip, and a live source has no end: "
            "use --smoothing rolling"
        )
    if live and args.cluster:
        raise UserError("a live source is labelled where it is: leave out --cluster")
    if args.display == "on" and args.cluster:
        raise UserError("--display on cannot show clips labelled on a cluster: leave it out")
    if args.display == "on" and not args.output:
        raise UserError("--display on shows the frames that --output writes: give --output, too")


def check_truth(jobs: Sequence[Job], classifier: Classifier) -> None:
    """Check the tables to judge by, before anything takes time, and say what cannot be judged."""
    tables = {job.truth.path for job in jobs if job.truth}
    for table in sorted(tables):
        check_labels(table, classifier.activities)
    if not tables:
        return
    without = [job.name for job in jobs if not job.truth]
    if without:
        print(f"[INFO] not judged, since there is no truth: {shortened(without)}")
    if classifier.learned is None:
        print(
            f"[INFO] {classifier.label_bin} does not say which clips the model has learned from, "
            "as train.py writes it now: if it was trained on these clips, the score is too high"
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


def open_labelling(
    args: argparse.Namespace,
    jobs: Sequence[Job],
    classifier: Classifier,
    settings: Settings,
    frames: int | None,
) -> Callable[[Callable[[], bool]], Outcomes]:
    """Open what labels the clips, here or on a cluster, so that it only has to be started.

    Args:
        frames: how many frames will be classified; None if it is not known.

    Returns:
        Function that starts; it takes a function that tells whether to end early.
    """
    show = open_preview(args.display if args.output and not args.cluster else "off")
    if args.cluster:
        # Only --cluster needs these imports.
        from activity.cluster.clips import label_on_cluster
        from activity.cluster.ray_cluster import ClusterOptions

        cluster = ClusterOptions(args.cluster, args.cluster_log)
        return partial(label_on_cluster, cluster, jobs, classifier, settings, frames)
    opened = classifier.open(settings.options, frames)
    return partial(label_one_by_one, jobs, opened, settings, show)


def judge_those_finished(
    finished: Sequence[Job], classifier: Classifier, settings: Settings
) -> list[Judgement]:
    """Judge the clips that an earlier run has labelled, and say which ones cannot be."""
    judgements = []
    for job in finished:
        if not job.truth:
            continue
        try:
            judgements.append(judge_finished(job, classifier, settings))
            said = f"{job.clip} was labelled before\n[INFO] {format_judgement(judgements[-1])}"
        except UserError as error:
            said = f"{job.clip} was labelled before, and is not judged: {printable(str(error))}"
        print(f"[INFO] {said}")
    return judgements


def report(
    jobs: Sequence[Job], outcomes: Outcomes, judged_before: Sequence[Judgement]
) -> list[str]:
    """Print what became of each clip as it is done, and at the end a table of several.

    Args:
        jobs: the clips.
        outcomes: what becomes of them.
        judged_before: judgements of other clips, which count in the sum.

    Returns:
        The clips that failed.

    Raises:
        UserError: the only clip failed.
    """
    summaries: dict[str, Summary] = {}
    judgements = [*judged_before]
    failed: set[str] = set()
    for job, outcome in outcomes:
        if outcome is None:
            print(f"[INFO] {job.name} was left unfinished: nothing of it is kept")
        elif isinstance(outcome, UserError):
            if len(jobs) == 1:
                raise outcome
            failed.add(job.clip)
            print(f"error: {printable(str(outcome))}", file=sys.stderr)
        else:
            print_outcome(job, outcome)
            summaries[job.clip] = outcome.summary
            judgements += [outcome.judgement] if outcome.judgement else []
    print_rightness(judgements)
    if len(jobs) > 1:
        print_table([(job.name, summaries[job.clip]) for job in jobs if job.clip in summaries])
    return [job.name for job in jobs if job.clip in failed]


def print_outcome(job: Job, outcome: Outcome) -> None:
    summary, expected = outcome.summary, outcome.expected
    of = f" of {expected}" if expected not in (0, summary.frames) else ""
    print(
        f"[INFO] {job.name}: {summary.label} ({summary.probability:.0%}) "
        f"over {summary.frames}{of} frames; label switches: "
        f"{summary.raw_switches} raw, {summary.switches} {summary.adjective}"
    )
    if job.is_live:
        print(f"[INFO] dropped {outcome.dropped} frames that came while another was classified")
    if outcome.judgement:
        print(f"[INFO] {format_judgement(outcome.judgement)}")
    written = [path for path in job.outputs.paths if path != job.outputs.review]
    if written:
        print(f"[INFO] wrote {', '.join(map(str, written))}")


def print_rightness(judgements: Sequence[Judgement]) -> None:
    for line in format_rightness(judgements):
        print(f"[INFO] {line}")


def write_page(folder: Path | None) -> None:
    """Write the review page, where one is asked for, with all clips that are in its folder."""
    if folder:
        clips = write_index(folder)
        print(f"[INFO] open {folder / INDEX} in a browser: clips to look at: {clips}")


def print_table(summaries: Sequence[tuple[str, Summary]]) -> None:
    width = max((len(clip) for clip, _ in summaries), default=4)
    smoothed = next((summary.adjective for _, summary in summaries), "averaged")
    print(f"{'clip':{width}}  {'frames':>7}  {'raw':>5}  {smoothed:>8}  activity")
    for clip, summary in summaries:
        print(
            f"{clip:{width}}  {summary.frames:7}  {summary.raw_switches:5}  "
            f"{summary.switches:8}  {summary.label} ({summary.probability:.0%})"
        )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_file_arguments(parser)
    add_smoothing_arguments(parser)
    add_look_arguments(parser)
    add_speed_arguments(parser, int8=True)
    return parser.parse_args()


if __name__ == "__main__":
    run_script(main)
