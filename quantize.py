"""Make the int8 version of a model, for predict_video.py --engine int8.

Weights and activations are rounded to 8 bits, which a CPU computes several times quicker. The
rounding is fitted to training photos. How often it changes the label is then counted on the
test photos, and where that is too often, nothing is written.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.arguments.shared import add_cache_argument
from activity.ground.errors import UserError, run_script
from activity.ground.writing import check_output, folder_when_complete
from activity.inputs.dataset import decode_photo, find_photos, split
from activity.network.classifier import int8_folder, model_key, open_classifier
from activity.network.engine import EXPORT_NAME, Engine, openvino_engine
from activity.network.quantization import check_installed, quantize
from activity.saved.artifacts import load_labels

EXAMPLE = """\
example:
  python quantize.py --model model/activity.model --label-bin model/lb.pickle \\
      --dataset Sports-Type-Classifier/data
"""

CALIBRATION_PHOTOS = 128
LEAST_AGREEMENT = 0.97


def main() -> None:
    args = parse_arguments()
    check_installed()
    labels = load_labels(args.label_bin)
    key = model_key(args.model, len(labels))
    folder = int8_folder(args.model, key)
    check_output(folder, "the int8 version")

    photos, photo_labels = find_photos(args.dataset, labels)
    training, test = split(photos, photo_labels)
    chosen = np.random.default_rng(0).permutation(training)[:CALIBRATION_PHOTOS]

    with tempfile.TemporaryDirectory() as temporary:
        exports = (args.cache or Path(temporary)) / "exports"
        exact = open_classifier(
            args.model, len(labels), engine="openvino", frames=None, batch_size=1, exports=exports
        )
        print("[INFO] fitting the rounding to training photos ...")
        calibration = list(read_photos(args.dataset, [photos[i] for i in sorted(chosen)]))
        with folder_when_complete(folder) as part:
            quantize(exports / key / EXPORT_NAME, calibration, part / EXPORT_NAME)
            rounded = openvino_engine(part / EXPORT_NAME)
            print("[INFO] comparing on the test photos ...")
            agreement = share_of_equal_labels(
                exact, rounded, read_photos(args.dataset, [photos[i] for i in test])
            )
            if agreement < LEAST_AGREEMENT:
                raise UserError(
                    f"int8 gives another label on {1 - agreement:.1%} of the test photos, more "
                    f"than the {1 - LEAST_AGREEMENT:.0%} that would do: {args.model} is better "
                    "used as it is; nothing was written"
                )
    for older in args.model.parent.glob(f"{args.model.name}.*.int8"):
        if older != folder:
            shutil.rmtree(older)
    print(f"[INFO] int8 gives the same label on {agreement:.1%} of the test photos")
    print(f"[INFO] wrote {folder}; use it with: predict_video.py --engine int8")


def read_photos(dataset: Path, photos: Iterable[str]) -> Iterable[NDArray[np.uint8]]:
    """Yield the photos that can be read, as the network sees them."""
    for photo in tqdm(photos, disable=None, unit="photo"):
        pixels = decode_photo((dataset / photo).read_bytes())
        if pixels is not None:
            yield pixels


def share_of_equal_labels(
    exact: Engine, rounded: Engine, photos: Iterable[NDArray[np.uint8]]
) -> float:
    """Count on which share of the photos two classifiers agree, from 0 to 1."""
    # The first hands each photo on as the tag of its answer, so that photos stream through.
    answers = exact((photo, photo) for photo in photos)
    pairs = rounded((answer.argmax(), photo) for photo, answer in answers)
    return float(np.mean([label == answer.argmax() for label, answer in pairs]))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "-m",
        "--model",
        type=Path,
        required=True,
        metavar="FILE",
        help="a model of train.py; its int8 version is written beside it",
    )
    parser.add_argument(
        "-l",
        "--label-bin",
        type=Path,
        required=True,
        metavar="FILE",
        help="the pickled label binarizer of the model",
    )
    parser.add_argument(
        "-d",
        "--dataset",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="the photos the model was trained on",
    )
    add_cache_argument(parser)
    return parser.parse_args()


if __name__ == "__main__":
    run_script(main)
