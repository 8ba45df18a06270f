"""The flags of ``train.py``."""

import argparse
from pathlib import Path

from activity.common.stores import location
from activity.network.arguments import (
    add_cluster_argument,
    add_tier_argument,
    positive,
    seconds,
    seed,
    whole_number,
)
from activity.network.networks import NETWORKS, network_name
from activity.training.outliers import DEFAULT_OUTLIERS


def add_file_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name what is read and what is written."""
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
    group.add_argument(
        "--label-folder",
        choices=("first", "last"),
        help="for nested folders whose names leave it open, which one names the activity: the "
        "first, right below FOLDER, or the last, right above the photos",
    )
    group.add_argument(
        "-m",
        "--model",
        type=location,
        required=True,
        metavar="FILE",
        help="the model to write; .h5 and .hdf5 give HDF5, other names Keras's own format",
    )
    group.add_argument(
        "-l",
        "--label-bin",
        type=location,
        required=True,
        metavar="FILE",
        help="the pickled label binarizer to write",
    )
    group.add_argument(
        "-p",
        "--plot",
        type=location,
        default=Path("plot.png"),
        metavar="FILE",
        help="the plot of loss and accuracy to write (default: %(default)s)",
    )
    group.add_argument(
        "--report",
        type=location,
        metavar="FILE",
        help="write the results on the test photos here as JSON, and beside it pictures of the "
        "confusion matrix and of the most confident mistakes",
    )


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that change what is learned."""
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
        metavar="WEIGHTS",
        help="weights of the frozen network: imagenet (downloaded once by Keras; those of "
        "efficientnet-lite0 come with the project), random (untrained, for trying things out), or "
        "a FILE with weights without the top (default: %(default)s)",
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
        default=DEFAULT_OUTLIERS,
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


def _none_or_more(text: str) -> int:
    """Parse a whole number of at least zero."""
    return whole_number(text, 0)
