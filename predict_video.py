"""Label every frame of a clip with its activity, without flicker.

Each frame is classified; the last --size predictions are averaged, and the most probable
activity of that average is drawn on the frame. --size 1 is plain image classification, and
flickers. --smoothing viterbi reads the whole clip before it labels the first frame: the label
changes where the activity does.
"""

import argparse
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from activity.common.errors import UserError, shortened
from activity.common.interruption import delay_interrupts
from activity.common.keras_settings import choose_backend
from activity.common.script import provide_home, run_script
from activity.labelling.arguments import (
    add_file_arguments,
    add_look_arguments,
    add_smoothing_arguments,
)
from activity.labelling.finished import judge_those_finished, part_finished
from activity.labelling.jobs import Job, Settings, of_one_clip
from activity.labelling.label_clip import Outcomes, label_one_by_one
from activity.labelling.outputs import Outputs
from activity.labelling.over_clips import OverClips, report_over_clips, told_apart
from activity.labelling.planning import check_tables_survive, count_frames, plan_jobs
from activity.labelling.preview import open_preview
from activity.labelling.report import report
from activity.labelling.review.data_files import INDEX
from activity.labelling.review.writer import write_index
from activity.labelling.truths import check_truths
from activity.network.arguments import add_speed_arguments, files_in_cache
from activity.network.artifacts import load_label_file
from activity.network.classifier import Classifier, files_of_model
from activity.network.engine import EngineOptions
from activity.temporal.formats.annotations import Wanted
from activity.temporal.smoothing import SMOOTHINGS

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
    jobs, finished, over_clips = find_jobs(args)
    if not jobs and not any(job.truth for job in finished):
        write_page(args.review)
        return
    check_possible(args, jobs)
    classifier = load_classifier(args, [*jobs, *finished])
    settings = choose_settings(args, jobs)
    judgements = judge_those_finished(finished, classifier, settings)
    label = open_labelling(args, jobs, classifier, settings)
    with delay_interrupts() as interrupted, closing(label(interrupted)) as outcomes:
        done, failed = report(jobs, outcomes, judgements)
        if over_clips.paths:
            expected = sum(job.name not in failed for job in jobs)
            report_over_clips(over_clips, done, expected, classifier.activities)
        write_page(args.review)
    if failed:
        clips = len(of_one_clip(jobs))
        raise UserError(f"{len(failed)} of {clips} clips failed: {', '.join(failed)}")


def find_jobs(args: argparse.Namespace) -> tuple[list[Job], list[Job], OverClips]:
    """Find the clips and name the files to write; in folders, tell apart what is there already.

    Returns:
        (clips to label, clips that are labelled already, files to write over all clips).
    """
    outputs, over_clips = told_apart(
        args.input,
        Outputs(
            *(args.output, args.timeline, args.csv, args.json, args.segments, args.review),
            segments_suffix=f".{args.segments_format}",
            video_suffix=f".{args.output_format}",
        ),
        args.stats,
        args.stats_bins,
        with_truth=args.truth is not None,
    )
    wanted = Wanted(args.tier)
    if args.truth and args.truth.suffix.lower() == ".eaf":  # which may have several tiers
        wanted = Wanted(args.tier, load_label_file(args.label_bin).classes)
    read = files_of_model(args.model, args.label_bin, engine=args.engine)
    jobs = plan_jobs(
        args.input,
        outputs,
        args.truth,
        [*read, *files_in_cache(args.cache)],
        wanted=wanted,
        over_all=over_clips.paths,
        regions=args.region,
        regions_table=args.regions,
    )
    # What is written over all clips needs all of them.
    is_all = args.overwrite or over_clips.paths
    left, finished = (jobs, []) if is_all else part_finished(jobs)
    if not args.overwrite:
        check_tables_survive(left)
    if finished:
        print(
            f"[INFO] {len(of_one_clip(finished))} of {len(of_one_clip(jobs))} clips are labelled "
            "already (--overwrite: do it again)"
        )
    return left, finished, over_clips


def check_possible(args: argparse.Namespace, jobs: Sequence[Job]) -> None:
    """Refuse what cannot be done together, before anything takes time."""
    live = any(job.is_live for job in jobs)
    if live and SMOOTHINGS[args.smoothing].needs_whole_clip:
        raise UserError(
            f"--smoothing {args.smoothing} needs the whole clip, and a live source has no end: "
            "use --smoothing rolling"
        )
    if live and args.cluster:
        raise UserError("a live source is labelled where it is: leave out --cluster")
    if args.display == "on" and args.cluster:
        raise UserError("--display on cannot show clips labelled on a cluster: leave it out")
    draws = any(job.draws for job in jobs)
    if args.display == "on" and not draws:
        raise UserError(
            "--display on shows the frames that --output draws on: give --output an .mp4 or an .avi"
        )
    if args.bars and any(job.copies_streams for job in jobs):
        raise UserError(
            "--bars are drawn on frames, which an .mkv has as they are: give --output an .mp4 or "
            "an .avi"
        )


def load_classifier(args: argparse.Namespace, jobs: Sequence[Job]) -> Classifier:
    """Read the model's files, and make sure that it can be judged by the tables of ``--truth``."""
    classifier = Classifier.load(args.model, args.label_bin)
    truths = [job.truth for job in jobs if job.truth]
    check_truths(truths, classifier.activities)
    without = [job.part for job in jobs if not job.truth]
    if truths and without:
        print(f"[INFO] not judged, since there is no truth: {shortened(without)}")
    if truths and classifier.learned is None:
        print(
            f"[INFO] {classifier.label_bin} does not say which clips the model has learned from, "
            "as train.py writes it now: if it was trained on these clips, the score is too high"
        )
    return classifier.with_unknown() if args.unknown else classifier


def choose_settings(args: argparse.Namespace, jobs: Sequence[Job]) -> Settings:
    options = EngineOptions(
        args.engine, args.batch_size, args.cache, low_latency=any(job.is_live for job in jobs)
    )
    smoothing = SMOOTHINGS[args.smoothing](args.size)
    return Settings(smoothing, args.stride, tuple(args.compare), args.bars, options)


def open_labelling(
    args: argparse.Namespace, jobs: Sequence[Job], classifier: Classifier, settings: Settings
) -> Callable[[Callable[[], bool]], Outcomes]:
    """Open what labels the clips, here or on a cluster, so that it only has to be started.

    Returns:
        Function that starts; it takes a function that tells whether to end early.
    """
    if not jobs:
        return label_nothing
    frames = count_frames(jobs)
    to_classify = frames and frames // args.stride
    draws = any(job.draws for job in jobs)
    show = open_preview(args.display if draws and not args.cluster else "off")
    if args.cluster:
        # Only --cluster needs these imports.
        from activity.cluster.clips import label_on_cluster
        from activity.cluster.ray_cluster import ClusterOptions

        cluster = ClusterOptions(args.cluster, args.cluster_log)
        return partial(label_on_cluster, cluster, jobs, classifier, settings, to_classify)
    opened = classifier.open(settings.options, to_classify)
    return partial(label_one_by_one, jobs, opened, settings, show)


def label_nothing(interrupted: Callable[[], bool]) -> Outcomes:
    yield from ()


def write_page(folder: Path | None) -> None:
    """Write the review page, where one is asked for, with all clips that are in its folder."""
    if folder:
        clips = write_index(folder)
        print(f"[INFO] open {folder / INDEX} in a browser: clips to look at: {clips}")


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
