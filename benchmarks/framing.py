"""Which part of a wide frame a network should see: labels right on real clips, and the cost.

    python -m benchmarks.framing --model model/activity.model --label-bin model/lb.pickle \\
        --clips tennis=tennis.mp4 football=soccer.mp4 weight_lifting=lifting.mp4

Squares of the frame's height (of a portrait clip, its width) lie at even distances along the longer
side; with several, the probabilities are averaged. "Cost" is network inputs a frame.
"""

import argparse
from contextlib import closing
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from activity.common.script import run_script
from activity.labelling.prediction import classify_frames, parts_of
from activity.media.clip import VideoSource
from activity.media.frame import VideoInfo
from activity.media.region import Region, region_of
from activity.network.arguments import add_cache_argument, positive
from activity.network.classifier import Classifier
from activity.network.engine import EngineOptions
from benchmarks.measuring import print_table

MOST_SQUARES = 3


def main() -> None:
    args = parse_arguments()
    classifier = Classifier.load(args.model, args.label_bin)
    opened = classifier.open(EngineOptions("openvino", cache_folder=args.cache))
    ways = range(1, MOST_SQUARES + 1)
    clips_right = dict.fromkeys(ways, 0)
    frames_right: dict[int, list[float]] = {way: [] for way in ways}
    for clip in args.clips:
        label, _, path = clip.partition("=")
        number = classifier.labels.index(label)
        with closing(VideoSource(Path(path))) as source:
            squares = list(chain.from_iterable(squares_of(source.info, way) for way in ways))
            parts = parts_of(squares, source.info, path)
            rows = [
                raw
                for _, raw in classify_frames(source, opened, args.stride, parts, keep_pixels=False)
                if raw is not None
            ]
        raw = np.stack(rows)  # (frames, squares, labels)
        first = 0
        for way in ways:
            mean: NDArray[np.float32] = raw[:, first : first + way].mean(axis=1)
            first += way
            frames_right[way].append(float((mean.argmax(axis=1) == number).mean()))
            clips_right[way] += mean.mean(axis=0).argmax() == number
    print_table(
        ["squares", f"clips right of {len(args.clips)}", "share of frames right", "cost"],
        [[way, clips_right[way], f"{np.mean(frames_right[way]):.3f}", way] for way in ways],
    )


def squares_of(info: VideoInfo, count: int) -> list[Region]:
    """Place squares along the longer side of a frame: one midway, or several from end to end."""
    side = min(info.width, info.height)
    room = max(info.width, info.height) - side
    starts = [room // 2] if count == 1 else [room * n // (count - 1) for n in range(count)]
    places = [(at, 0) if info.width > info.height else (0, at) for at in starts]
    return [
        region_of(str(n), [str(number) for number in (*place, side, side)])
        for n, place in enumerate(places)
    ]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for flag in ("--model", "--label-bin"):
        parser.add_argument(flag, type=Path, required=True)
    parser.add_argument("--clips", nargs="+", required=True, metavar="LABEL=CLIP")
    parser.add_argument("--stride", type=positive, default=3, help="classify every N-th frame")
    add_cache_argument(parser)
    return parser.parse_args()


if __name__ == "__main__":
    run_script(main)
