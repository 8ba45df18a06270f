"""The results as files: a report for other programs, and pictures for people.

The pictures are the curves of training, a confusion matrix, the most confident mistakes, and the
images that look least like the others of their label: mislabelled ones are among them.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from activity.common.figures import save_figure, short_name
from activity.common.writing import write_json
from activity.media.images import Image, map_images
from activity.network.imagenet_names import NAMES, heaviest_names, probabilities_of_names
from activity.network.profiles import Likeness
from activity.network.unknown import called_unknown, known_called_unknown
from activity.training.arguments import report_files
from activity.training.features.sets import Examples
from activity.training.learning.head import History, Trained, names_of_examples
from activity.training.results.score import Evaluation, Leakage, NearCopies, share

_MOST_MISTAKES, _SHEET_COLUMNS = 24, 6
_MOST_CELLS_WITH_COUNTS = 40  # classes; cells of a larger matrix have no room for a number
_LARGEST_MATRIX = 40  # inches; a picture that can still be opened

STRANGEST = 40
"""Photos of each label that the report lists, the strangest first."""

_NAMES_OF_LABEL, _NAMES_OF_PHOTO = 8, 3
_STRANGEST_SHOWN = 12
_MOST_STRANGE_LABELS = 40  # a picture that can still be opened


def write_report(
    path: Path,
    trained: Trained,
    evaluation: Evaluation,
    leakage: Leakage,
    two_labels: Sequence[NearCopies] | None,
    settings: dict[str, object],
) -> list[Path]:
    """Write the report as JSON, and beside it pictures: ``report_files`` names them.

    Those of test images are left out where there was nothing to test with, and that of the
    strangest images where ImageNet's names are not known.

    Args:
        path: path of the JSON file.
        trained: the classifier.
        evaluation: evaluation of the test images.
        leakage: what of the training set is in the test set, too.
        two_labels: images that show nearly the same picture under two labels; None if there
            are too many images to compare.
        settings: what the training was asked to do.

    Returns:
        The files written.

    Raises:
        UserError: the file system refuses to write.
    """
    features, right, is_frame = trained.features, evaluation.right, evaluation.is_frame
    copies = without_copies = figures = counts = unknown = None
    if (near := leakage.near_copies) is not None:
        copies = [{"training": str(original), "test": str(copy)} for copy, original in near.items()]
        without_copies = share(right[leakage.is_new(evaluation.images)])
    if evaluation.images:
        figures = evaluation.classification_report(evaluation.labels, as_dict=True)
        counts = confusion_counts(evaluation).tolist()
        known, unseen, unsure = evaluation.known, evaluation.unseen, evaluation.unsure
        unknown = {
            "known_called_unknown": share(known_called_unknown(known, unsure)),
            "unseen_called_unknown": share(called_unknown(unseen, known, unsure)),
            "unseen_photos": [*map(str, features.unseen.images)],
            "outliers_learned": [*map(str, features.outliers.images)],
        }
    looks: list[LookOfLabel] = []
    if trained.likeness is not None:
        examples = features.train.joined(features.test)
        looks = looks_of_labels(trained.likeness, evaluation.labels, examples)
    write_json(
        path,
        {
            "accuracy": evaluation.accuracy,
            "accuracy_of_photos": share(right[~is_frame]),
            "accuracy_of_frames": share(right[is_frame]),
            "accuracy_without_near_copies": without_copies,
            "recalls": [recall._asdict() for recall in evaluation.recalls()],
            "classification_report": figures,
            "confusion_matrix": {"labels": [*evaluation.labels], "counts": counts},
            "mistakes": [_mistake(evaluation, index) for index in evaluation.mistakes()],
            "identical_in_training_and_test": [
                {"training": [*map(str, group.training)], "test": [*map(str, group.test)]}
                for group in leakage.identical
            ],
            "nearly_the_same_in_training_and_test": copies,
            "nearly_the_same_under_two_labels": two_labels and [p.as_dict() for p in two_labels],
            "unknown": unknown,
            "looks_like": [look.as_dict() for look in looks],
            "unreadable_photos": [*map(str, features.unreadable)],
            "history": vars(trained.history),
            "fine_tuning_accuracy_on_held_out": trained.fine_tuning,
            "fine_tuning_accuracy_of_carved_out": trained.fine_tuning,  # its earlier name
            "settings": settings,
        },
    )
    _, confusion, mistakes, strangest = report_files(path)
    written = [path]
    if evaluation.images:
        plot_confusion(evaluation, confusion)
        contact_sheet(evaluation, mistakes)
        written += [confusion, mistakes]
    if looks:
        picture_strangest(looks, strangest)
        written.append(strangest)
    return written


def _mistake(evaluation: Evaluation, index: int) -> dict[str, Any]:
    probabilities = evaluation.known.probabilities[index]
    return {
        "photo": str(evaluation.images[index]),
        "label": evaluation.labels[evaluation.truth[index]],
        "predicted": evaluation.labels[probabilities.argmax()],
        "probability": float(probabilities.max()),
        "probability_of_label": float(probabilities[evaluation.truth[index]]),
    }


def plot_history(history: History, path: Path) -> None:
    """Draw loss and accuracy by epoch, with the epoch of the lowest test loss marked.

    Raises:
        UserError: the file system refuses to write.
    """
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    figure.suptitle(
        "The test photos are watched only: nothing is learned from them, and no epoch chosen.",
        fontsize="medium",
    )
    epochs = range(1, len(history.loss) + 1)
    # A training that diverges gives NaN, which is not the lowest of anything.
    known = [e for e, loss in enumerate(history.test_loss, 1) if math.isfinite(loss)]
    best = min(known, key=lambda epoch: history.test_loss[epoch - 1], default=None)
    marker = "." if len(epochs) <= 10 else ""
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        training, test = getattr(history, name), getattr(history, f"test_{name}")
        axes.plot(epochs, training, marker=marker, color="#0072B2", label=f"training {name}")
        if test:
            axes.plot(epochs, test, marker=marker, color="#D55E00", label=f"test {name}")
        if best is not None:
            axes.axvline(best, color="0.7", linestyle=":", zorder=0)
            mark = f"{test[best - 1]:.3f} at epoch {best}, of the lowest test loss"
            axes.plot(best, test[best - 1], "o", color="black", label=mark)
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(color="0.93")
        axes.legend()
    save_figure(figure, path)


def plot_confusion(evaluation: Evaluation, path: Path) -> None:
    """Draw the confusion matrix: one row a label, one column a prediction.

    A cell is the darker the larger its share of the row; the number in it counts images.

    Raises:
        UserError: the file system refuses to write.
    """
    classes = len(evaluation.labels)
    counts = confusion_counts(evaluation)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    numbered = classes <= _MOST_CELLS_WITH_COUNTS
    cell = 0.55 if numbered else min(0.18, _LARGEST_MATRIX / classes)  # inches
    side = max(2.2, cell * classes)
    labels = [short_name(label, 30) for label in evaluation.labels]
    names = 0.09 * max(map(len, labels))  # room for the labels of the axes, inches
    figure = Figure(figsize=(side + names + 1.2, side + names + 1.4), layout="constrained")
    axes = figure.subplots()
    # Square roots, so that a rare confusion is seen among many classes.
    darkness = np.sqrt(shares)
    axes.pcolormesh(darkness, cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=0.7)
    axes.set_aspect("equal")
    axes.invert_yaxis()
    fontsize = 10 if numbered else 39 * cell
    middles = np.arange(classes) + 0.5
    axes.set_xticks(middles, labels, rotation=90, fontsize=fontsize)
    axes.set_yticks(middles, labels, fontsize=fontsize)
    axes.tick_params(length=0)
    axes.set(xlabel="predicted", ylabel="label")
    axes.set_title(
        f"{evaluation.accuracy:.1%} of {len(evaluation.images)} test images are right", fontsize=11
    )
    for row, column in np.argwhere(counts) if numbered else ():
        colour = "white" if darkness[row, column] > 0.6 else "black"
        count = str(counts[row, column])
        axes.text(column + 0.5, row + 0.5, count, ha="center", va="center", color=colour)
    save_figure(figure, path)


def contact_sheet(evaluation: Evaluation, path: Path) -> None:
    """Show the test images that are most confidently predicted wrong, as the network sees them.

    Where the classifier is sure and the label says otherwise, the label may be the one that is
    wrong. Images that have become unreadable are left out.

    Args:
        evaluation: evaluation of the test images.
        path: path of the picture; its name chooses the format.

    Raises:
        UserError: the file system refuses to write.
    """
    mistakes = evaluation.mistakes()
    rows = max(1, math.ceil(min(len(mistakes), _MOST_MISTAKES) / _SHEET_COLUMNS))
    figure = Figure(figsize=(2.3 * _SHEET_COLUMNS, 3 * rows + 0.3), layout="constrained")
    figure.suptitle(
        f"{len(mistakes)} of {len(evaluation.images)} test images are predicted wrongly; "
        "the most confident mistakes come first",
        fontsize="large",
    )
    cells = figure.subplots(rows, _SHEET_COLUMNS).ravel()
    for axes in cells:
        axes.set_axis_off()
    images = [evaluation.images[index] for index in mistakes]
    shown = _first_readable(images, _MOST_MISTAKES)
    for axes, (place, pixels) in zip(cells, shown, strict=False):
        mistake = _mistake(evaluation, mistakes[place])
        label, predicted = short_name(mistake["label"], 20), short_name(mistake["predicted"], 16)
        title = f"label {label}\npredicted {predicted} {mistake['probability']:.0%}"
        axes.set_title(title, fontsize=9)
        _show(axes, pixels, images[place], 28, fontsize=8)
    save_figure(figure, path)


def _show(
    axes: Axes, pixels: NDArray[np.uint8], image: Image, longest: int, *, fontsize: int
) -> None:
    """Show an image in a cell of a sheet, with the name of its file below."""
    axes.imshow(pixels)
    name, below = short_name(str(image).rpartition("/")[2], longest), axes.transAxes
    axes.text(0.5, -0.03, name, transform=below, fontsize=fontsize, ha="center", va="top")


def _first_readable(images: Sequence[Image], most: int) -> list[tuple[int, NDArray[np.uint8]]]:
    """Read the first images, with their places, as the network sees them, opening each clip once.

    Where some cannot be read, others of the same files cannot either, and the next ones are read.
    """
    seen: dict[int, NDArray[np.uint8]] = {}
    gone: set[Path] = set()
    waiting = [*range(len(images))]
    while waiting and len(seen) < most:
        room = most - len(seen)
        some, waiting = waiting[:room], waiting[room:]
        pixels = map_images(lambda _, image: image.network_input(), [images[i] for i in some])
        seen |= {some[place]: shown for place, shown in pixels}
        gone |= {images[place].file for place in some if place not in seen}
        waiting = [place for place in waiting if images[place].file not in gone]
    return sorted(seen.items())


def confusion_counts(evaluation: Evaluation) -> NDArray[np.integer]:
    """Count images by label (rows) and prediction (columns), shape (labels, labels)."""
    labels = range(len(evaluation.labels))
    return confusion_matrix(evaluation.truth, evaluation.predicted, labels=labels)


class StrangePhoto(NamedTuple):
    """An image that bears few of the names that the images of its label bear.

    Attributes:
        photo: which.
        similarity: of its names to those of all others of the label, 0..1.
        looks_like: its names.
    """

    photo: Image
    similarity: float
    looks_like: list[str]


class LookOfLabel(NamedTuple):
    """What the images of a label look like: their names, and the strangest of them first."""

    label: str
    names: list[str]
    strangest: list[StrangePhoto]

    def as_dict(self) -> dict[str, object]:
        """Return it as ``write_json`` takes it."""
        strangest = [{**each._asdict(), "photo": str(each.photo)} for each in self.strangest]
        return {**self._asdict(), "strangest": strangest}


def looks_of_labels(
    likeness: Likeness, labels: Sequence[str], examples: Examples
) -> list[LookOfLabel]:
    """Look at the images of each label.

    Args:
        likeness: has the classifier; profiles are made anew, so that no image is compared with
            itself.
        labels: name of each label.
        examples: images of the labels.
    """
    truth = examples.labels
    sums = np.zeros((len(labels), NAMES))
    for some, names in names_of_examples(examples, likeness):
        np.add.at(sums, truth[some], names)
    others = np.maximum(1, np.bincount(truth, minlength=len(labels)) - 1)[truth, np.newaxis]
    similarity = np.empty(len(examples))
    for some, names in names_of_examples(examples, likeness):
        means = np.maximum(0, sums[truth[some]] - names) / others[some]
        similarity[some] = np.sqrt(names * means).sum(axis=1)
    looks = []
    for number, label in enumerate(labels):
        places = np.flatnonzero(truth == number)
        places = places[np.argsort(similarity[places], kind="stable")][:STRANGEST]
        names = probabilities_of_names(examples.features(places), likeness.classifier)
        strangest = [
            StrangePhoto(
                examples.images[place],
                float(similarity[place]),
                heaviest_names(of_photo, _NAMES_OF_PHOTO),
            )
            for place, of_photo in zip(places.tolist(), names, strict=True)
        ]
        looks.append(LookOfLabel(label, heaviest_names(sums[number], _NAMES_OF_LABEL), strangest))
    return looks


def picture_strangest(looks: Sequence[LookOfLabel], path: Path) -> None:
    """Show the strangest images of each label, a row each, as the network sees them.

    Images that have become unreadable are left out. With more labels than there is room for, those
    with the strangest images are shown.

    Args:
        looks: of each label.
        path: path of the picture; its name chooses the format.

    Raises:
        UserError: the file system refuses to write.
    """
    rows = [look for look in looks if look.strangest]
    rows.sort(key=lambda look: look.strangest[0].similarity)
    rows = sorted(rows[:_MOST_STRANGE_LABELS], key=lambda look: look.label)
    figure = Figure(figsize=(1.5 * _STRANGEST_SHOWN, 2.1 * len(rows) + 0.5), layout="constrained")
    figure.suptitle(
        "The images of each label that look least like the others, with what they look like",
        fontsize="large",
    )
    grid = figure.subplots(len(rows), _STRANGEST_SHOWN, squeeze=False)
    for cells, look in zip(grid, rows, strict=True):
        for axes in cells:
            axes.set_axis_off()
        photos = [strange.photo for strange in look.strangest]
        shown = _first_readable(photos, _STRANGEST_SHOWN)
        for axes, (place, pixels) in zip(cells, shown, strict=False):
            names = [short_name(name, 20) for name in look.strangest[place].looks_like[:2]]
            axes.set_title("\n".join(names), fontsize=7)
            _show(axes, pixels, photos[place], 22, fontsize=7)
        title = short_name(look.label, 20)
        cells[0].text(
            *(-0.08, 0.5, title), transform=cells[0].transAxes, rotation=90, ha="right", va="center"
        )
    save_figure(figure, path)
