"""Plots and tables for people to look at."""

from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from activity.head import History
from activity.writing import replace_when_complete

matplotlib.use("Agg")


def plot_history(history: History, path: Path) -> None:
    """Draw loss and accuracy by epoch, with the epoch of the lowest test loss marked."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    epochs = range(1, len(history.loss) + 1)
    best = min(epochs, key=lambda epoch: history.test_loss[epoch - 1])
    for axes, name, training, test in (
        (loss, "loss", history.loss, history.test_loss),
        (accuracy, "accuracy", history.accuracy, history.test_accuracy),
    ):
        axes.plot(epochs, training, label=f"training {name}")
        axes.plot(epochs, test, label=f"test {name}")
        axes.plot(best, test[best - 1], "o", color="black", label=f"lowest test loss: epoch {best}")
        axes.set(xlabel="epoch", ylabel=name)
        axes.legend()
    with replace_when_complete(path) as (part,):
        # A plot.jpg or plot.pdf is written as such; a name without a known ending as PNG.
        known = path.suffix[1:].lower() in figure.canvas.get_supported_filetypes()
        figure.savefig(part, format=None if known else "png", dpi=120)
