"""How much memory it takes to train a head on the features of very many photos.

    python -m benchmarks.million_views --views 1000000

Features are drawn at random, of the size that EfficientNet-Lite0 gives; three quarters of the rows
are learned from, in one view each, and a quarter is tested with.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from activity.media.images import Image
from activity.network.arguments import positive
from activity.training.features.sets import Examples
from activity.training.features.views import let_go, rows_of_features
from activity.training.learning.head import predict, train_head
from benchmarks.measuring import measure, print_table

FEATURE_SIZE, LABELS = 1280, 22
_ROWS_AT_ONCE = 4096


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--views", type=positive, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--epochs", type=positive, default=1)
    parser.add_argument("--folder", type=Path, default=None, help="for the file of features")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.here:
        train(args.views[0], args.epochs, args.folder)
        return
    rows = []
    for views in args.views:
        folder = ["--folder", args.folder] if args.folder else []
        run = measure(
            *("-m", "benchmarks.million_views", "--here", "--views", views),
            *("--epochs", args.epochs, *folder),
        )
        size = views * FEATURE_SIZE * 4 / 2**20
        rows.append([views, f"{size:.0f}", f"{run.peak_megabytes:.0f}", *run.output.split()[-2:]])
    print_table(["views", "MB of features", "peak MB", "seconds an epoch", "test accuracy"], rows)


def train(views: int, epochs: int, folder: Path | None) -> None:
    """Train and test a head on synthetic features, and print how long an epoch took."""
    random = np.random.default_rng(0)
    features = rows_of_features(views, FEATURE_SIZE, folder)
    targets = np.zeros((views, LABELS), np.float32)
    for start in range(0, views, _ROWS_AT_ONCE):
        some = features[start : start + _ROWS_AT_ONCE]
        labels = random.integers(LABELS, size=len(some))
        some[:] = random.standard_normal(some.shape, np.float32)
        some[np.arange(len(some)), labels] += 4
        targets[start + np.arange(len(some)), labels] = 1
        let_go(features)
    order = random.permutation(views)
    # In the order of their rows, as train.py has them.
    training, test = (
        Examples([Image("drawn")] * len(rows), targets[rows], features, rows.reshape(-1, 1))
        for rows in (np.sort(order[views // 4 :]), np.sort(order[: views // 4]))
    )
    begun = time.perf_counter()
    head, _ = train_head(training, test, epochs=epochs, seed=0)
    seconds = (time.perf_counter() - begun) / epochs
    right = (predict(head, test).argmax(axis=1) == test.labels).mean()
    print(f"{seconds:.0f} {right:.3f}")


if __name__ == "__main__":
    main()
