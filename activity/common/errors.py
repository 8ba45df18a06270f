"""Errors that a person can fix: one clear line, exit code 2, no traceback."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class UserError(Exception):
    """An error that a person can fix. The message says what is wrong, where, and what to do."""


@contextmanager
def refusals_in_a_line(what: str) -> Iterator[None]:
    """Have what the operating system refuses (a name, a permission, a mount) end in one line.

    Args:
        what: is named where the error names no file.

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

    A file name may contain anything but ``/``: newlines, escape sequences, bytes that are not
    UTF-8 (which Python reads as lone surrogates).
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def shortened(names: Sequence[object], most: int = 12) -> str:
    """Join names for a message, the first few of them where there are many."""
    shown = ", ".join(map(str, names[:most]))
    return shown if len(names) <= most else f"{shown}, … ({len(names)} in all)"
