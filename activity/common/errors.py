"""Errors that a person can fix: one clear line, exit code 2, no traceback."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class UserError(Exception):
    """An error that a person can fix. The message says what is wrong, where, and what to do."""


@contextmanager
def refusals_in_a_line(what: str) -> Iterator[None]:
    """Turn an OSError in this block into a ``UserError`` of one line.

    Use it where a person's path may be refused: a name that is too long, a permission that is
    missing, a mount that is gone.

    Args:
        what: named in the message if the OSError names no file.

    Raises:
        UserError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot reach {error.filename or what}: {error.strerror or error}"
        ) from error


def printable(text: str) -> str:
    r"""Escape characters that would break a line or a terminal, as Python does: ``\n``, ``\x1b``.

    Use it for every file name in a message. A name may contain anything but ``/``: newlines, escape
    sequences, bytes that are not UTF-8 (which Python reads as lone surrogates).
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def shortened(names: Sequence[object], most: int = 12) -> str:
    """Join names for a message that stays short: beyond ``most``, their number is given instead."""
    shown = ", ".join(map(str, names[:most]))
    return shown if len(names) <= most else f"{shown}, … ({len(names)} in all)"
