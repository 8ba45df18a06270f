"""The numbers of all clips of a run as tables: bouts, transitions and, with a truth, confusion."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
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
    *("clip", "start", "end", "label"),
    *(field.name for field in fields(Bouts)),
    *("share_corrected", "share_low", "share_high"),
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
            if self.corrected.interval is not None:
                low, high = self.corrected.interval[:, number]
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
    tables: list[Iterable[list[str]]] = [_rows(stats, bins)]
    tables.append(_matrix("after", stats, stats.transitions))
    if stats.corrected is not None:
        tables.append(_matrix("predicted", stats, stats.corrected.confusion))
    for path, table in zip(paths, tables, strict=False):
        with (
            replace_when_complete(path) as (part,),
            part.open("w", encoding="utf-8", newline="") as file,
        ):
            for row in table:
                file.write(format_row(map(as_text, row)) + "\n")


def _matrix(corner: str, stats: Stats, matrix: NDArray[np.generic]) -> list[list[str]]:
    rows = zip(stats.labels, matrix.tolist(), strict=True)
    return [[corner, *stats.labels], *([label, *map(_cell, row)] for label, row in rows)]


def _rows(stats: Stats, bins: float | None) -> Iterator[list[str]]:
    named = 2 if any(clip.region for clip, _ in stats.clips) else 1
    yield [*("clip", "region")[:named], *COLUMNS[1:]]

    def rows(
        clip: NamedPart, parts: Sequence[Footage], corrected: CorrectedShares | None = None
    ) -> Iterator[list[str]]:
        start, end = parts[0].start, max(part.end for part in parts)
        for number, label in enumerate(stats.labels):
            figures = [*vars(bouts_of(parts, label)).values(), None, None, None]
            if corrected is not None:
                figures[-3] = corrected.shares[number]
                if corrected.interval is not None:
                    figures[-2:] = corrected.interval[:, number]
            yield [*clip[:named], _cell(start), _cell(end), label, *map(_cell, figures)]

    def cut(footage: Footage) -> list[Footage]:
        return in_bins(footage, bins) if bins else []

    for clip, footage in stats.clips:
        for part in [footage, *cut(footage)]:
            yield from rows(clip, [part])
    yield from rows(NamedPart(ALL_CLIPS), stats.footage, stats.corrected)
    for column in zip_longest(*map(cut, stats.footage)):
        yield from rows(NamedPart(ALL_CLIPS), [part for part in column if part is not None])


def _cell(value: float | int | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.6f}"
