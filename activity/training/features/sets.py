"""Images with their features and targets, split into what is learned from and tested with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from activity.common.errors import UserError, shortened
from activity.media.images import Image
from activity.media.photo import why_unreadable
from activity.network.engine import EngineOptions
from activity.temporal.segments import UNKNOWN
from activity.training.data.labelled import ImageSets
from activity.training.features.views import View, compute_features, take_rows

if TYPE_CHECKING:
    import keras

OUTLIER_FRAME_WEIGHT = 10
"""Weight of a frame that a table labels ``unknown``; an image of a class weighs 1 on average.

It was chosen on the two clips that it is judged by.
"""


@dataclass(frozen=True, eq=False)
class Examples:
    """Images, with the features and the target of each.

    Features of all sets lie in one table, which is in memory or mapped from a file, and are never
    copied whole.

    Attributes:
        images: photos, and frames of clips.
        targets: one-hot labels, float32, shape (images, classes); of outliers to learn from, the
            same for every class.
        table: features of many views, float32, shape (rows, feature size).
        rows: rows of the table, for each view of each image; integers, shape (images, views).
    """

    images: Sequence[Image]
    targets: NDArray[np.float32]
    table: NDArray[np.float32]
    rows: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def views(self) -> int:
        """How many views each image has."""
        return self.rows.shape[1]

    @property
    def labels(self) -> NDArray[np.intp]:
        """Class of each image, shape (images,)."""
        return self.targets.argmax(axis=1)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which images show one of the classes, shape (images,); the others are outliers."""
        return self.targets.max(axis=1, initial=0) > 0.5

    @property
    def weights(self) -> NDArray[np.float32]:
        """How much each image counts in training, shape (images,).

        All classes count alike, however many images each has: on average, and where each has as
        many, an image of a class counts 1. docs/recipe.md says what a rare class gains.
        """
        known, labels = self.known, self.labels
        counts = np.bincount(labels[known], minlength=self.targets.shape[1])
        even = known.sum() / max(1, np.count_nonzero(counts))
        is_frame = np.array([image.seconds is not None for image in self.images], bool)
        weights = np.where(is_frame & ~known, float(OUTLIER_FRAME_WEIGHT), 1.0)
        weights[known] = even / counts[labels[known]]
        return weights.astype(np.float32)

    def features(
        self, places: NDArray[np.intp] | slice = slice(None), view: NDArray[np.intp] | int = 0
    ) -> NDArray[np.float32]:
        """Look up the features of some images.

        Args:
            places: places of the images, shape (some,); all of them (default).
            view: number of the view, one for all (default: the first) or one for each image.

        Returns:
            A copy, shape (some, feature size).
        """
        return take_rows(self.table, self.rows[places, view])

    def take(self, places: NDArray[np.intp] | NDArray[np.bool_]) -> "Examples":
        """Return the examples at these places, without copying their features."""
        numbers = np.arange(len(self))[places]
        images = [self.images[number] for number in numbers.tolist()]
        return replace(self, images=images, targets=self.targets[numbers], rows=self.rows[numbers])

    def joined(self, others: "Examples") -> "Examples":
        """Append examples of the same table. Their only view stands in for each view of these."""
        rows = np.broadcast_to(others.rows, (len(others), self.views))
        return replace(
            self,
            images=[*self.images, *others.images],
            targets=np.concatenate([self.targets, others.targets]),
            rows=np.concatenate([self.rows, rows]),
        )


@dataclass(frozen=True, eq=False)
class FeatureSets:
    """Everything that the head is trained and tested with.

    Attributes:
        classes: name of each class, sorted.
        train: what the classes are learned from; each image in all its views.
        test: what is tested with, in the view that frames are seen in.
        unknown: frames labelled ``unknown``, likewise; their targets are zeros.
        outliers: images of none of the classes that are learned from, too, in one view.
        unseen: photos of labels that nothing is learned of, like ``unknown``.
        unreadable: images that cannot be read, and are in none of the sets.
    """

    classes: list[str]
    train: Examples
    test: Examples
    unknown: Examples
    outliers: Examples
    unseen: Examples
    unreadable: list[Image]

    @property
    def learned(self) -> Examples:
        """Everything that is learned from: images of the classes, and outliers."""
        return self.train.joined(self.outliers)


def views_of(sets: ImageSets, views: int) -> list[View]:
    """List the views whose features training needs: ``views`` of a training image, one of others.

    ``fill_cache`` computes these on a cluster before ``compute_feature_sets`` looks them up.
    """
    trained = [View(image, number) for image in sets.training for number in range(views)]
    once = [*sets.test, *sets.unknown, *sets.outliers.learned, *sets.outliers.unseen]
    return trained + [View(image, 0) for image in once]


def compute_feature_sets(
    sets: ImageSets,
    classes: Sequence[str],
    backbone: "keras.Model",
    views: int,
    options: EngineOptions,
) -> FeatureSets:
    """Compute the features of a data set's images, or look them up in the cache.

    An image that lacks a view is left out.

    Args:
        sets: the images.
        classes: name of each class.
        backbone: from pixels to a feature vector.
        views: views of each training image; see ``augmentation.view_of_photo``.
        options: how the backbone is run, and where features are kept from run to run.

    Raises:
        UserError: of a class no training image can be read, or there is no room for the features.
    """
    wanted = views_of(sets, views)
    print(f"[INFO] computing features of {len(wanted)} views of the images ...")
    table, readable = compute_features(wanted, backbone, options)
    unreadable: list[Image] = []
    row = 0

    def examples(images: Sequence[Image], views: int = 1) -> Examples:
        nonlocal row
        rows = np.arange(row, row + len(images) * views).reshape(-1, views)
        row += rows.size
        whole = np.logical_and.reduce(readable[rows], axis=1)
        unreadable.extend(images[place] for place in np.flatnonzero(~whole).tolist())
        labels = np.array([sets.labels.get(image, UNKNOWN) for image in images], object)
        targets = (labels[:, np.newaxis] == np.array(classes, object)).astype(np.float32)
        return Examples(images, targets, table, rows).take(whole)

    train = examples(sets.training, views)
    _check_every_class_is_left(classes, train, {i: sets.labels[i] for i in unreadable})
    test, unknown = examples(sets.test), examples(sets.unknown)
    outliers, unseen = examples(sets.outliers.learned), examples(sets.outliers.unseen)
    alike = np.full_like(outliers.targets, 1 / len(classes))
    outliers = replace(outliers, targets=alike)
    return FeatureSets([*classes], train, test, unknown, outliers, unseen, unreadable)


def with_features_of(
    backbone: "keras.Model", features: FeatureSets, options: EngineOptions
) -> FeatureSets:
    """Recompute the features of all test images, for a backbone that fine-tuning has changed.

    Nothing is kept in the cache: no other run has this backbone. Images that have changed since
    they were first read are left out, and named among the unreadable.
    """
    tested = [features.test, features.unknown, features.unseen]
    images = [image for examples in tested for image in examples.images]
    views = [View(image, 0) for image in images]
    table, readable = compute_features(views, backbone, replace(options, cache_folder=None))
    changed = [image for image, ok in zip(images, readable, strict=True) if not ok]
    ends = np.cumsum([len(examples) for examples in tested])
    test, unknown, unseen = (
        replace(examples, table=table, rows=rows.reshape(-1, 1)).take(readable[rows])
        for examples, rows in zip(tested, np.split(np.arange(len(images)), ends[:-1]), strict=True)
    )
    unreadable = features.unreadable + changed
    return replace(features, test=test, unknown=unknown, unseen=unseen, unreadable=unreadable)


def _check_every_class_is_left(
    classes: Sequence[str], train: Examples, unreadable: Mapping[Image, str]
) -> None:
    """Make sure that at least one training image of each class could be read.

    Args:
        classes: name of each class.
        train: what can be read.
        unreadable: labels of the images that cannot.

    Raises:
        UserError: of some there is none.
    """
    bare = [classes[number] for number in np.flatnonzero(train.targets.sum(axis=0) == 0).tolist()]
    if bare:
        missed = [image for image, label in unreadable.items() if label in bare]
        names = [str(image) for image in missed]
        for place, image in enumerate(missed[:3]):
            why = why_unreadable(image.file)
            names[place] += f" ({why})" if why else ""
        raise UserError(
            f"nothing to learn {shortened(bare)} from: no photo for training can be read, and no "
            "clip gives a frame of it; fix these, or name the other activities after --labels"
            + (f"; cannot be read: {shortened(names, most=3)}" if names else "")
        )
