"""The class names in a pickled ``LabelBinarizer``, read without unpickling it.

Unpickling runs whatever a file asks for. Here its instructions are only followed on paper: a
class or function that it names stays a name, and nothing is imported, called or allocated
beyond the file's own size. In the outcome, ``classes_`` is looked up.
"""

import pickletools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from activity.media.photo import Framing

MOST_BYTES = 16 * 2**20
"""Size of the largest pickle that is read: 40,000 class names of a hundred letters."""

KNOWN_CONFIDENCE = "known_confidence_"
"""Attribute of the binarizer: how sure the network is of photos that it was not trained on."""

FRAMING = "framing_"
"""Attribute of the binarizer: how the network was trained to see a photo or frame."""

# As Python strings, each class name takes two or three.
_MOST_OPERATIONS = 100_000

_BINARIZER = {
    # Where scikit-learn keeps the class: since 0.22, and before.
    "sklearn.preprocessing._label LabelBinarizer",
    "sklearn.preprocessing.label LabelBinarizer",
}
_ARRAY = {"numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct"}
_ARRAY_OF_BUFFER = {"numpy.core.numeric _frombuffer", "numpy._core.numeric _frombuffer"}
_DTYPE = {"numpy dtype"}
# How protocols 0 and 1 make an object, and how Python 3 writes bytes for Python 2.
_OBJECT = {"copy_reg _reconstructor", "copyreg _reconstructor"}
_BYTES = {"_codecs encode"}
_BASES = {"numpy ndarray", "__builtin__ object", "builtins object"}
_ALLOWED = _BINARIZER | _ARRAY | _ARRAY_OF_BUFFER | _DTYPE | _OBJECT | _BYTES | _BASES

# Operations that put down the value written beside them.
_LITERALS = {
    *("NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1"),
    *("FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BYTEARRAY8"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE"),
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def read_class_names(content: bytes) -> list[str]:
    """Read the class names, in the model's order, from a pickled ``LabelBinarizer``.

    Understood is what scikit-learn 0.20 and later write, with NumPy 1 or 2 and every pickle
    protocol.

    Raises:
        ValueError: ``content`` is damaged, names anything other than a ``LabelBinarizer`` and
            its NumPy arrays, or is larger than any such pickle.
    """
    with _damage_named():
        names = _array(_binarizer(content).state["classes_"])
    if len(set(names)) != len(names):
        raise _Refused("it names a class twice")
    return names


def read_known_confidence(content: bytes) -> list[float] | None:
    """Read ``known_confidence_``, which ``train.py`` adds to a ``LabelBinarizer``.

    Returns:
        Probabilities in ascending order, at least one; None where there are none, as in a
        binarizer that something else has written.

    Raises:
        ValueError: as ``read_class_names``, or what is there is no such list.
    """
    with _damage_named():
        known = _binarizer(content).state.get(KNOWN_CONFIDENCE)
    if known is None:
        return None
    if not isinstance(known, list) or not all(type(value) is float for value in known):
        raise _Refused("its known_confidence_ is no list of numbers")
    # Written so that it fails for what is no number, too.
    if not (known and all(0 <= value <= 1 for value in known) and known == sorted(known)):
        raise _Refused("its known_confidence_ is not in order, or not from 0 to 1")
    return known


def read_framing(content: bytes) -> Framing:
    """Read ``framing_``, which ``train.py`` adds to a ``LabelBinarizer``.

    Returns:
        ``"squashed"`` where there is none: so were all photos before ``train.py`` wrote it, and so
        are the source tutorial's.

    Raises:
        ValueError: as ``read_class_names``, or it is no framing that is known.
    """
    with _damage_named():
        framing = _binarizer(content).state.get(FRAMING, "squashed")
    if framing not in ("centre", "squashed"):
        raise _Refused("its framing_ is none that is known here: it may be of a later version")
    return framing


def _binarizer(content: bytes) -> "_Made":
    binarizer = _follow(content)
    if not (isinstance(binarizer, _Made) and binarizer.maker in _BINARIZER):
        raise _Refused("it holds something other than a label binarizer")
    return binarizer


@contextmanager
def _damage_named() -> Iterator[None]:
    try:
        yield
    except _Refused:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise _Refused("it is damaged or no pickle of a label binarizer") from error


class _Refused(ValueError):  # noqa: N818 - the name says what happens
    """Read well enough to say what is wrong with it."""


@dataclass(frozen=True)
class _Name:
    """A class or function that the pickle names, as "module name"."""

    text: str


@dataclass
class _Made:
    """What calling ``maker`` would have made: its arguments, and the state set afterwards."""

    maker: str
    arguments: tuple[Any, ...]
    state: Any = None


def _follow(content: bytes) -> object:
    """Follow a pickle's operations on a stack, making nothing but plain values."""
    if len(content) > MOST_BYTES:
        raise _Refused("it is too large for a label binarizer")
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[object, object] = {}

    def pop_to_mark() -> list[Any]:
        start = marks.pop()
        items = stack[start:]
        del stack[start:]
        return items

    for count, (operation, value, _) in enumerate(pickletools.genops(content)):
        name = operation.name
        if count == _MOST_OPERATIONS:
            raise _Refused("it has too many operations for a label binarizer")
        if name in _LITERALS:
            stack.append(_CONSTANTS.get(name, value))
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            memo[value] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[value])
        elif name == "MARK":
            marks.append(len(stack))
        elif name in _TUPLES:
            start = len(stack) - _TUPLES[name]
            stack[start:] = [tuple(stack[start:])]
        elif name == "TUPLE":
            stack.append(tuple(pop_to_mark()))
        elif name in ("EMPTY_LIST", "LIST"):
            stack.append(pop_to_mark() if name == "LIST" else [])
        elif name in ("APPEND", "APPENDS"):
            items = pop_to_mark() if name == "APPENDS" else [stack.pop()]
            stack[-1].extend(items)
        elif name in ("EMPTY_DICT", "DICT"):
            stack.append(_pairs(pop_to_mark()) if name == "DICT" else {})
        elif name in ("SETITEM", "SETITEMS"):
            items = pop_to_mark() if name == "SETITEMS" else [stack.pop(-2), stack.pop()]
            stack[-1].update(_pairs(items))
        elif name == "GLOBAL":
            stack.append(_allowed(str(value)))
        elif name == "STACK_GLOBAL":
            module, attribute = stack.pop(-2), stack.pop()
            stack.append(_allowed(" ".join([module, attribute])))
        elif name in ("REDUCE", "NEWOBJ"):
            maker, arguments = stack.pop(-2), stack.pop()
            stack.append(_made(maker, arguments))
        elif name == "BUILD":
            state = stack.pop()
            stack[-1].state = state
        elif name == "STOP":
            return stack.pop()
        elif name not in ("PROTO", "FRAME"):
            raise _Refused(f"it uses {name}, which no label binarizer needs")
    raise _Refused("it ends too early")


def _allowed(text: str) -> _Name:
    if text not in _ALLOWED:
        raise _Refused(f"it asks for {text.replace(' ', '.')}, which is not allowed")
    return _Name(text)


def _made(maker: _Name, arguments: tuple[Any, ...]) -> _Made:
    if maker.text in _OBJECT:
        return _Made(arguments[0].text, ())
    return _Made(maker.text, arguments)


def _pairs(items: list[Any]) -> dict[str, object]:
    # Hashing a tuple nested very deep can overflow the stack, so only strings are keys.
    if not all(isinstance(key, str) for key in items[::2]):
        raise TypeError("a key is no string")
    return dict(zip(items[::2], items[1::2], strict=True))


def _array(made: _Made) -> list[str]:
    """Read a one-dimensional array of names or whole numbers."""
    if made.maker in _ARRAY_OF_BUFFER:
        raw, dtype, shape = made.arguments[:3]
    elif made.maker in _ARRAY:
        _, shape, dtype, _, raw = made.state
    else:
        raise TypeError("classes_ is no array")
    kind, order = dtype.arguments[0], dtype.state[1]
    if kind in ("O", "O8", "O4") and dtype.maker in _DTYPE:
        if not isinstance(raw, list):
            raise TypeError("the names are no list")
        values = raw
    elif re.fullmatch(r"[SU][1-9]\d{0,8}|[iu][1248]", kind) and dtype.maker in _DTYPE:
        if isinstance(raw, _Made):
            raw = raw.arguments[0]
        raw = raw.encode("latin-1") if isinstance(raw, str) else bytes(raw)
        size = int(kind[1:]) * (4 if kind[0] == "U" else 1)
        if len(raw) % size:
            raise ValueError("the array ends in the middle of an item")
        items = (raw[start : start + size] for start in range(0, len(raw), size))
        values = [_item(item, kind[0], "big" if order == ">" else "little") for item in items]
    else:
        raise TypeError("classes_ holds neither names nor whole numbers")
    if shape != (len(values),):
        raise _Refused("its class names are not a plain list")
    if not all(isinstance(value, str | int) for value in values):
        raise TypeError("a class name is neither text nor a whole number")
    return [str(value) for value in values]


def _item(raw: bytes, kind: str, order: Literal["big", "little"]) -> str | int:
    # Not left to NumPy, which makes broken strings of letters that Unicode does not have.
    if kind == "U":
        return raw.decode(f"utf-32-{order[0]}e", "surrogatepass").rstrip("\0")
    if kind == "S":
        return raw.rstrip(b"\0").decode()
    return int.from_bytes(raw, order, signed=kind == "i")
