"""What a pickled ``LabelBinarizer`` says: the class names, and what ``train.py`` adds to them.

The pickle is never unpickled, so it cannot run code: see ``recorded_pickle``.
"""

from dataclasses import dataclass
from typing import Any

from activity.media.photo import Framing
from activity.network.recorded_pickle import Refused, damage_named, read_array, read_state
from activity.network.unknown import UNSURE
from activity.temporal.learned import Stretch, parse_stretches

KNOWN_CONFIDENCE = "known_confidence_"
"""Attribute of the binarizer: the network's confidence in photos that it was not trained on."""

UNSURE_SHARE = "unsure_"
"""Attribute of the binarizer: the share of these photos that counts as unsure."""

LEARNED = "learned_"
"""Attribute of the binarizer: the stretches of clips that the network has learned from."""

FRAMING = "framing_"
"""Attribute of the binarizer: how photos and frames become the network's square input."""


@dataclass(frozen=True)
class PickledLabels:
    """What a pickled ``LabelBinarizer`` says.

    Attributes:
        classes: the class names, in the model's order.
        framing: how the network was trained to see a photo or frame. ``"squashed"`` where it does
            not say: all photos were before ``train.py`` wrote it, as the source tutorial's are.
        known_confidence: how sure the network is of photos that it was not trained on, in ascending
            order, 0..1. Empty where it does not say, as in a binarizer that something other than
            ``train.py`` has written.
        unsure: share of these photos that counts as unsure, 0..1.
        learned: stretches of clips that the network has learned from; None if it does not say,
            as all did before ``train.py`` wrote them.
    """

    classes: list[str]
    framing: Framing
    known_confidence: list[float]
    unsure: float
    learned: tuple[Stretch, ...] | None


def read_labels(content: bytes) -> PickledLabels:
    """Read a pickled ``LabelBinarizer``, and what ``train.py`` adds to it.

    It may have been written by scikit-learn 0.20 or later, with NumPy 1 or 2, in any pickle
    protocol.

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
        )


def _class_names(state: dict[str, Any]) -> list[str]:
    names = read_array(state["classes_"])
    if len(set(names)) != len(names):
        raise Refused("it names a class twice")
    return names


def _known_confidence(state: dict[str, Any]) -> list[float]:
    known = state.get(KNOWN_CONFIDENCE)
    if known is None:
        return []
    if not isinstance(known, list) or not all(type(value) is float for value in known):
        raise Refused("its known_confidence_ is not a list of numbers")
    # Written so that NaN fails, too.
    if not (known and all(0 <= value <= 1 for value in known) and known == sorted(known)):
        raise Refused("its known_confidence_ is not in order, or not from 0 to 1")
    return known


def _unsure(state: dict[str, Any]) -> float:
    unsure = state.get(UNSURE_SHARE, UNSURE)
    if type(unsure) is not float or not 0 < unsure <= 1:
        raise Refused("its unsure_ is not a number above 0, up to 1")
    return unsure


def _learned(state: dict[str, Any]) -> tuple[Stretch, ...] | None:
    text = state.get(LEARNED)
    if text is None:
        return None
    if type(text) is not str:
        raise Refused("its learned_ is not text")
    try:
        return parse_stretches(text)
    except ValueError as error:
        raise Refused("its learned_ does not list stretches of clips") from error


def _framing(state: dict[str, Any]) -> Framing:
    framing = state.get(FRAMING, "squashed")
    if framing not in ("centre", "squashed"):
        raise Refused("its framing_ is none that is known here: it may be from a later version")
    return framing
