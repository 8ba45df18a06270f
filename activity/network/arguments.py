"""Flags that both scripts take, and parsers of their values."""

import argparse
import math
from pathlib import Path

from platformdirs import user_cache_path

from activity.common.errors import UserError
from activity.media.region import Region, parse_region
from activity.network.engine import ENGINES

_NO_CACHE = "off"


def positive(text: str) -> int:
    """Parse a whole number of at least one."""
    return whole_number(text, 1)


def seed(text: str) -> int:
    """Parse a seed for random number generators: 0 to 2**32 - 1."""
    return whole_number(text, 0, 2**32 - 1)


def seconds(text: str) -> float:
    """Parse a number of seconds above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return number


def whole_number(text: str, least: int, most: int | None = None) -> int:
    """Parse a whole number from ``least`` to ``most``; without ``most`` (default), of any size.

    Raises:
        ArgumentTypeError: it is no whole number, or out of bounds.
    """
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least or (most is not None and number > most):
        bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number {bounds}")
    return number


def add_speed_arguments(parser: argparse.ArgumentParser, *, int8: bool = False) -> None:
    """Add the flags that change how fast the network runs, and where its cache is.

    Args:
        parser: the parser to add them to.
        int8: whether ``--engine int8`` is offered (default: no). It also changes results a little.
    """
    group = parser.add_argument_group("speed")
    group.add_argument(
        "--engine",
        choices=(*ENGINES, "int8") if int8 else ENGINES,
        default="auto",
        help="what runs the network: auto uses OpenVINO on a CPU if it is installed and there is "
        "enough to do, otherwise Keras, which also uses a GPU"
        + ("; int8 uses what train.py --int8 has written" if int8 else "")
        + " (default: %(default)s)",
    )
    group.add_argument(
        "--batch-size",
        type=positive,
        default=32,
        metavar="N",
        help="photos or frames that go through the network at once (default: %(default)s)",
    )
    add_cache_argument(group)


def add_cluster_argument(parser: argparse._ActionsContainer, what: str) -> None:
    """Add the flags of Ray clusters; ``what`` is the work in their help, such as "label clips"."""
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help=f"{what} on the machines of a Ray cluster with a shared folder: "
        "auto joins the one that this machine belongs to, local starts one on this machine for "
        "the run, anything else is an address (needs: pip install -r requirements-cluster.txt)",
    )
    parser.add_argument(
        "--cluster-log",
        action="store_true",
        help="with --cluster, also show Ray's own messages, which are hidden otherwise",
    )


def add_tier_argument(parser: argparse._ActionsContainer) -> None:
    """Add ``--tier``, which names what to take of a file that has several tiers of segments."""
    parser.add_argument(
        "--tier",
        metavar="NAME",
        help="the tier of .eaf files, or the attribute of VIA's, that has the labels, where there "
        "are several",
    )


def add_region_arguments(parser: argparse._ActionsContainer, what: str) -> None:
    """Add the flags of regions; ``what`` says in their help what becomes of one."""
    parser.add_argument(
        "--region",
        type=_region,
        action="append",
        default=[],
        metavar="NAME=LEFT,TOP,WIDTH,HEIGHT",
        help="a part of the frame, such as a cage, a court or a lane, in pixels or in shares of "
        f"the frame from 0 to 1 (left=0,0,0.5,1 is its left half): {what}; give one flag for each",
    )
    parser.add_argument(
        "--regions",
        type=Path,
        metavar="FILE",
        help="a table of the regions of clips that differ: clip,region,left,top,width,height",
    )


def _region(text: str) -> Region:
    try:
        return parse_region(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_cache_argument(parser: argparse._ActionsContainer) -> None:
    """Add ``--cache``, the folder of features and exported networks; None stands for ``off``."""
    parser.add_argument(
        "--cache",
        type=_cache_folder,
        default=str(default_cache() or _NO_CACHE),
        metavar="FOLDER",
        help="where features and exported networks are kept, so that no run computes them "
        "again; 'off' keeps none; delete the folder to clear it (default: %(default)s)",
    )


def default_cache() -> Path | None:
    """Return the cache folder that is used without ``--cache``: the one usual on this system.

    Returns:
        A folder; None where nothing says which is the user's: as in a container that runs under a
        number, without HOME or an entry in its list of users.
    """
    try:
        folder = user_cache_path("activity-video", appauthor=False)
    except RuntimeError:
        return None
    return folder if folder.is_absolute() else None  # older versions leave a "~" in it


def files_in_cache(cache: Path | None) -> list[Path]:
    """List the features, digests and exported networks that earlier runs have left in a cache."""
    if cache is None:
        return []
    return [*cache.glob("*.sqlite"), *cache.glob("exports/*/*")]


def _cache_folder(text: str) -> Path | None:
    return None if text == _NO_CACHE else Path(text)
