"""How large the networks of ``--backbone`` are, and how fast beside ResNet50, with random weights.

What OpenVINO answers is compared with what Keras itself does: the largest difference of a feature,
relative to the largest feature. For that, batch normalizations are given the statistics of noise:
without any, the deepest networks turn rounding into other features.

The time is that of the processor, one core, for one photo with OpenVINO: so that what else runs on
the machine matters less. Each network's photos are timed in turn with ResNet50's. Weights do not
change how long a photo takes.

example:
  python -m benchmarks.networks
  python -m benchmarks.networks --networks convnext-tiny efficientnetv2-s
"""

import argparse
import gc
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import openvino

from activity.network.backbone import build_backbone
from activity.network.networks import NETWORKS, RANDOM
from activity.network.openvino_export import export
from benchmarks.measuring import print_table

Forward = Callable[[], np.ndarray]

_REFERENCE = "resnet50"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--rounds", type=int, default=3, help="the quickest of them counts")
    args = parser.parse_args()

    reference, *_ = opened(_REFERENCE)
    rows = []
    for name in args.networks:
        forward, megabytes, features, difference = opened(name)
        theirs, own = np.inf, np.inf
        for _ in range(args.rounds):
            theirs = min(theirs, processor_seconds(reference))
            own = min(own, processor_seconds(forward))
        side = str(NETWORKS[name].side)
        speed = f"{theirs / own:.2f}"
        size = [str(features), f"{megabytes:.1f}", f"{difference:.0e}"]
        row = [name, side, *size, f"{own * 1000:.0f}", speed]
        rows.append(row)
        print(*row, flush=True)
        del forward
        gc.collect()
    header = ["network", "input", "features", "MB", "difference", "core ms", "speed"]
    print_table(header, rows)


def opened(name: str) -> tuple[Forward, float, int, float]:
    """Open a network on one core.

    Returns:
        (forward, megabytes, features, difference): what sends a photo through it, how large it is,
        and how far its answer is from Keras's, relative to the largest feature.
    """
    backbone = build_backbone(name, RANDOM)
    side = NETWORKS[name].side
    noise = np.random.default_rng(0).integers(0, 256, (5, side, side, 3)).astype(np.float32)
    photo = noise[:1]
    normalize_by(backbone, noise[1:])
    with tempfile.TemporaryDirectory() as folder:
        path = export(backbone, Path(folder) / "export")
        network = openvino.Core().read_model(path)
        network.reshape([1, side, side, 3])
        settings = {"INFERENCE_NUM_THREADS": "1", "INFERENCE_PRECISION_HINT": "f32"}
        compiled = openvino.Core().compile_model(network, "CPU", settings)

    def forward() -> np.ndarray:
        return compiled(photo)[0]

    expected = backbone.predict_on_batch(photo)
    difference = float(np.abs(forward() - expected).max() / np.abs(expected).max())
    return forward, 4 * backbone.count_params() / 1e6, backbone.output_shape[1], difference


def normalize_by(backbone: keras.Model, photos: np.ndarray) -> None:
    """Give the batch normalizations of a network the statistics of what they get of photos."""
    for layer in backbone._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable, layer.momentum = True, 0.0
    backbone(photos, training=True)


def processor_seconds(forward: Forward) -> float:
    """Time one photo, over as many as take half a second."""
    photos, start = 0, time.process_time()
    while True:
        forward()
        photos += 1
        taken = time.process_time() - start
        if taken > 0.5:
            return taken / photos


if __name__ == "__main__":
    main()
