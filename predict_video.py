"""Label every frame of a clip with its activity, without flicker.

Each frame is classified; the last --size predictions are averaged, and the most probable
activity of that average is drawn on the frame. --size 1 is plain image classification, and
flickers.
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

from activity.arguments import add_speed_arguments, positive
from activity.artifacts import load_labels
from activity.background import in_background
from activity.classifier import open_classifier
from activity.dataset import network_input
from activity.errors import run_script
from activity.overlay import draw_label
from activity.smoothing import RollingAverage, count_switches
from activity.video import VideoSink, VideoSource

EXAMPLE = """\
example:
  python predict_video.py --model model/activity.model --label-bin model/lb.pickle \\
      --input example_clips/tennis.mp4 --output output/tennis_128frames_smoothened.avi --size 128
"""


def main() -> None:
    args = parse_arguments()
    labels = load_labels(args.label_bin)
    source = VideoSource(args.input)
    classify = open_classifier(
        args.model,
        len(labels),
        engine=args.engine,
        frames=source.info.frame_count,
        batch_size=args.batch_size,
        exports=args.cache and args.cache / "exports",
    )
    average = RollingAverage(args.size)
    raw, averaged = [], []
    overall = np.zeros(len(labels))
    inputs = ((frame, network_input(frame)) for frame in source.frames())
    with VideoSink(args.output, source.info) as sink:
        for frame, probabilities in tqdm(
            in_background(classify(inputs), 32), "frames", source.info.frame_count, disable=None
        ):
            mean = average.push(probabilities)
            overall += probabilities
            raw.append(labels[probabilities.argmax()])
            averaged.append(labels[mean.argmax()])
            draw_label(frame, averaged[-1], mean.max())
            sink.write(frame)
    overall /= len(raw)
    print(f"[INFO] {labels[overall.argmax()]}: {overall.max():.0%} over {len(raw)} frames")
    print(f"[INFO] label switches: {count_switches(raw)} raw, {count_switches(averaged)} averaged")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-m", "--model", type=Path, required=True)
    parser.add_argument("-l", "--label-bin", type=Path, required=True)
    parser.add_argument("-i", "--input", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("-s", "--size", type=positive, default=128)
    add_speed_arguments(parser, int8=True)
    return parser.parse_args()


if __name__ == "__main__":
    run_script(main)
