"""train.py compared with the source tutorial's training, on the same photos in the same run.

    python -m benchmarks.training --dataset Sports-Type-Classifier/data

The tutorial's training is run for a few epochs, and its time is scaled to all of them.
"""

import argparse
import json
import re
import tempfile
from pathlib import Path

from benchmarks.measuring import measure, print_table


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--weights", default="random", help="of ResNet50 (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--epochs-measured", type=int, default=1)
    args = parser.parse_args()

    tutorial = measure(
        *("-m", "benchmarks.tutorial_train", "--dataset", args.dataset),
        *("--weights", args.weights, "--epochs", args.epochs_measured),
    )
    figures = json.loads(tutorial.output.splitlines()[-1])
    seconds = figures["seconds_besides_epochs"] + args.epochs * figures["seconds_an_epoch"]
    rows = [
        [
            f"the tutorial's method ({args.epochs_measured} epoch, scaled to {args.epochs})",
            f"{seconds:.0f}",
            "1",
            f"{figures['photos'] / figures['seconds_an_epoch']:.1f}",
            f"{tutorial.peak_megabytes:.0f}",
            f"{figures['accuracy']:.3f} after {args.epochs_measured}",
        ]
    ]
    for backbone, weights in (("resnet50", args.weights), ("efficientnet-lite0", "imagenet")):
        with tempfile.TemporaryDirectory() as folder:
            for state in ("cold cache", "warm cache"):
                run = measure(
                    *("train.py", "--dataset", args.dataset, "--epochs", args.epochs),
                    *("--backbone", backbone, "--weights", weights),
                    *("--cache", Path(folder) / "cache", "--plot", Path(folder) / "plot.png"),
                    *("--model", Path(folder) / "activity.model"),
                    *("--label-bin", Path(folder) / "lb.pickle"),
                    *("--report", Path(folder) / "report.json"),
                )
                accuracy = json.loads((Path(folder) / "report.json").read_text())["accuracy"]
                (views,) = re.findall(r"computing features of (\d+) views", run.output)
                rows.append(
                    [
                        f"train.py, {backbone} ({weights}), {state}",
                        f"{run.seconds:.0f}",
                        f"{seconds / run.seconds:.0f}",
                        f"{int(views) / run.seconds:.1f}",
                        f"{run.peak_megabytes:.0f}",
                        f"{accuracy:.3f}",
                    ]
                )
    print_table(["", "seconds", "times faster", "photos/s", "peak MB", "test accuracy"], rows)


if __name__ == "__main__":
    main()
