"""The numbers of all clips of a run as tables: bouts, transitions and, with a truth, confusion."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from activity.common.tables import as_text, format_row
from activity.common.writing import replace_when_complete
from activity.temporal.bouts import Bouts, Footage, bouts_of, in_bins, transitions
from activity.temporal.corrected_shares import CorrectedShares, corrected_shares
from activity.temporal.segments import NamedPart

ALL_CLIPS = "(all)"
"""What the tables call all clips together."""

COLUMNS = (
    *("clip", "start", "end", "label", "seconds", "share", "bouts", "mean", "median", "longest"),
    *("latency", "per_minute", "share_corrected", "share_low", "share_high"),
)


@dataclass(frozen=True)
class Stats:
    """What the clips of a run show.

    Attributes:
        clips: name of each clip, or region of one, with what it shows.
        labels: all of them.
        corrected: their shares over all clips, corrected by checked ones; None without a truth.
    """

    clips: Sequence[tuple[NamedPart, Footage]]
    labels: Sequence[str]
    corrected: CorrectedShares | None

    @property
    def footage(self) -> list[Footage]:
        """Of all clips."""
        return [footage for _, footage in self.clips]

    @property
    def transitions(self) -> NDArray[np.int64]:
        """How often the label of a row was followed by that of a column."""
        return transitions(self.footage, self.labels)

    def lines(self) -> list[str]:
        """Say how the shares are corrected, a line a label."""
        if self.corrected is None:
            return []
        lines = []
        for number, label in enumerate(self.labels):
            share = bouts_of(self.footage, label).share
            line = f"share of {label}: {share:.3f}, corrected {self.corrected.shares[number]:.3f}"
            if self.corrected.low is not None and self.corrected.high is not None:
                low, high = self.corrected.low[number], self.corrected.high[number]
                line += f" (95 %: {low:.3f} to {high:.3f})"
            lines.append(line)
        return lines


def gather_stats(
    clips: Sequence[tuple[NamedPart, Footage, NDArray[np.float64] | None]], labels: Sequence[str]
) -> Stats:
    """Gather the numbers of clips.

    Args:
        clips: name, what it shows, and where it was checked its confusion in seconds.
        labels: as ``labels_with_unknown`` has them.
    """
    corrected = None
    if any(confusion is not None for *_, confusion in clips):
        none = np.zeros((len(labels), len(labels)))
        checked = np.stack([none if c is None else c for *_, c in clips])
        predicted = np.array([[bouts_of([f], one).seconds for one in labels] for _, f, _ in clips])
        corrected = corrected_shares(predicted, checked)
    return Stats([(name, footage) for name, footage, _ in clips], labels, corrected)


def paths_of_tables(path: Path, *, with_truth: bool) -> list[Path]:
    """Name the tables that are written where ``path`` is asked for."""
    kinds = ("transitions", "confusion") if with_truth else ("transitions",)
    return [path, *(path.with_name(f"{path.stem}_{kind}{path.suffix}") for kind in kinds)]


def write_stats(paths: Sequence[Path], stats: Stats, bins: float | None) -> None:
    """Write the tables, in UTF-8.

    The first has a row for each clip and label, and for all clips together; with ``bins`` also one
    for each bin. Where there are regions, each is a clip, and has a column. Seconds have six
    digits; cells that have no meaning are empty.

    Args:
        paths: what ``paths_of_tables`` returns.
        stats: of the clips.
        bins: seconds of a bin; None for none.

    Raises:
        UserError: the file system refuses to write.
    """
    square = [("after", *stats.labels)]
    tables: list[Iterable[Sequence[object]]] = [_rows(stats, bins)]
    tables.append([*square, *_named(stats.labels, stats.transitions.tolist())])
    if stats.corrected is not None:
        confusion = [[f"{s:.6f}" for s in row] for row in stats.corrected.confusion.tolist()]
        tables.append([("predicted", *stats.labels), *_named(stats.labels, confusion)])
    for path, table in zip(paths, tables, strict=False):
        with (
            replace_when_complete(path) as (part,),
            part.open("w", encoding="utf-8", newline="") as file,
        ):
            for row in table:
                file.write(format_row(as_text(str(cell)) for cell in row) + "\n")


def _named(labels: Sequence[str], rows: Sequence[Sequence[object]]) -> list[Sequence[object]]:
    return [(label, *row) for label, row in zip(labels, rows, strict=True)]


def _rows(stats: Stats, bins: float | None) -> Iterable[Sequence[object]]:
    has_regions = any(clip.region for clip, _ in stats.clips)
    named = 2 if has_regions else 1
    yield (*("clip", "region")[:named], *COLUMNS[1:])
    all_clips = NamedPart(ALL_CLIPS)[:named]
    for clip, footage in stats.clips:
        for part in [footage, *(in_bins(footage, bins) if bins else [])]:
            for label in stats.labels:
                yield _row(clip[:named], part.start, part.end, label, bouts_of([part], label))
    longest = max((footage.end for footage in stats.footage), default=0.0)
    for number, label in enumerate(stats.labels):
        bouts = bouts_of(stats.footage, label)
        corrected = _corrected(stats.corrected, number)
        yield _row(all_clips, 0.0, longest, label, bouts, corrected)
    if bins:
        cut = [in_bins(footage, bins) for footage in stats.footage]
        for column in zip_longest(*cut):
            parts = [part for part in column if part is not None]
            start, end = parts[0].start, max(part.end for part in parts)
            for label in stats.labels:
                yield _row(all_clips, start, end, label, bouts_of(parts, label))


def _row(
    name: tuple[str, ...],
    start: float,
    end: float,
    label: str,
    bouts: Bouts,
    corrected: Sequence[str] = ("", "", ""),
) -> list[object]:
    figures = (
        *(bouts.seconds, bouts.share, bouts.bouts, bouts.mean, bouts.median, bouts.longest),
        *(bouts.latency, bouts.per_minute),
    )
    return [*name, _cell(start), _cell(end), label, *map(_cell, figures), *corrected]


def _corrected(corrected: CorrectedShares | None, number: int) -> Sequence[str]:
    if corrected is None:
        return ("", "", "")
    bounds = (corrected.low, corrected.high)
    return [
        _cell(float(corrected.shares[number])),
        *(_cell(None if bound is None else float(bound[number])) for bound in bounds),
    ]


def _cell(value: float | int | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.6f}"
