"""The flags of ``train.py``, and checks of the files that they name."""

import argparse
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from activity.common.errors import UserError
from activity.common.stores import is_stored, location
from activity.common.writing import check_apart, check_output
from activity.network.arguments import (
    add_cluster_argument,
    add_region_arguments,
    add_tier_argument,
    files_in_cache,
    positive,
    seconds,
    seed,
    whole_number,
)
from activity.network.classifier import files_of_int8_versions
from activity.network.networks import NETWORKS, files_of_weights, network_name

_none_or_more = partial(whole_number, least=0)


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``train.py``, except those for speed, which the scripts share."""
    file: dict[str, Any] = {"type": location, "metavar": "FILE"}
    group = parser.add_argument_group("files")
    group.add_argument(
        "-d",
        "--dataset",
        type=location,
        nargs="+",
        required=True,
        metavar="FOLDER",
        help="holds one folder of photos, or clips, for each activity; a split that is there "
        "(train and test, or val) is kept. Where a clip has a table start,end,label of the same "
        "name (.csv, in seconds: what predict_video.py --segments writes), it may lie anywhere, "
        "and shows what the table says. Several folders may be given, each split by itself; and "
        "tables: path,label (and split), or clip,start,end,label. Instead of a table, a clip may "
        "have a file of another program: .boris, .eaf (ELAN), .xml (Sportscode), .llc "
        "(LosslessCut), .txt (Audacity), .json (Label Studio, VIA 3)",
    )
    add_tier_argument(group)
    add_region_arguments(
        group,
        "learned from like a clip of its own where a table is about it (match.left.csv, or a table "
        "clip,region,start,end,label)",
    )
    group.add_argument(
        "--label-folder",
        choices=("first", "last"),
        help="for nested folders whose names leave it open, which one names the activity: the "
        "first, right below FOLDER, or the last, right above the photos",
    )
    group.add_argument(
        "-m",
        "--model",
        required=True,
        **file,
        help="the model to write; .h5 and .hdf5 give HDF5, other names Keras's own format",
    )
    group.add_argument(
        "-l", "--label-bin", required=True, **file, help="the pickled label binarizer to write"
    )
    group.add_argument(
        "-p",
        "--plot",
        default=Path("plot.png"),
        **file,
        help="the plot of loss and accuracy to write (default: %(default)s)",
    )
    group.add_argument(
        "--report",
        **file,
        help="write the results on the test photos here as JSON, and beside it pictures of the "
        "confusion matrix, of the most confident mistakes and of the strangest photos",
    )
    group = parser.add_argument_group("training")
    group.add_argument(
        "--labels",
        nargs="+",
        metavar="LABEL",
        help="the activities to learn, by folder name; 'all' takes every folder "
        "(default: weight_lifting tennis football; all if fewer than two of these are there)",
    )
    group.add_argument(
        "-e",
        "--epochs",
        type=positive,
        default=25,
        metavar="N",
        help="passes over the training photos (default: %(default)s)",
    )
    group.add_argument(
        "--backbone",
        type=_network,
        default="resnet50",
        metavar="NETWORK",
        help="the frozen network, one of those listed below; efficientnet-lite0 is several times "
        "faster on a CPU and needs no download (default: %(default)s)",
    )
    group.add_argument(
        "--weights",
        default="imagenet",
        help="weights of the frozen network: imagenet (downloaded once by Keras; those of "
        "efficientnet-lite0 come with the project), random (untrained, for trying things out), or "
        "a FILE with weights, without the top or with it (default: %(default)s)",
    )
    group.add_argument(
        "--views",
        type=positive,
        default=2,
        metavar="N",
        help="views of each training photo: 1 is its centre square, as frames are seen; 2 adds all "
        "of it, squashed; more add augmented ones, turned, shifted, zoomed and mirrored "
        "(default: %(default)s)",
    )
    group.add_argument(
        "--fine-tune",
        type=_none_or_more,
        default=0,
        metavar="EPOCHS",
        help="also train the last stages of the network, for this many passes over the training "
        "photos (minutes each); pays off with thousands of photos; Ctrl-C stops early and keeps "
        "the best pass so far; if none is better, the network stays frozen "
        "(default: %(default)s, it stays frozen)",
    )
    group.add_argument(
        "--outliers",
        type=_none_or_more,
        default=1500,
        metavar="N",
        help="for predict_video.py --unknown: also learn what is none of the activities, from this "
        "many photos of the other folders and of a folder named unknown, and from what tables call "
        "unknown; 0 learns none of it (default: %(default)s)",
    )
    group.add_argument(
        "--every",
        type=seconds,
        default=1,
        metavar="SECONDS",
        help="seconds between the frames of a clip that are learned from (default: %(default)s); "
        "fewer where a table marks an activity for a few seconds only",
    )
    group.add_argument(
        "--seed",
        type=seed,
        default=42,
        metavar="N",
        help="seed for everything random in training (default: %(default)s)",
    )
    group.add_argument(
        "--int8",
        action="store_true",
        help="also write the int8 version of the model, which predict_video.py --engine int8 runs "
        "several times as fast on a CPU; it is kept only if almost all test photos keep their "
        "label (needs: pip install -r requirements-int8.txt)",
    )
    add_cluster_argument(group, "compute features")


def _network(text: str) -> str:
    """Parse the name of a network, spelled as in ``NETWORKS`` or as Keras spells it."""
    try:
        return network_name(text)
    except ValueError:
        names = ", ".join(NETWORKS)
        raise argparse.ArgumentTypeError(
            f"there is no network {text!r}: use one of {names}"
        ) from None


def report_files(report: Path) -> list[Path]:
    """Name the report, and the pictures beside it: confusion matrix, mistakes, strangest photos."""
    pictures = ("confusion", "mistakes", "strangest")
    return [report, *(report.with_name(f"{report.stem}_{what}.png") for what in pictures)]


def check_inputs_survive(args: argparse.Namespace, inputs: Iterable[Path]) -> None:
    """Refuse outputs that are one file, or that would overwrite or remove what is read.

    Args:
        args: flags of ``train.py``.
        inputs: files that are read, besides weights and the cache.
    """
    read = [*files_of_weights(args.backbone, args.weights), *files_in_cache(args.cache)]
    # Int8 versions of earlier models are removed.
    removed = files_of_int8_versions(args.model) if args.int8 else []
    check_apart([*(path for path, _ in _outputs(args)), *removed], [*inputs, *read])


def check_outputs(args: argparse.Namespace) -> None:
    """Refuse, before hours of work, outputs that cannot be written."""
    if args.int8 and is_stored(args.model):
        raise UserError("--int8 writes a folder beside the model: give --model a path on this disk")
    for path, what in _outputs(args):
        check_output(path, what)


def _outputs(args: argparse.Namespace) -> list[tuple[Path, str]]:
    reports = [] if args.report is None else report_files(args.report)
    return [
        (args.model, "the model"),
        (args.label_bin, "the label binarizer"),
        (args.plot, "the plot"),
        *((path, "the report") for path in reports),
    ]
