"""The int8 version of a model: several times quicker on a CPU, and almost the same answers."""

import importlib.util
import io
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext, redirect_stdout
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.common.errors import UserError
from activity.common.writing import folder_when_complete
from activity.media.images import Image, read_images
from activity.network.classifier import Classifier, OpenClassifier
from activity.network.engine import Engine, EngineOptions, first_outputs, openvino_engine
from activity.network.openvino_export import EXPORT_NAME
from activity.training.features.sets import FeatureSets

CALIBRATION_PHOTOS = 128

LEAST_AGREEMENT = 0.97
"""Share of the test images that must keep their label; with fewer, an int8 version is not kept."""


def check_installed() -> None:
    """Raise a UserError where a package that quantization needs is missing."""
    for package in ("openvino", "nncf"):
        if importlib.util.find_spec(package) is None:
            raise UserError(
                f"{package} is not installed: pip install -r requirements-int8.txt adds all that "
                "--int8 needs"
            )


def write_int8_version(
    classifier: Classifier, features: FeatureSets, cache_folder: Path | None
) -> list[str]:
    """Make the int8 version of a saved model, and keep it if it gives almost the same labels.

    The rounding is fitted to some of the training images; how often it changes the label is
    counted on the test images, or where there are none, on those trained on. Images that cannot be
    read are left out. Int8 versions of earlier models of the same name are removed.

    Args:
        classifier: as ``train.py`` saved it; the int8 version is written beside its model.
        features: what it was trained and tested with.
        cache_folder: where OpenVINO exports are kept; None keeps none, nor does a folder that
            cannot be written to.

    Returns:
        Whether it was kept, in plain words, one remark a line.

    Raises:
        UserError: the file system refuses to write.
    """
    training, test = features.train.images, features.test.images
    judged, which = (test, "test") if test else (training, "training")
    model, folder = classifier.model, classifier.int8_folder
    chosen = np.random.default_rng(0).permutation(len(training))[:CALIBRATION_PHOTOS]
    # A file that OpenVINO has open cannot be removed on Windows.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        classifier = classifier.with_names()
        exact, export = _open_exported(classifier, cache_folder or Path(temporary))
        if not export.is_file():  # it could not be kept in the cache
            exact, export = _open_exported(classifier, Path(temporary))
        calibration = list(_read(exact, [training[i] for i in sorted(chosen)]))
        try:
            quantized = Path(temporary) / "int8" / EXPORT_NAME
            quantize(export, calibration, quantized)
            rounded = first_outputs(openvino_engine(quantized, EngineOptions()), classifier.outputs)
            photos = tqdm(_read(exact, judged), "int8", len(judged), disable=None, unit="image")
            agreement = share_of_equal_labels(exact, rounded, photos)
            if agreement < LEAST_AGREEMENT:
                return [
                    f"int8 would give another label on {1 - agreement:.1%} of the {which} images: "
                    "that is too often, so no int8 version is kept; the model itself is unchanged"
                ]
            with folder_when_complete(folder) as part:
                shutil.copytree(quantized.parent, part, dirs_exist_ok=True)
        except OSError as error:
            raise UserError(
                f"cannot write the int8 version to {folder}: {error.strerror}; {model} is complete"
            ) from error
    for older in model.parent.glob(f"{model.name}.*.int8"):
        if older != folder:
            shutil.rmtree(older, ignore_errors=True)
    return [
        f"int8 gives the same label on {agreement:.1%} of the {which} images",
        f"wrote {folder}; use it with: predict_video.py --engine int8",
    ]


def _open_exported(classifier: Classifier, cache_folder: Path) -> tuple[OpenClassifier, Path]:
    """Open the model with OpenVINO, and say where its export is, if that could be kept."""
    options = EngineOptions("openvino", cache_folder=cache_folder)
    exact = classifier.open(options)
    assert options.exports is not None
    return exact, options.exports / classifier.export_key / EXPORT_NAME


def quantize(export: Path, photos: Sequence[NDArray[np.uint8]], target: Path) -> None:
    """Quantize an exported network to int8 after training, and save it.

    This is NNCF's post-training quantization of the convolutions: the ranges of the activations
    are taken from the photos, and the biases corrected for the rounding of the weights. The
    overflow fix is on for all layers: on processors without VNNI, the sums of 8-bit products
    otherwise saturate, and a version made on one machine is used on another. The head stays as it
    is: its two small products cost next to nothing, and its weights, into which the features'
    standardisation is folded, are of very different sizes.

    Args:
        export: a network exported for OpenVINO.
        photos: RGB, uint8, shape (side, side, 3); about a hundred that are like the frames to come.
        target: the .xml file to write; its weights lie beside it.
    """
    import nncf
    import openvino
    from nncf.quantization.advanced_parameters import OverflowFix

    network = openvino.Core().read_model(export)
    calibration = nncf.Dataset(photos, lambda photo: photo[np.newaxis].astype(np.float32))
    settings = nncf.AdvancedQuantizationParameters(overflow_fix=OverflowFix.ENABLE)
    head = nncf.IgnoredScope(types=["MatMul"], validate=False)
    # NNCF draws its progress bars even where no one is looking.
    with nullcontext() if sys.stdout.isatty() else redirect_stdout(io.StringIO()):
        quantized = nncf.quantize(
            network,
            calibration,
            subset_size=len(photos),
            # The slower of two ways to correct biases; it halves what rounding changes.
            fast_bias_correction=False,
            ignored_scope=head,
            advanced_parameters=settings,
        )
    openvino.save_model(quantized, target, compress_to_fp16=False)


def share_of_equal_labels(
    exact: Engine, rounded: Engine, photos: Iterable[NDArray[np.uint8]]
) -> float:
    """Return the share of photos, 0..1, to which two classifiers give the same label."""
    # The first hands each photo on as the tag of its answer, so that photos stream through.
    answers = exact((photo, photo) for photo in photos)
    pairs = rounded((answer.argmax(), photo) for photo, answer in answers)
    return float(np.mean([label == answer.argmax() for label, answer in pairs]))


def _read(classifier: OpenClassifier, images: Sequence[Image]) -> Iterator[NDArray[np.uint8]]:
    """Yield the images that can be read, as the network sees them."""
    return (classifier.network_input(image) for _, image in read_images(images))
