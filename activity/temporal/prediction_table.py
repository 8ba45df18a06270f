"""The predictions of a clip as a CSV table: one row for each frame."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from activity.common.writing import replace_when_complete
from activity.temporal.prediction import Prediction


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
        # A label is the name of a folder, which may contain bytes that are not UTF-8.
        part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        rows = csv.writer(file)
        rows.writerow(
            ["frame", "time", "raw_label", "label", "probability"]
            + [f"p_{label}" for label in labels]
        )

        def write(prediction: Prediction) -> None:
            raw = prediction.raw
            raw_label = "" if raw is None else labels[int(raw.argmax())]
            raw_columns = [""] * len(labels) if raw is None else [f"{p:.6f}" for p in raw.tolist()]
            rows.writerow(
                [
                    prediction.frame,
                    f"{prediction.time:.6f}",
                    raw_label,
                    labels[prediction.label],
                    f"{prediction.probability:.6f}",
                    *raw_columns,
                ]
            )

        yield write
