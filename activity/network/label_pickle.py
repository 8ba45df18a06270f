"""Read a pickled ``LabelBinarizer``: the class names, and what ``train.py`` adds to them.

An ordinary unpickler imports and calls whatever a file names. This one replaces each class and
function by a recorder, so nothing is imported or called, and then reads the attributes from what
was recorded. Before that, a pass over the operations refuses files that would take more memory, or
more of the C stack, than their size justifies.
"""

import io
import pickle
import pickletools
import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from activity.media.frame import Framing
from activity.network.imagenet_names import NAMES
from activity.network.profiles import Likeness
from activity.network.unknown import UNSURE
from activity.temporal.learned import LearnedSpan, parse_spans

MOST_BYTES = 16 * 2**20
"""Largest pickle that is read. It has room for 40,000 class names of a hundred letters."""

# A class name that is stored as a Python string takes two or three.
_MOST_OPERATIONS = 100_000
# Hashing and comparing recurse in C: tuples nested 100,000 deep would crash the process.
_MOST_TUPLES = 100

_BINARIZER = {
    # Where scikit-learn defines the class: since 0.22, and before.
    "sklearn.preprocessing._label LabelBinarizer",
    "sklearn.preprocessing.label LabelBinarizer",
}
_ARRAY = {"numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct"}
_ARRAY_OF_BUFFER = {"numpy.core.numeric _frombuffer", "numpy._core.numeric _frombuffer"}
_DTYPE = {"numpy dtype"}
# How protocols 0 and 1 create an object, and how Python 3 writes bytes for Python 2.
_OBJECT = {"copy_reg _reconstructor", "copyreg _reconstructor"}
_BYTES = {"_codecs encode"}
_BASES = {"numpy ndarray", "__builtin__ object", "builtins object"}
_ALLOWED = _BINARIZER | _ARRAY | _ARRAY_OF_BUFFER | _DTYPE | _OBJECT | _BYTES | _BASES

_MEMO_BY_NUMBER = {"PUT", "BINPUT", "LONG_BINPUT"}
_TUPLES = {"TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"}
_OPERATIONS = {
    *("PROTO", "FRAME", "MARK", "STOP"),
    *("NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1"),
    *("FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BYTEARRAY8"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE"),
    *("EMPTY_TUPLE", "EMPTY_LIST", "LIST", "APPEND", "APPENDS"),
    *("EMPTY_DICT", "DICT", "SETITEM", "SETITEMS"),
    *("MEMOIZE", "GET", "BINGET", "LONG_BINGET"),
    *("GLOBAL", "STACK_GLOBAL", "REDUCE", "NEWOBJ", "BUILD"),
    *_MEMO_BY_NUMBER,
    *_TUPLES,
}
"""All that ``LabelBinarizer`` and NumPy need, in every pickle protocol."""


class _Refused(ValueError):  # noqa: N818 - the name says what happens
    """The file could be read well enough to say what is wrong with it."""


def _check_operations(content: bytes) -> None:
    """Refuse a pickle that would take more memory or stack than its size justifies.

    Python's unpickler allocates whatever a pickle claims, such as a memo of two billion entries.
    """
    if len(content) > MOST_BYTES:
        raise _Refused("it is too large for a label binarizer")
    tuples = 0
    for count, (operation, value, _) in enumerate(pickletools.genops(content)):
        if count == _MOST_OPERATIONS:
            raise _Refused("it has too many operations for a label binarizer")
        if operation.name not in _OPERATIONS:
            raise _Refused(f"it uses {operation.name}, which no label binarizer needs")
        if operation.name in _MEMO_BY_NUMBER and not 0 <= int(value or 0) < _MOST_OPERATIONS:
            raise _Refused("it numbers more objects than it has")
        tuples += operation.name in _TUPLES
        if tuples > _MOST_TUPLES:
            raise _Refused("it has too many tuples for a label binarizer")


class _Recorded:
    """A recorded call of ``maker``: its arguments, and the state that the pickle sets later."""

    maker: str
    arguments: tuple[Any, ...]
    state: Any

    def __new__(cls, *arguments: Any) -> "_Recorded":
        if cls.maker in _OBJECT:
            return arguments[0]()
        recorded = super().__new__(cls)
        recorded.arguments, recorded.state = arguments, None
        return recorded

    def __setstate__(self, state: object) -> None:
        self.state = state


# Classes, because the unpickler creates objects from nothing else. A pickle can only call them. It
# cannot change them: ``__setstate__`` fails without an instance.
_RECORDERS = {maker: type(maker, (_Recorded,), {"maker": maker}) for maker in _ALLOWED}


class _Recorder(pickle.Unpickler):
    """An unpickler that replaces every class and function by a recorder."""

    def find_class(self, module: str, name: str) -> type[_Recorded]:
        if f"{module} {name}" not in _RECORDERS:
            raise _Refused(f"it asks for {module}.{name}, which is not allowed")
        return _RECORDERS[f"{module} {name}"]


def _read_array(made: _Recorded) -> list[str]:
    """Read a one-dimensional array of names or whole numbers."""
    if made.maker in _ARRAY_OF_BUFFER:
        raw, dtype, shape = made.arguments[:3]
    elif made.maker in _ARRAY:
        _, shape, dtype, _, raw = made.state
    else:
        raise TypeError("classes_ is not an array")
    kind, order = dtype.arguments[0], dtype.state[1]
    if kind in ("O", "O8", "O4") and dtype.maker in _DTYPE:
        if not isinstance(raw, list):
            raise TypeError("the names are no list")
        values = raw
    elif re.fullmatch(r"[SU][1-9]\d{0,8}|[iu][1248]", kind) and dtype.maker in _DTYPE:
        if isinstance(raw, _Recorded):
            raw = raw.arguments[0]
        raw = raw.encode("latin-1") if isinstance(raw, str) else raw
        if not isinstance(raw, bytes | bytearray):  # bytes() of a number is as many zeros
            raise TypeError("the items are not bytes")
        size = int(kind[1:]) * (4 if kind[0] == "U" else 1)
        if len(raw) % size:
            raise ValueError("the array ends in the middle of an item")
        items = (bytes(raw[start : start + size]) for start in range(0, len(raw), size))
        values = [_item(item, kind[0], "big" if order == ">" else "little") for item in items]
    else:
        raise TypeError("classes_ holds neither names nor whole numbers")
    if shape != (len(values),):
        raise _Refused("its class names are not a plain list")
    if not all(isinstance(value, str | int) for value in values):
        raise TypeError("a class name is neither text nor a whole number")
    return [str(value) for value in values]


def _item(raw: bytes, kind: str, order: Literal["big", "little"]) -> str | int:
    # NumPy makes broken strings of code points that do not exist in Unicode.
    if kind == "U":
        return raw.decode(f"utf-32-{order[0]}e", "surrogatepass").rstrip("\0")
    if kind == "S":
        return raw.rstrip(b"\0").decode()
    return int.from_bytes(raw, order, signed=kind == "i")


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
    try:
        _check_operations(content)
        # Python 2's strings hold bytes: Latin-1 gives each byte one letter.
        binarizer = _Recorder(io.BytesIO(content), encoding="latin-1").load()
        if not (isinstance(binarizer, _Recorded) and binarizer.maker in _BINARIZER):
            raise _Refused("it holds something other than a label binarizer")
        state = binarizer.state
        classes = _read_array(state["classes_"])
        if len(set(classes)) != len(classes):
            raise _Refused("it names a class twice")
        return PickledLabels(
            classes,
            _framing(state),
            _known_confidence(state),
            _unsure(state),
            _learned(state),
            _likeness(state, len(classes)),
        )
    except _Refused:
        raise
    except (
        *(pickle.UnpicklingError, EOFError, OverflowError),
        *(ValueError, IndexError, KeyError, TypeError, AttributeError),
    ) as error:
        raise _Refused("it is damaged or not a pickled label binarizer") from error


def as_pickled(likeness: Likeness) -> dict[str, Any]:
    """Return what stands for ``likeness`` in the pickle: plain values of Python."""
    return {
        "classifier": likeness.classifier.astype("<f2").tobytes(),
        "profiles": likeness.profiles.astype("<f2").tobytes(),
        "known": [*likeness.known],
    }


def _known_confidence(state: dict[str, Any]) -> list[float]:
    known = state.get(KNOWN_CONFIDENCE)
    return [] if known is None else _ascending(known, KNOWN_CONFIDENCE)


def _ascending(known: object, name: str) -> list[float]:
    if not isinstance(known, list) or not all(type(value) is float for value in known):
        raise _Refused(f"its {name} is not a list of numbers")
    # Phrased so that NaN fails, too.
    if not (known and all(0 <= value <= 1 for value in known) and known == sorted(known)):
        raise _Refused(f"its {name} is not in order, or not from 0 to 1")
    return known


def _unsure(state: dict[str, Any]) -> float:
    unsure = state.get(UNSURE_SHARE, UNSURE)
    if type(unsure) is not float or not 0 < unsure <= 1:
        raise _Refused("its unsure_ is not a number above 0, up to 1")
    return unsure


def _learned(state: dict[str, Any]) -> tuple[LearnedSpan, ...] | None:
    text = state.get(LEARNED)
    if text is None:
        return None
    if type(text) is not str:
        raise _Refused("its learned_ is not text")
    try:
        return parse_spans(text)
    except ValueError as error:
        raise _Refused("its learned_ does not list stretches of clips") from error


def _likeness(state: dict[str, Any], labels: int) -> Likeness | None:
    kept = state.get(LIKENESS)
    if kept is None:
        return None
    if not isinstance(kept, dict):
        raise _Refused("its likeness_ is not what train.py writes")
    found = [kept.get(name) for name in ("classifier", "profiles")]
    raw = [part if isinstance(part, bytes) else b"" for part in found]
    rows = [len(part) / NAMES / np.dtype("<f2").itemsize for part in raw]
    if rows[0] < 2 or rows[1] < labels or rows[0] % 1 or rows[1] % labels:
        raise _Refused("its likeness_ has no classifier, or not as many profiles of each class")
    classifier, profiles = (np.frombuffer(part, "<f2").reshape(-1, NAMES) for part in raw)
    if not (np.isfinite(classifier).all() and (profiles >= 0).all() and (profiles <= 1).all()):
        raise _Refused("its likeness_ holds numbers that are none of a classifier and profiles")
    known = _ascending(kept.get("known"), LIKENESS)
    return Likeness(classifier, profiles.reshape(labels, -1, NAMES), tuple(known))


def _framing(state: dict[str, Any]) -> Framing:
    framing = state.get(FRAMING, "squashed")
    if framing not in ("centre", "squashed"):
        raise _Refused("its framing_ is none that is known here: it may be from a later version")
    return framing
