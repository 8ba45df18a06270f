"""The predictions of a clip as a CSV table: one row for each frame."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

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
