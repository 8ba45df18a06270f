"""The predictions of a clip as a CSV table: one row for each frame."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from activity.common.errors import UserError
from activity.common.tables import as_text, format_row
from activity.common.writing import replace_when_complete
from activity.temporal.prediction import Prediction

COLUMNS = ("frame", "time", "raw_label", "label", "probability")
RAW_COLUMN = "p_"
"""Stands before the label in the name of a column of raw probabilities."""


@contextmanager
def open_table(path: Path, labels: Sequence[str]) -> Iterator[Callable[[Prediction], None]]:
    """Open a CSV table with one row for each frame. It appears when the block ends without error.

    The columns are ``frame`` (from 0), ``time`` (seconds), ``raw_label``, ``label`` (the one drawn
    on the frame), ``probability`` (the smoothed one of that label), and for each class
    ``p_<label>`` with its raw probability. The raw columns of frames that were not classified are
    empty.

    Yields:
        A function that writes the row of one frame.

    Raises:
        UserError: the file system refuses to write.
    """
    with (
        replace_when_complete(path) as (part,),
        part.open("w", encoding="utf-8", newline="") as file,
    ):
        names = [as_text(label) for label in labels]

        def write_row(*values: str) -> None:
            file.write(f"{format_row(values)}\r\n")

        write_row(*COLUMNS, *(f"{RAW_COLUMN}{name}" for name in names))

        def write(prediction: Prediction) -> None:
            raw = prediction.raw
            raw_label = "" if raw is None else names[int(raw.argmax())]
            raw_columns = [""] * len(labels) if raw is None else [f"{p:.6f}" for p in raw.tolist()]
            write_row(
                str(prediction.frame),
                f"{prediction.time:.6f}",
                raw_label,
                names[prediction.label],
                f"{prediction.probability:.6f}",
                *raw_columns,
            )

        yield write


def read_table(
    path: Path, labels: Sequence[str]
) -> Iterator[tuple[float, NDArray[np.float32] | None, int]]:
    """Read a table that ``open_table`` has written, row by row.

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
