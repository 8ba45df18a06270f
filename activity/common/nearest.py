"""The name that was probably meant by one that is not known."""

from collections.abc import Collection
from difflib import get_close_matches

_MOST_NAMES = 500
"""Among more, none is looked for: a table of thousands of clips may name as many wrongly."""


def nearest(name: str, names: Collection[str]) -> str:
    """Say which of some names is the nearest to one that is none of them; "" if none is near.

    Example:
        >>> nearest("tenis", ["football", "tennis"])
        '; the nearest name is tennis'
    """
    if len(names) > _MOST_NAMES:
        return ""
    folded: dict[str, str] = {}
    for each in names:
        folded.setdefault(each.casefold(), each)
    found = get_close_matches(name.casefold(), folded, n=1)
    return f"; the nearest name is {folded[found[0]]}" if found else ""
