"""How soon a person who corrects a label sees the next ones: learn again, label again.

    python -m benchmarks.first_labels --dataset DATASET --input example_clips/tennis.mp4 \\
        --beside ../the/commit/before

Each command is run in turn with the one of another checkout, whole processes, and the median
counts. Features are in the cache, so that training is a warm one; each checkout has its own.
"""

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path

from activity.network.arguments import positive
from benchmarks.measuring import ROOT, Run, measure, print_table

WARM = "learn, features in the cache"
FIRST = "first labels after that"
NEVER = "labels of a model never exported here"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--input", type=Path, required=True, help="a clip")
    parser.add_argument("--beside", type=Path, required=True, help="another checkout")
    parser.add_argument("--backbone", default="efficientnet-lite0")
    parser.add_argument("--rounds", type=positive, default=5)
    args = parser.parse_args()

    checkouts = (args.beside.resolve(), ROOT)
    runs: dict[tuple[Path, str], list[Run]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for number in range(args.rounds + 1):
            for place, checkout in enumerate(checkouts):
                folder = Path(temporary) / str(place)
                for what, run in learn_and_label(checkout, folder, args).items():
                    if number > 0:  # the first round fills the caches
                        runs.setdefault((checkout, what), []).append(run)
    rows = []
    for what in (WARM, FIRST, NEVER):
        both = [runs[checkout, what] for checkout in checkouts]
        seconds = [statistics.median(run.seconds for run in some) for some in both]
        peaks = [statistics.median(run.peak_megabytes for run in some) for some in both]
        times = [f"{value:.1f}" for value in seconds]
        rows.append(
            [what, *times, f"{seconds[1] / seconds[0]:.2f}", *(f"{peak:.0f}" for peak in peaks)]
        )
    print_table(["", "before, s", "now, s", "ratio", "before, MB", "now, MB"], rows)


def learn_and_label(checkout: Path, folder: Path, args: argparse.Namespace) -> dict[str, Run]:
    """Run the three commands of one checkout once."""
    files = ["--model", folder / "activity.model", "--label-bin", folder / "lb.pickle"]
    train = [checkout / "train.py", "--dataset", args.dataset.resolve(), *files]
    train += ["--labels", "all", "--backbone", args.backbone, "--plot", folder / "plot.png"]
    label = [checkout / "predict_video.py", *files, "--input", args.input.resolve()]
    label += ["--csv", folder / "labels.csv"]
    cache, empty = folder / "cache", folder / "empty"
    shutil.rmtree(empty, ignore_errors=True)
    return {
        WARM: measure(*train, "--cache", cache),
        FIRST: measure(*label, "--cache", cache),
        NEVER: measure(*label, "--cache", empty),
    }


if __name__ == "__main__":
    main()
