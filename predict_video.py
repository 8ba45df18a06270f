"""Label every frame of a clip with its activity, without flicker.

Each frame is classified; the last --size predictions are averaged, and the most probable
activity of that average is drawn on the frame. --size 1 is plain image classification, and
flickers.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.arguments.labelling import (
    add_averaging_arguments,
    add_file_arguments,
    add_look_arguments,
)
from activity.arguments.shared import add_speed_arguments
from activity.ground.errors import UserError, printable, run_script
from activity.ground.interruption import interrupts_held_back
from activity.inputs.clip import VideoInfo, VideoSource
from activity.inputs.live import LiveSource
from activity.labelling.jobs import Job, plan_jobs, writes_into_folder
from activity.labelling.prediction import batch_that_fits, predict_frames
from activity.labelling.preview import open_preview
from activity.labelling.sink import open_sink
from activity.network.classifier import file_digest, open_classifier
from activity.network.engine import Engine
from activity.outcome.envelope import Envelope
from activity.outcome.overlay import draw_bars, draw_label
from activity.outcome.results import Prediction, Summary, open_table, write_json
from activity.saved.artifacts import load_labels

EXAMPLE = """\
examples:
  python predict_video.py --model model/activity.model --label-bin model/lb.pickle \\
      --input example_clips/tennis.mp4 --output output/tennis_128frames_smoothened.avi --size 128
  python predict_video.py --model model/activity.model --label-bin model/lb.pickle \\
      --input example_clips --output output --csv output/tables
"""


class LeftUnfinishedError(Exception):
    """The run ended early in the middle of a clip that is kept only when it is finished."""


def main() -> None:
    args = parse_arguments()
    labels = load_labels(args.label_bin)
    jobs = plan_jobs(args.input, args.output, timeline=args.timeline, csv=args.csv, json=args.json)
    if writes_into_folder(args.input, args.output) and not args.overwrite:
        jobs = leave_out_finished(jobs)
    if not jobs:
        return
    infos = look_at(jobs)
    show = open_preview(args.display)
    live = any(job.is_live for job in jobs)
    classify = open_classifier_for(infos, live, len(labels), args)

    summaries: dict[str, Summary] = {}
    failed: list[str] = []
    with interrupts_held_back() as interrupted:

        def wants_end(pixels: NDArray[np.uint8]) -> bool:
            return show(pixels) or interrupted()

        for job in jobs:
            try:
                with closing(open_source(job, interrupted)) as source:
                    summary = label_clip(job, source, classify, labels, args, wants_end)
            except LeftUnfinishedError:
                break
            except UserError as error:
                if len(jobs) == 1:
                    raise
                failed.append(job.clip)
                print(f"error: {printable(str(error))}", file=sys.stderr)
                continue
            print_outcome(job, source, summary)
            summaries[job.clip] = summary
            if interrupted():
                break
        if len(jobs) > 1:
            print_table(summaries)
    if failed:
        raise UserError(f"{len(failed)} of {len(jobs)} clips failed: {', '.join(failed)}")


def leave_out_finished(jobs: Sequence[Job]) -> list[Job]:
    """Keep the jobs of which a file is missing."""
    left = [job for job in jobs if not all(path.exists() for path in job.files)]
    if len(left) < len(jobs):
        done = len(jobs) - len(left)
        print(f"[INFO] {done} of {len(jobs)} clips are labelled already (--overwrite does it anew)")
    return left


def look_at(jobs: Sequence[Job]) -> list[VideoInfo]:
    """Ask the clips how large and long they are. A clip that cannot be read is left for later."""
    infos = []
    for job in jobs:
        if job.is_live:
            continue
        try:
            with closing(VideoSource(Path(job.clip))) as source:
                infos.append(source.info)
        except UserError:
            # A wrong path should not wait for TensorFlow.
            if len(jobs) == 1:
                raise
    return infos


def open_classifier_for(
    infos: Sequence[VideoInfo], live: bool, labels: int, args: argparse.Namespace
) -> Engine:
    """Open the model with the engine that suits these clips; of a live source nothing is known."""
    fitting = [batch_that_fits(args.batch_size, info, args.stride) for info in infos]
    return open_classifier(
        args.model,
        labels,
        engine=args.engine,
        frames=sum(info.frame_count for info in infos) // args.stride or None,
        batch_size=min(fitting, default=1),
        exports=args.cache and args.cache / "exports",
        low_latency=live,
    )


def open_source(job: Job, should_stop: Callable[[], bool]) -> VideoSource | LiveSource:
    if job.is_live:
        return LiveSource(job.clip, should_stop)
    return VideoSource(Path(job.clip))


def label_clip(
    job: Job,
    source: VideoSource | LiveSource,
    classify: Engine,
    labels: Sequence[str],
    args: argparse.Namespace,
    wants_end: Callable[[NDArray[np.uint8]], bool],
) -> Summary:
    """Classify every frame, average, draw the label on it, and write it; and what else is asked.

    Raises:
        LeftUnfinishedError: ``wants_end`` said so, and the job is kept only when it is finished.
        UserError: something cannot be written.
    """
    summary = Summary(labels)
    gather: list[Callable[[Prediction], None]] = [summary.add]
    if job.timeline:
        envelope = Envelope(labels, args.size, args.compare, stride=args.stride)
        gather.append(envelope.add)
    sound_of = None if source.live else Path(job.clip)
    with ExitStack() as stack:
        sink = stack.enter_context(open_sink(job.output, source.info, sound_of))
        if job.csv:
            gather.append(stack.enter_context(open_table(job.csv, labels)))
        frames = stack.enter_context(
            closing(predict_frames(source, classify, size=args.size, stride=args.stride))
        )
        total = source.info.frame_count or None
        for frame, prediction in tqdm(frames, Path(job.clip).name, total, disable=None):
            for add in gather:
                add(prediction)
            averaged = prediction.averaged
            draw_label(frame.pixels, labels[averaged.argmax()], averaged.max())
            if args.bars:
                draw_bars(frame.pixels, labels, averaged)
            sink.write(frame)
            if wants_end(frame.pixels):
                if not job.keep_unfinished:
                    raise LeftUnfinishedError
                break
        else:
            sink.copy_rest_of_sound()
        if sink.lost_sound:
            print(f"[INFO] {job.output} is without the sound of {job.clip}: {sink.lost_sound}")
    end = prediction.time + 1 / source.info.fps
    if job.timeline:
        # Only here, since matplotlib takes a second to import.
        from activity.outcome.timeline import draw_timeline

        draw_timeline(envelope, end, job.timeline, Path(job.clip).name)
    if job.json:
        write_json(job.json, as_json(job, source.info, summary, end, args))
    return summary


def as_json(
    job: Job, info: VideoInfo, summary: Summary, end: float, args: argparse.Namespace
) -> dict[str, object]:
    """Gather the summary and what it was made from."""
    content = summary.as_dict(end)
    content["frames"]["expected"] = info.frame_count or None
    return content | {
        "source": job.clip,
        "model": {"path": str(args.model), "sha256": file_digest(args.model)},
        "settings": {"size": args.size, "stride": args.stride, "engine": args.engine},
    }


def print_outcome(job: Job, source: VideoSource | LiveSource, summary: Summary) -> None:
    expected = source.info.frame_count
    of = f" of {expected}" if expected not in (0, summary.frames) else ""
    print(
        f"[INFO] {job.clip}: {summary.label} ({summary.probability:.0%}) "
        f"over {summary.frames}{of} frames; label switches: "
        f"{summary.raw_switches} raw, {summary.averaged_switches} averaged"
    )
    if source.live:
        print(f"[INFO] dropped {source.dropped} frames that came while another was classified")
    print(f"[INFO] wrote {', '.join(map(str, job.files))}")


def print_table(summaries: dict[str, Summary]) -> None:
    width = max(map(len, summaries), default=4)
    print(f"{'clip':{width}}  {'frames':>7}  {'raw':>5}  {'averaged':>8}  activity")
    for clip, summary in summaries.items():
        print(
            f"{clip:{width}}  {summary.frames:7}  {summary.raw_switches:5}  "
            f"{summary.averaged_switches:8}  {summary.label} ({summary.probability:.0%})"
        )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_file_arguments(parser)
    add_averaging_arguments(parser)
    add_look_arguments(parser)
    add_speed_arguments(parser, int8=True)
    return parser.parse_args()


if __name__ == "__main__":
    run_script(main)
