"""Whether the engines agree with Keras, frame by frame, on real clips.

    python -m benchmarks.agreement --model model/activity.model --label-bin model/lb.pickle \\
        --input example_clips/*.mp4

OpenVINO is compared, and int8 where train.py --int8 has written that version of the model.
"""

import argparse
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from activity.labelling.prediction import classify_frames
from activity.media.clip import VideoSource
from activity.network.arguments import add_cache_argument
from activity.network.classifier import Classifier, OpenClassifier
from activity.network.engine import EngineOptions
from activity.temporal.smoothing import RollingAverage
from benchmarks.measuring import print_table


def main() -> None:
    args = parse_arguments()
    classifier = Classifier.load(args.model, args.label_bin)
    names = ["keras", "openvino"]
    if classifier.int8_folder.is_dir():
        names.append("int8")
    engines = {
        name: classifier.open(EngineOptions(name, cache_folder=args.cache)) for name in names
    }
    rows: list[list[object]] = []
    for clip in args.input:
        raw = {name: raw_predictions(clip, engine) for name, engine in engines.items()}
        steady = {name: averaged(rows, args.size) for name, rows in raw.items()}
        for name in names[1:]:
            rows.append(
                [
                    clip.name,
                    len(raw["keras"]),
                    name,
                    f"{np.abs(raw[name] - raw['keras']).max():.1e}",
                    f"{same_labels(raw[name], raw['keras']):.1%}",
                    f"{same_labels(steady[name], steady['keras']):.1%}",
                ]
            )
    print_table(
        [
            "clip",
            "frames",
            "engine",
            "largest difference of a probability",
            "same raw label",
            f"same label averaged over {args.size}",
        ],
        rows,
    )


def raw_predictions(clip: Path, classifier: OpenClassifier) -> NDArray[np.float32]:
    with closing(VideoSource(clip)) as source:
        classified = classify_frames(source, classifier, stride=1, keep_pixels=False)
        return np.stack([raw for _, raw in classified if raw is not None])


def averaged(raw: NDArray[np.float32], size: int) -> NDArray[np.floating]:
    average = RollingAverage(size)
    return np.stack([average.push(row) for row in raw])


def same_labels(mine: NDArray[np.floating], theirs: NDArray[np.floating]) -> float:
    return float(np.mean(mine.argmax(axis=1) == theirs.argmax(axis=1)))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--label-bin", type=Path, required=True)
    parser.add_argument("--input", type=Path, nargs="+", required=True)
    parser.add_argument("--size", type=int, default=128)
    add_cache_argument(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
