"""The predictions of a clip as a CSV table: one row for each frame."""

import csv
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from activity.common.writing import replace_when_complete
from activity.temporal.predictions import Predictions
from activity.temporal.smoothing import Smoothing


def write_table(
    path: Path,
    predictions: Predictions,
    smoothing: Smoothing,
    numbers: NDArray[np.unsignedinteger],
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
        # A label is the name of a folder, which may contain bytes that are not UTF-8.
        part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        rows = csv.writer(file)
        columns = ("frame", "time", "raw_label", "label", "probability")
        rows.writerow([*columns, *(f"p_{label}" for label in labels)])
        for frame, number, probabilities in zip(range(frames), numbers, smoothed, strict=False):
            raw_label, raw_columns = "", [""] * len(labels)
            if frame % stride == 0:
                raw = predictions.probabilities[frame // stride]
                raw_label = labels[int(raw.argmax())]
                raw_columns = [f"{p:.6f}" for p in raw.tolist()]
            time, probability = predictions.times[frame], probabilities[number]
            known = (f"{time:.6f}", raw_label, labels[number], f"{probability:.6f}")
            rows.writerow([frame, *known, *raw_columns])
