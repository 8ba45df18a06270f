"""The files that a training run writes, and that take the place of none that it reads."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from activity.common.errors import UserError
from activity.common.stores import is_stored
from activity.common.writing import check_apart, check_output
from activity.network.arguments import files_in_cache
from activity.network.classifier import files_of_int8_versions
from activity.network.networks import files_of_weights


def report_files(report: Path) -> tuple[Path, Path, Path]:
    """Name the report, and the pictures beside it: the confusion matrix and the mistakes."""
    return (
        report,
        report.with_name(f"{report.stem}_confusion.png"),
        report.with_name(f"{report.stem}_mistakes.png"),
    )


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
    reports = () if args.report is None else report_files(args.report)
    return [
        (args.model, "the model"),
        (args.label_bin, "the label binarizer"),
        (args.plot, "the plot"),
        *((path, "the report") for path in reports),
    ]
