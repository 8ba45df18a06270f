"""What a person can mend is a UserError: one clear line, exit code 2, no traceback."""


class UserError(Exception):
    """A problem the person can mend. The message says what, where, and what to do about it."""


def printable(text: str) -> str:
    r"""Spell out what would break a line or a terminal, as Python does: ``\n``, ``\x1b``.

    A file's name may hold anything but ``/``: newlines, escape sequences, bytes that are not
    UTF-8 (which Python reads as lone surrogates).
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
