"""A picture of a clip over time: where the classifier is unsure, and what smoothing does."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MultipleLocator
from numpy.typing import NDArray

from activity.common.figures import save_figure, short_name
from activity.temporal.envelope import Envelope
from activity.temporal.segments import Segment
from activity.temporal.smoothing import RAW

# The colours of Okabe and Ito, which colour-blind people can distinguish. Indigo replaces their
# yellow, which is hard to see on white. Class 0 has the first colour in every picture.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#332288")
OTHERS = "#B0B0B0"

_MATTERS = 0.25  # a class that never wins and never reaches this probability gets no line
_LONGEST_NAME = 24  # characters: four fit side by side
_THIN, _THICK = 0.7, 2.5  # lines, in points

# Seconds between ticks. Clips longer than _MINUTES_FROM have an axis in minutes.
_TICKS = (10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200)
_MINUTES_FROM = 120


def draw_timeline(
    envelope: Envelope, end: float, path: Path, title: str, truth: Sequence[Segment] = ()
) -> None:
    """Draw the probability of each class over time, and a band of labels for each smoothing.

    Raw predictions are thin lines, smoothed ones thick. In a long clip, a column of the picture
    stands for several frames: the thin line is their mean, the range of the raw predictions is
    shaded, and the band is split by the share of each label. Ticks mark changes of the label.

    Args:
        envelope: envelope of a clip with at least one frame.
        end: end of the clip in seconds.
        path: path of the picture; its suffix chooses the format.
        title: title of the picture, such as the name of the clip.
        truth: the true segments, drawn as a separate band (default: none).

    Raises:
        UserError: the file system refuses to write.
    """
    colours = class_colours(envelope)
    bands = len(envelope.bands) + bool(truth)
    figure = Figure(figsize=(12, 3.6 + 0.55 * bands), layout="constrained")
    curves, *band_axes = figure.subplots(1 + bands, 1, sharex=True, height_ratios=[6] + [1] * bands)
    edges = np.append(envelope.start, end)
    _draw_curves(curves, envelope, edges, colours)
    if truth:
        _draw_truth(band_axes[0], truth, envelope.labels, edges, colours)
    for number, axes in enumerate(band_axes[bool(truth) :]):
        _draw_band(axes, envelope, number, edges, colours)
    _label_time(band_axes[-1], edges[-1] - edges[0])
    curves.set_title(short_name(title, 100), loc="left")
    entries = _legend(envelope, colours)
    one_row = sum(len(str(entry.get_label())) for entry in entries) < 90
    ncols = len(entries) if one_row else 4
    figure.legend(handles=entries, loc="outside upper left", ncols=ncols, frameon=False)
    save_figure(figure, path)


def class_colours(envelope: Envelope) -> dict[int, str]:
    """Choose colours for the classes that matter, at most ``len(COLOURS)`` of them.

    With few classes, each gets a colour. With many, only those do that are ever the label or ever
    probable; the most frequent labels come first. A class has the same colour in every picture,
    unless a more frequent class has taken it.

    Returns:
        Colour by index of the class.
    """
    classes = range(len(envelope.labels))
    if len(classes) <= len(COLOURS):
        return dict(zip(classes, COLOURS, strict=False))
    wins = envelope.shares.sum(axis=(0, 1))
    highest = envelope.raw_high.max(axis=0)
    matter = [i for i in classes if wins[i] > 0 or highest[i] >= _MATTERS]
    matter = sorted(matter, key=lambda i: (-wins[i], -highest[i]))[: len(COLOURS)]
    free = list(COLOURS)
    chosen = {}
    for i in matter:
        own = COLOURS[i % len(COLOURS)]
        chosen[i] = own if own in free else free[0]
        free.remove(chosen[i])
    return dict(sorted(chosen.items()))


def _draw_curves(
    axes: Axes, envelope: Envelope, edges: NDArray[np.float64], colours: dict[int, str]
) -> None:
    low, high = envelope.raw_low, envelope.raw_high
    rest = [i for i in range(len(envelope.labels)) if i not in colours]
    if envelope.frames_per_column > 1:
        for i, colour in colours.items():
            bounds = _closed(low[:, i]), _closed(high[:, i])
            axes.fill_between(edges, *bounds, color=colour, alpha=0.12, linewidth=0)
    for values, width, alpha in ((envelope.raw, _THIN, 0.7), (envelope.smoothed, _THICK, 1)):
        curves = [(values[:, i], colour) for i, colour in colours.items()]
        if rest:
            curves.insert(0, (values[:, rest].max(axis=1), OTHERS))
        for curve, colour in curves:
            axes.plot(edges, _closed(curve), color=colour, linewidth=width, alpha=alpha)
    axes.set(ylabel="probability", ylim=(-0.02, 1.02), xlim=(edges[0], edges[-1]))
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_band(
    axes: Axes, envelope: Envelope, number: int, edges: NDArray[np.float64], colours: dict[int, str]
) -> None:
    shares = envelope.shares[:, number]
    top = np.zeros(len(edges))
    rest = 1 - shares[:, list(colours)].sum(axis=1)
    for share, colour in [*((shares[:, i], colours[i]) for i in colours), (rest, OTHERS)]:
        bottom, top = top, top + _closed(share)
        axes.fill_between(edges, bottom, top, step="post", color=colour, linewidth=0)
    switches = envelope.switches[:, number]
    axes.vlines(envelope.start[switches > 0], 1.05, 1.4, color="black", linewidth=0.8)
    band, count = envelope.bands[number], int(switches.sum())
    name = f"{band.name}\n{count} switch{'es' * (count != 1)}"
    is_last = number == len(envelope.bands) - 1
    _name_band(axes, name, bold=band == envelope.drawn, ticks=is_last)


def _draw_truth(
    axes: Axes,
    truth: Sequence[Segment],
    labels: Sequence[str],
    edges: NDArray[np.float64],
    colours: dict[int, str],
) -> None:
    colour_of = {labels[i]: colour for i, colour in colours.items()}
    for start, end, label in truth:
        bounds = np.clip([start, end], edges[0], edges[-1])
        if label:
            axes.fill_between(bounds, 0, 1, color=colour_of.get(label, OTHERS), linewidth=0)
    _name_band(axes, "truth")


def _name_band(axes: Axes, name: str, *, bold: bool = False, ticks: bool = False) -> None:
    axes.set(ylim=(0, 1.4), yticks=[])
    axes.spines[:].set_visible(False)
    axes.tick_params(bottom=ticks)
    weight = "bold" if bold else "normal"
    axes.set_ylabel(name, rotation=0, ha="right", va="center", weight=weight)


def _label_time(axes: Axes, seconds: float) -> None:
    if seconds <= _MINUTES_FROM:
        axes.set_xlabel("seconds")
        return
    step = next((step for step in _TICKS if seconds <= 12 * step), _TICKS[-1])
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.xaxis.set_major_formatter(lambda time, _: f"{int(time) // 60}:{int(time) % 60:02}")
    axes.set_xlabel("minutes:seconds")


def _closed(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Repeat the last value, so that the last column is drawn in full width."""
    return np.append(values, values[-1])


def _legend(envelope: Envelope, colours: dict[int, str]) -> list[Patch | Line2D]:
    # Some releases of matplotlib hide names that start with an underscore, hence the space.
    entries: list[Patch | Line2D] = [
        Patch(color=colour, label=f" {short_name(envelope.labels[i], _LONGEST_NAME)}")
        for i, colour in colours.items()
    ]
    others = len(envelope.labels) - len(colours)
    if others:
        entries.append(Patch(color=OTHERS, label=f"the other {others}, the highest of them"))
    entries.append(Line2D([], [], color="0.3", linewidth=_THIN, label="raw"))
    if envelope.drawn != RAW:
        drawn = envelope.drawn.name
        entries.append(Line2D([], [], color="0.3", linewidth=_THICK, label=drawn))
    return entries
