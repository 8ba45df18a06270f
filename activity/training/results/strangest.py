"""The photos that look least like the others of their label: mislabelled ones are among them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from activity.common.figures import save_figure, short_name
from activity.media.images import Image, read_images
from activity.network.imagenet_names import heaviest_names
from activity.network.profiles import Likeness
from activity.training.features.sets import Examples
from activity.training.learning.likeness import names_of_examples

STRANGEST = 40
"""Photos of each label that the report lists, the strangest first."""

_NAMES_OF_LABEL, _NAMES_OF_PHOTO = 8, 3

_PHOTOS = 12
_MOST_LABELS = 40  # a picture that can still be opened


@dataclass(frozen=True, eq=False)
class StrangePhoto:
    """An image that bears few of the names that the images of its label bear.

    Attributes:
        image: which.
        similarity: of its names to those of all others of the label, 0..1.
        names: what it looks like.
    """

    image: Image
    similarity: float
    names: list[str]


@dataclass(frozen=True, eq=False)
class LookOfLabel:
    """What the images of a label look like: their names, and the strangest of them first."""

    names: list[str]
    strangest: list[StrangePhoto]

    def as_dict(self) -> dict[str, object]:
        """Return it as ``write_json`` takes it."""
        strangest = [
            {"photo": str(each.image), "similarity": each.similarity, "looks_like": each.names}
            for each in self.strangest
        ]
        return {"names": self.names, "strangest": strangest}


def looks_of_labels(likeness: Likeness, *sets: Examples) -> list[LookOfLabel]:
    """Look at the images of each label, of all sets together.

    Args:
        likeness: has the classifier; profiles are made anew, so that no image is compared with
            itself.
        sets: images of the labels.
    """
    labels = likeness.profiles.shape[0]
    sums = np.zeros((labels, likeness.profiles.shape[2]))
    counts = np.zeros(labels, int)
    for examples in sets:
        for some, names in names_of_examples(examples, likeness):
            np.add.at(sums, examples.labels[some], names)
        counts += np.bincount(examples.labels, minlength=labels)
    found: list[list[StrangePhoto]] = [[] for _ in range(labels)]
    for examples in sets:
        for some, names in names_of_examples(examples, likeness):
            of_label = examples.labels[some]
            others = (
                np.maximum(0, sums[of_label] - names)
                / np.maximum(1, counts[of_label] - 1)[:, np.newaxis]
            )
            similarity = np.sqrt(names * others).sum(axis=1)
            taken = np.zeros(labels, int)
            for row in np.argsort(similarity, kind="stable").tolist():
                taken[of_label[row]] += 1
                if taken[of_label[row]] > STRANGEST:
                    continue
                photo = StrangePhoto(
                    examples.images[some.start + row],
                    float(similarity[row]),
                    heaviest_names(names[row], _NAMES_OF_PHOTO),
                )
                found[of_label[row]].append(photo)
        for photos in found:
            photos.sort(key=lambda photo: photo.similarity)
            del photos[STRANGEST:]
    return [
        LookOfLabel(heaviest_names(total, _NAMES_OF_LABEL), photos)
        for total, photos in zip(sums, found, strict=True)
    ]


def picture_strangest(labels: Sequence[str], looks: Sequence[LookOfLabel], path: Path) -> None:
    """Show the strangest images of each label, a row each, as the network sees them.

    Images that have become unreadable are left out. With more labels than there is room for, those
    with the strangest images are shown.

    Args:
        labels: name of each label.
        looks: of each label.
        path: path of the picture; its name chooses the format.

    Raises:
        UserError: the file system refuses to write.
    """
    rows = [(label, look) for label, look in zip(labels, looks, strict=True) if look.strangest]
    rows.sort(key=lambda row: row[1].strangest[0].similarity)
    rows = sorted(rows[:_MOST_LABELS], key=lambda row: row[0])
    figure = Figure(figsize=(1.5 * _PHOTOS, 2.1 * len(rows) + 0.5), layout="constrained")
    figure.suptitle(
        "The images of each label that look least like the others, with what they look like",
        fontsize="large",
    )
    grid = figure.subplots(len(rows), _PHOTOS, squeeze=False)
    for cells, (label, look) in zip(grid, rows, strict=True):
        for axes in cells:
            axes.set_axis_off()
        readable = (
            (photo, image) for photo in look.strangest for _, image in read_images([photo.image])
        )
        for axes, (photo, image) in zip(cells, readable, strict=False):
            axes.imshow(image.network_input())
            axes.set_title("\n".join(short_name(name, 20) for name in photo.names[:2]), fontsize=7)
            name = str(photo.image).rpartition("/")[2]
            axes.text(
                *(0.5, -0.03, short_name(name, 22)),
                transform=axes.transAxes,
                fontsize=7,
                ha="center",
                va="top",
            )
        title = short_name(label, 20)
        cells[0].text(
            *(-0.08, 0.5, title), transform=cells[0].transAxes, rotation=90, ha="right", va="center"
        )
    save_figure(figure, path)
