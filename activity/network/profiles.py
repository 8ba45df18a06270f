"""How much a photo or frame looks like the photos of a label, by the thousand names of ImageNet.

A network that was trained on ImageNet has seen a thousand kinds of things. What it calls the photos
of a label, their profile, tells more than the label's probability where something else is shown.
docs/recipe.md says how the method was chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from activity.network.imagenet_names import NAMES

PROFILES = 3
"""Profiles of a label: photos of one activity differ."""

_POWER = 0.5
"""Of the similarity. Frames bear their names less clearly than photos: a whole one takes more known
clips for unknown."""

_MOST_PHOTOS = 1000  # of a label, to find its profiles
_ROUNDS = 20

NAMES_KEPT = 5
"""Names of a frame that are kept, to say later what a stretch of frames looks like."""


@dataclass(frozen=True, eq=False)
class Likeness:
    """What tells how much a photo looks like those of each label.

    Attributes:
        classifier: the network's ImageNet classifier, float16, shape (feature size + 1, 1000): a
            row for each feature, and the bias.
        profiles: mean probabilities of the names in groups of each label's photos, float16, shape
            (labels, groups, 1000).
        known: ``confidence`` in photos that the network was not trained on, ascending; empty if
            there were none.
    """

    classifier: NDArray[np.float16]
    profiles: NDArray[np.float16]
    known: tuple[float, ...] = ()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Likeness)
            and self.known == other.known
            and np.array_equal(self.classifier, other.classifier)
            and np.array_equal(self.profiles, other.profiles)
        )

    def __hash__(self) -> int:
        return hash(self.known)

    @cached_property
    def _roots(self) -> NDArray[np.float32]:
        """Roots of the profiles, shape (1000, labels * groups); a frame is not to wait for them."""
        return np.ascontiguousarray(np.sqrt(self.profiles.astype(np.float32)).reshape(-1, NAMES).T)

    def similarity(self, names: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compare probabilities of names with each label's nearest profile.

        It is the coefficient of A. Bhattacharyya ("On a measure of divergence between two
        statistical populations defined by their probability distributions", 1943).

        Args:
            names: shape (images, 1000).

        Returns:
            Shape (images, labels), from 0 (no name in common) to 1.
        """
        labels, groups, _ = self.profiles.shape
        return (np.sqrt(names) @ self._roots).reshape(-1, labels, groups).max(axis=2)

    def confidence(
        self, probabilities: NDArray[np.floating], names: NDArray[np.float32]
    ) -> NDArray[np.floating]:
        """Compute the confidence in images, which is less in what looks like none of the labels.

        Args:
            probabilities: of the labels, shape (images, labels).
            names: of ImageNet's names, shape (images, 1000).

        Returns:
            The highest product of a label's probability and the root of its similarity, shape
            (images,), 0..1.
        """
        weighed = probabilities * np.minimum(1, self.similarity(names)) ** _POWER
        return weighed.max(axis=1)


def profiles_of(
    names: Sequence[NDArray[np.float32]], groups: int = PROFILES
) -> NDArray[np.float16]:
    """Find the profiles of labels: the means of groups of photos that bear similar names.

    Args:
        names: of each label's photos, the probabilities of the names, shape (photos, 1000).
        groups: profiles of a label; those of a label with fewer photos are there more than once.

    Returns:
        Shape (labels, groups, 1000).
    """
    return np.stack([_profiles(of_label, groups) for of_label in names]).astype(np.float16)


def _profiles(names: NDArray[np.float32], groups: int) -> NDArray[np.float32]:
    """Group by k-means on the roots of the probabilities, in which similarity is a product."""
    chosen = np.linspace(0, len(names) - 1, min(len(names), _MOST_PHOTOS)).astype(int)
    names = names[chosen]
    roots = np.sqrt(names)
    # k-means++ (Arthur, Vassilvitskii, 2007): the less similar a photo, the sooner it is a centre.
    random = np.random.default_rng(0)
    centres = [int(random.integers(len(names)))]
    while len(centres) < groups:
        unlike = np.maximum(1e-9, 1 - (roots @ roots[centres].T).max(axis=1)).astype(np.float64)
        centres.append(int(random.choice(len(names), p=unlike / unlike.sum())))
    profiles = names[centres]
    for _ in range(_ROUNDS):
        nearest = (roots @ np.sqrt(profiles).T).argmax(axis=1)
        moved = profiles.copy()
        for group in np.unique(nearest):
            moved[group] = names[nearest == group].mean(axis=0)
        if np.array_equal(moved, profiles):
            break
        profiles = moved
    return profiles


def names_kept(names: NDArray[np.float32]) -> NDArray[np.float32]:
    """Keep the most probable names of a frame.

    Args:
        names: shape (1000,).

    Returns:
        Their numbers, then their probabilities; shape (2 * ``NAMES_KEPT``,).
    """
    places = np.argpartition(-names, NAMES_KEPT)[:NAMES_KEPT]
    return np.concatenate([places.astype(np.float32), names[places]])


def weights_of_names(kept: NDArray[np.float32]) -> NDArray[np.float64]:
    """Add up what ``names_kept`` has kept of frames.

    Args:
        kept: shape (frames, 2 * ``NAMES_KEPT``).

    Returns:
        The mean probability of each name, shape (1000,); 0 where it was not kept.
    """
    numbers, weights = kept[:, :NAMES_KEPT].astype(int), kept[:, NAMES_KEPT:]
    total = np.bincount(numbers.ravel(), weights.ravel(), minlength=NAMES)
    return total / max(1, len(kept))
