"""The predictions of a clip as a CSV table: one row for each frame."""

import csv
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from activity.common.errors import UserError
from activity.common.tables import as_text, format_row
from activity.common.writing import replace_when_complete
from activity.temporal.predictions import Predictions
from activity.temporal.smoothing import Smoothing

COLUMNS = ("frame", "time", "raw_label", "label", "probability")
RAW_COLUMN = "p_"
"""Stands before the label in the name of a column of raw probabilities."""


def write_table(
    path: Path,
    predictions: Predictions,
    smoothing: Smoothing,
    numbers: NDArray[np.integer],
    frames: int,
) -> None:
    """Write a CSV table with one row for each frame.

    The columns are ``frame`` (from 0), ``time`` (seconds), ``raw_label``, ``label`` (the one drawn
    on the frame), ``probability`` (the smoothed one of that label), and for each class
    ``p_<label>`` with its raw probability. The raw columns of frames that were not classified are
    empty.

    Args:
        path: path of the table.
        predictions: of the clip.
        smoothing: how its labels were smoothed.
        numbers: number of each frame's label, shape (frames,).
        frames: number of rows to write, from the first frame on.

    Raises:
        UserError: the file system refuses to write.
    """
    labels, stride = predictions.labels, predictions.stride
    smoothed = chain.from_iterable(smoothing.smoothed(predictions, numbers))
    with (
        replace_when_complete(path) as (part,),
        part.open("w", encoding="utf-8", newline="") as file,
    ):
        names = [as_text(label) for label in labels]
        columns = [*COLUMNS, *(f"{RAW_COLUMN}{name}" for name in names)]
        file.write(f"{format_row(columns)}\r\n")
        for frame, number, probabilities in zip(range(frames), numbers, smoothed, strict=False):
            raw_label, raw_columns = "", [""] * len(labels)
            if frame % stride == 0:
                raw = predictions.probabilities[frame // stride]
                raw_label = names[int(raw.argmax())]
                raw_columns = [f"{p:.6f}" for p in raw.tolist()]
            time, probability = predictions.times[frame], probabilities[number]
            known = (f"{time:.6f}", raw_label, names[number], f"{probability:.6f}")
            file.write(f"{format_row([str(frame), *known, *raw_columns])}\r\n")


def read_table(
    path: Path, labels: Sequence[str]
) -> Iterator[tuple[float, NDArray[np.float32] | None, int]]:
    """Read a table that ``write_table`` has written, row by row.

    Args:
        path: path of the table.
        labels: name of each class; the table should have these, in this order.

    Yields:
        (time in seconds; probabilities, shape (labels,), None if the frame was not classified;
        number of its label).

    Raises:
        UserError: it cannot be read, is damaged, or has other labels.
    """
    names = [as_text(label) for label in labels]
    number_of = {name: number for number, name in enumerate(names)}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file, strict=True)
            if next(rows, []) != [*COLUMNS, *(f"{RAW_COLUMN}{name}" for name in names)]:
                raise UserError(f"{path} is not a table of the model's labels")
            for _, time, raw_label, label, _, *raw in rows:
                classified = np.array(raw, np.float32) if raw_label else None
                if len(raw) != len(names):
                    raise UserError(f"{path} is damaged")
                yield float(time), classified, number_of[label]
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, csv.Error) as error:
        raise UserError(f"{path} is damaged") from error
