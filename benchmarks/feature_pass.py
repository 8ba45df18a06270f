"""A feature pass over photos compared with the forward rate of its engine, in the same run.

    python -m benchmarks.feature_pass --dataset Sports-Type-Classifier/data

The pass reads, hashes, decodes, resizes and augments; the bare rate is that of the network on
pixels in memory.
"""

import argparse
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from activity.media.frame import Frame
from activity.media.images import hash_files
from activity.media.photo import decode_image
from activity.network.backbone import build_backbone, fingerprint
from activity.network.engine import EngineOptions, open_engine
from activity.network.networks import RANDOM
from activity.training.data.dataset import ALL_LABELS, find_images
from activity.training.features.views import View, compute_features
from benchmarks.measuring import print_table

IN_MEMORY = 128


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--photos", type=int, default=512)
    args = parser.parse_args()

    photos = find_images([args.dataset], [ALL_LABELS]).photos
    chosen = np.random.default_rng(0).permutation(len(photos))[: args.photos]
    # One plain and one augmented view of each, as in training.
    views = [View(photos[i].image, number) for i in chosen for number in (0, 1)]
    images = (decode_image(view.image.file.read_bytes()) for view in views[:IN_MEMORY])
    pixels = [Frame(image).network_input() for image in images if image is not None]
    rows = []
    for name in ("resnet50", "efficientnet-lite0"):
        backbone = build_backbone(name, RANDOM)
        for engine in ("keras", "openvino"):
            with tempfile.TemporaryDirectory() as folder:
                bare, full = rates(args.dataset, views, pixels, backbone, engine, Path(folder))
            rows.append([name, engine, f"{bare:.1f}", f"{full:.1f}", f"{full / bare:.0%}"])
    print_table(["backbone", "engine", "bare views/s", "pass views/s", "of bare"], rows)


def rates(
    dataset: Path,
    views: list[View],
    pixels: list[NDArray[np.uint8]],
    backbone: keras.Model,
    engine: str,
    cache: Path,
) -> tuple[float, float]:
    """Measure the bare rate and that of the pass, both in views per second."""
    options = EngineOptions(engine, cache_folder=cache)
    run = open_engine(options, lambda: backbone, key=fingerprint(backbone), inputs=None)
    list(run((None, photo) for photo in pixels[:64]))
    start = time.perf_counter()
    list(run((None, photo) for photo in islice(cycle(pixels), len(views))))
    middle = time.perf_counter()
    # This finds the export that was made above, but no features.
    contents = hash_files(dataset, sorted({view.image.path for view in views}))
    _, readable = compute_features(
        [
            View(view.image._replace(folder=dataset, digest=contents[view.image.path]), view.number)
            for view in views
        ],
        backbone,
        options,
    )
    end = time.perf_counter()
    return len(views) / (middle - start), readable.sum() / (end - middle)


if __name__ == "__main__":
    main()
