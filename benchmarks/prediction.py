"""predict_video.py compared with the source tutorial's loop, on the same clip in the same run.

    python -m benchmarks.prediction --model model/activity.model --label-bin model/lb.pickle \\
        --input example_clips/tennis.mp4

The clip is looped to --frames. Seconds are of the whole process, start-up and all. The rate is
what further frames cost once it runs: from a run over few frames and one over all. The bare
rate is that of the engine alone, with nothing to decode, draw or encode, over as many frames and
right after them: the machine's own pace changes from minute to minute.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import cv2
import numpy as np

from activity.media.frame import Frame
from activity.network.classifier import Classifier
from activity.network.engine import EngineOptions
from activity.network.openvino_export import EXPORT_NAME
from activity.training.learning.int8 import quantize
from benchmarks.measuring import in_own_process, measure, print_table, write_looped

FEW_FRAMES = 16


def main() -> None:
    args = parse_arguments()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model = folder / "activity.model"
        model.write_bytes(args.model.read_bytes())
        classifier = Classifier.load(model, args.label_bin)
        few = write_looped(args.input, folder / f"few{args.input.suffix}", FEW_FRAMES)
        many = write_looped(args.input, folder / f"many{args.input.suffix}", args.frames)
        cache = folder / "cache"
        with in_own_process() as process:
            process.submit(prepare, classifier, cache, args.input).result()

        common = ["--model", model, "--label-bin", args.label_bin]
        clip, table = ["--output", folder / "out.avi"], ["--csv", folder / "out.csv"]
        run = ["predict_video.py", *common, "--display", "off", "--cache", cache]
        ours, fast = [*run, *clip], [*run, "--engine", "openvino"]
        commands = {
            "the tutorial's loop": (["-m", "benchmarks.tutorial_predict", *common, *clip], None),
            "Keras": ([*ours, "--engine", "keras"], "keras"),
            "Keras, stride 4": ([*ours, "--engine", "keras", "--stride", 4], None),
            "OpenVINO": ([*ours, "--engine", "openvino"], "openvino"),
            "OpenVINO, stride 4": ([*ours, "--engine", "openvino", "--stride", 4], None),
            "OpenVINO, viterbi": ([*fast, *clip, "--smoothing", "viterbi"], None),
            "OpenVINO, an .mp4": ([*fast, "--output", folder / "out.mp4"], None),
            "OpenVINO, a table alone": ([*fast, *table], None),
            "OpenVINO, a table alone, stride 8": ([*fast, *table, "--stride", 8], None),
            "int8": ([*ours, "--engine", "int8"], "int8"),
        }
        rows: list[list[object]] = []
        tutorial_seconds = 0.0
        for name, (command, engine) in commands.items():
            short = measure(*command, "--input", few)
            whole = measure(*command, "--input", many)
            rate = (args.frames - FEW_FRAMES) / (whole.seconds - short.seconds)
            tutorial_seconds = tutorial_seconds or whole.seconds
            row: list[object] = [
                name,
                f"{whole.seconds:.1f}",
                f"{tutorial_seconds / whole.seconds:.1f}",
                f"{rate:.1f}",
                f"{short.seconds:.1f}",
                f"{whole.peak_megabytes:.0f}",
            ]
            if engine is not None:
                with in_own_process() as process:
                    bare = process.submit(
                        bare_rate, classifier, engine, cache, args.input, args.frames
                    ).result()
                row += [f"{bare:.1f}", f"{rate / bare:.0%}"]
            rows.append(row + [""] * (8 - len(row)))
    print_table(
        [
            f"{args.frames} frames",
            "seconds",
            "times faster",
            "frames/s",
            f"seconds for {FEW_FRAMES} frames",
            "peak MB",
            "bare frames/s",
            "of bare",
        ],
        rows,
    )


def looped(clip: Path, frames: int) -> Iterator[Frame]:
    """Yield a number of frames of a clip, which starts again when it ends."""
    capture = cv2.VideoCapture(str(clip))
    for _ in range(frames):
        read, frame = capture.read()
        if not read:
            capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
            _, frame = capture.read()
        yield Frame(np.asarray(frame, np.uint8))


def prepare(classifier: Classifier, cache: Path, clip: Path) -> None:
    """Put the export and the int8 version where later runs will find them."""
    opened = classifier.open(EngineOptions("openvino", cache_folder=cache))
    calibration = [opened.network_input(frame) for frame in looped(clip, 32)]
    folder = classifier.int8_folder
    folder.mkdir()
    # For its speed alone: train.py --int8 would also look at its answers.
    exported = cache / "exports" / classifier.key / EXPORT_NAME
    quantize(exported, calibration, folder / EXPORT_NAME)


def bare_rate(classifier: Classifier, engine: str, cache: Path, clip: Path, frames: int) -> float:
    """Measure an engine alone, in frames per second."""
    classify = classifier.open(EngineOptions(engine, cache_folder=cache))
    pixels = [classify.network_input(frame) for frame in looped(clip, 64)]
    list(classify((None, frame) for frame in pixels))
    start = time.perf_counter()
    list(classify((None, frame) for frame in islice(cycle(pixels), frames)))
    return frames / (time.perf_counter() - start)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for flag in ("--model", "--label-bin", "--input"):
        parser.add_argument(flag, type=Path, required=True)
    parser.add_argument("--frames", type=int, default=900)
    return parser.parse_args()


if __name__ == "__main__":
    main()
