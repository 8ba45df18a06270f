"""Read a pickled ``LabelBinarizer``: the class names, and what ``train.py`` adds to them.

The pickle is never unpickled, so it cannot run code: see ``recorded_pickle``.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from activity.media.frame import Framing
from activity.network.imagenet_names import NAMES
from activity.network.profiles import Likeness
from activity.network.recorded_pickle import Refused, damage_named, read_array, read_state
from activity.network.unknown import UNSURE
from activity.temporal.learned import LearnedSpan, parse_spans

KNOWN_CONFIDENCE = "known_confidence_"
"""Attribute of the binarizer: the network's confidence in photos that it was not trained on."""

UNSURE_SHARE = "unsure_"
"""Attribute of the binarizer: the share of these photos that counts as unsure."""

LEARNED = "learned_"
"""Attribute of the binarizer: the stretches of clips that the network has learned from."""

LIKENESS = "likeness_"
"""Attribute of the binarizer: ``Likeness``, as a dictionary of bytes and a list."""

FRAMING = "framing_"
"""Attribute of the binarizer: how photos and frames become the network's square input."""


@dataclass(frozen=True)
class PickledLabels:
    """The content of a pickled ``LabelBinarizer``.

    Attributes:
        classes: the class names, in the order of the model's outputs.
        framing: how the network was trained to see a photo or frame. ``"squashed"`` if not
            recorded, since that is how earlier versions and the source tutorial trained.
        known_confidence: the network's confidence in photos that it was not trained on, ascending,
            0..1. Empty if not recorded, as by programs other than ``train.py``.
        unsure: share of these photos that counts as unsure, 0..1.
        learned: stretches of clips that the network was trained on; None if not recorded, as by
            earlier versions.
        likeness: what tells how much a photo looks like those of each class; None if not recorded,
            as where there is no ImageNet classifier.
    """

    classes: list[str]
    framing: Framing
    known_confidence: list[float]
    unsure: float
    learned: tuple[LearnedSpan, ...] | None
    likeness: Likeness | None = None


def read_labels(content: bytes) -> PickledLabels:
    """Read a pickled ``LabelBinarizer`` of scikit-learn 0.20 or later.

    NumPy 1 and 2 and all pickle protocols are supported.

    Raises:
        ValueError: ``content`` is damaged, names anything other than a ``LabelBinarizer`` and
            its NumPy arrays, or is too large; or what ``train.py`` adds is not what it writes.
    """
    with damage_named():
        state = read_state(content)
        return PickledLabels(
            _class_names(state),
            _framing(state),
            _known_confidence(state),
            _unsure(state),
            _learned(state),
            _likeness(state),
        )


def as_pickled(likeness: Likeness) -> dict[str, Any]:
    """Return what stands for ``likeness`` in the pickle: plain values of Python."""
    return {
        "classifier": likeness.classifier.astype("<f2").tobytes(),
        "profiles": likeness.profiles.astype("<f2").tobytes(),
        "known": [*likeness.known],
    }


def _class_names(state: dict[str, Any]) -> list[str]:
    names = read_array(state["classes_"])
    if len(set(names)) != len(names):
        raise Refused("it names a class twice")
    return names


def _known_confidence(state: dict[str, Any]) -> list[float]:
    known = state.get(KNOWN_CONFIDENCE)
    return [] if known is None else _ascending(known, KNOWN_CONFIDENCE)


def _ascending(known: object, name: str) -> list[float]:
    if not isinstance(known, list) or not all(type(value) is float for value in known):
        raise Refused(f"its {name} is not a list of numbers")
    # Phrased so that NaN fails, too.
    if not (known and all(0 <= value <= 1 for value in known) and known == sorted(known)):
        raise Refused(f"its {name} is not in order, or not from 0 to 1")
    return known


def _unsure(state: dict[str, Any]) -> float:
    unsure = state.get(UNSURE_SHARE, UNSURE)
    if type(unsure) is not float or not 0 < unsure <= 1:
        raise Refused("its unsure_ is not a number above 0, up to 1")
    return unsure


def _learned(state: dict[str, Any]) -> tuple[LearnedSpan, ...] | None:
    text = state.get(LEARNED)
    if text is None:
        return None
    if type(text) is not str:
        raise Refused("its learned_ is not text")
    try:
        return parse_spans(text)
    except ValueError as error:
        raise Refused("its learned_ does not list stretches of clips") from error


def _likeness(state: dict[str, Any]) -> Likeness | None:
    kept = state.get(LIKENESS)
    if kept is None:
        return None
    if not isinstance(kept, dict):
        raise Refused("its likeness_ is not what train.py writes")
    found = [kept.get(name) for name in ("classifier", "profiles")]
    raw = [part if isinstance(part, bytes) else b"" for part in found]
    rows = [len(part) / NAMES / np.dtype("<f2").itemsize for part in raw]
    labels = len(read_array(state["classes_"]))
    if rows[0] < 2 or rows[1] < labels or rows[0] % 1 or rows[1] % labels:
        raise Refused("its likeness_ has no classifier, or not as many profiles of each class")
    classifier, profiles = (np.frombuffer(part, "<f2").reshape(-1, NAMES) for part in raw)
    if not (np.isfinite(classifier).all() and (profiles >= 0).all() and (profiles <= 1).all()):
        raise Refused("its likeness_ holds numbers that are none of a classifier and profiles")
    known = _ascending(kept.get("known"), LIKENESS)
    return Likeness(classifier, profiles.reshape(labels, -1, NAMES), tuple(known))


def _framing(state: dict[str, Any]) -> Framing:
    framing = state.get(FRAMING, "squashed")
    if framing not in ("centre", "squashed"):
        raise Refused("its framing_ is none that is known here: it may be from a later version")
    return framing
