"""A picture of all clips of a run: their labels over time, and which label follows which."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from activity.common.figures import save_figure, short_name
from activity.labelling.timeline import COLOURS, OTHERS
from activity.temporal.bouts import bouts_of
from activity.temporal.stats_tables import Stats

_MOST_CLIPS = 60  # rows of the ethogram
_MOST_LABELS = 24  # of a matrix
_MOST_FIGURES = 12  # of a matrix whose cells have figures in them
_LONGEST_NAME = 24  # characters


def draw_ethogram(path: Path, stats: Stats) -> None:
    """Draw the labels of the clips below one another, and matrices beside them.

    The most frequent labels have colours of their own. Of more than 60 clips, the first are drawn.

    Raises:
        UserError: the file system refuses to write.
    """
    by_time = sorted(stats.labels, key=lambda label: -bouts_of(stats.footage, label).seconds)
    there = [label for label in by_time if bouts_of(stats.footage, label).bouts]
    colours = dict(zip(there, COLOURS, strict=False))
    clips = stats.clips[:_MOST_CLIPS]
    matrices = [("transitions", "label", "is followed by", stats.transitions.astype(float))]
    if stats.corrected is not None:
        confusion = stats.corrected.confusion
        matrices.append(("seconds of the checked clips", "predicted", "true", confusion))
    figure = Figure(
        figsize=(9 + 4.5 * len(matrices), max(4.5, 1.5 + 0.28 * len(clips))), layout="constrained"
    )
    axes, *others = figure.subplots(
        1, 1 + len(matrices), width_ratios=[9] + [4.5] * len(matrices), squeeze=True
    )
    for row, (_, footage) in enumerate(clips):
        for start, end, label in footage.segments:
            if label:
                colour = colours.get(label, OTHERS)
                axes.broken_barh(
                    [(start, end - start)], (row - 0.4, 0.8), color=colour, linewidth=0
                )
    names = [short_name(str(clip), _LONGEST_NAME) for clip, _ in clips]
    axes.set_yticks(range(len(clips)), names, fontsize=7)
    axes.set(ylim=(len(clips) - 0.4, -0.6), xlabel="seconds", xlim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    more = len(stats.clips) - len(clips)
    axes.set_title("labels of the clips" + (f" (the first, and {more} more)" if more else ""))
    entries = [Patch(color=c, label=f" {short_name(n, _LONGEST_NAME)}") for n, c in colours.items()]
    if len(there) > len(colours):
        entries.append(Patch(color=OTHERS, label=f"{len(there) - len(colours)} others"))
    axes.legend(handles=entries, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=4)
    shown = [stats.labels.index(label) for label in by_time[:_MOST_LABELS]]
    for matrix_axes, (title, down, across, counts) in zip(others, matrices, strict=True):
        matrix_axes.set(title=title, ylabel=down, xlabel=across)
        _draw_matrix(matrix_axes, counts[np.ix_(shown, shown)], by_time[:_MOST_LABELS])
    save_figure(figure, path)


def _draw_matrix(axes: Axes, matrix: NDArray[np.float64], labels: Sequence[str]) -> None:
    axes.imshow(matrix, cmap="Blues", vmin=0)
    names = [short_name(label, _LONGEST_NAME) for label in labels]
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    if len(labels) <= _MOST_FIGURES:
        for (row, column), value in np.ndenumerate(matrix):
            dark = value > 0.6 * matrix.max()
            colour = "white" if dark else "black"
            axes.text(column, row, f"{value:.0f}", ha="center", va="center", color=colour)
