"""Tables: CSV in UTF-8, which people write and correct, and programs read."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from activity.common.errors import UserError
from activity.common.regular_file import read_text

# A value, and what ends it. In quotes it may hold anything; a quote in it is doubled.
_END = r"(,|\r\n|\n|\r|\Z)"
_PLAIN_ROW = re.compile(r'([^"\r\n]*)(?:\r\n|\n|\r|\Z)')
_PLAIN = re.compile(rf"([^,\r\n]*){_END}")
_QUOTED = re.compile(rf'"([^"]*(?:""[^"]*)*)"{_END}')

# What needs no quotes, for any reader: no line ends of any kind, and no spaces that could go lost.
_NEEDS_NO_QUOTES = re.compile(r'(?:[^",\s]+(?: [^",\s]+)*)?')

# What stands after a backslash where ``as_text`` has spelled something out.
_BYTE = "ud[89a-f][0-9a-f]{2}"
_BACKSLASH = "x5c"


def read_rows(path: Path, kind: str, header: str) -> Iterator[tuple[int, list[str]]]:
    """Read the rows of a table, with line numbers for messages. Empty lines are left out.

    A byte order mark, Windows' line ends, and spaces around a value are what spreadsheets and
    people write, and do no harm. A value in quotes is taken as it is.

    Args:
        path: path of the file.
        kind: the kind of table, for messages, such as ``"table of segments"``.
        header: the expected header, for messages.

    Yields:
        (number of the line where the row starts, its values).

    Raises:
        UserError: the file is missing, not a regular file, larger than any such table, not UTF-8,
            or not CSV.
    """
    text = read_text(path, kind, header)
    line, place = 1, 0
    while place < len(text):
        if plain := _PLAIN_ROW.match(text, place):
            row, inside = [value.strip() for value in plain[1].split(",")], 0
            place = plain.end()
        else:
            row, place = _row_with_quotes(path, text, place, line)
            inside = _line_ends("".join(row))
        if any(value.strip() for value in row):
            yield line, row
        line += 1 + inside


def rows_below(
    path: Path, kind: str, header: tuple[str, ...], example: str
) -> Iterator[tuple[int, list[str]]]:
    """Read the rows below a header as ``read_rows`` does, and check that header and their lengths.

    Args:
        path, kind: as in ``read_rows``.
        header: names of the columns.
        example: a row, for messages.

    Raises:
        UserError: as in ``read_rows``; or there is another header, or a row of another length.
    """
    rows = read_rows(path, kind, ",".join(header))
    line, first = next(rows, (1, []))
    if column_names(first) != header:
        raise UserError(
            f"{path}, line {line}: the first line should be {','.join(header)}, "
            f"not {','.join(first)[:60]!r}"
        )
    for line, row in rows:
        if len(row) != len(header):
            raise UserError(
                f"{path}, line {line}: {len(row)} values instead of {len(header)}; a line looks "
                f"like {example}"
            )
        yield line, row


def format_row(values: Iterable[str]) -> str:
    """Write a row as ``read_rows`` and other programs read it, without the end of the line.

    >>> format_row(["0.5", "tennis", "two\\nlines"])
    '0.5,tennis,"two\\nlines"'
    """
    return ",".join(
        value if _NEEDS_NO_QUOTES.fullmatch(value) else f'"{value.replace(chr(34), chr(34) * 2)}"'
        for value in values
    )


def as_text(name: str) -> str:
    r"""Spell out the bytes of a name that are not UTF-8, which Python reads as lone surrogates.

    >>> as_text("caf\udce9")
    'caf\\udce9'
    """
    # A backslash that would look as if it was one of these is spelled out, too.
    name = re.sub(rf"\\(?={_BYTE}|{_BACKSLASH})", rf"\\{_BACKSLASH}", name)
    return name.encode("utf-8", "backslashreplace").decode()


def from_text(text: str) -> str:
    r"""Return the name that ``as_text`` has spelled out.

    >>> from_text(r"caf\udce9") == "caf\udce9"
    True
    """
    return re.sub(
        rf"\\({_BYTE}|{_BACKSLASH}(?={_BYTE}|{_BACKSLASH}))",
        lambda found: "\\" if found[1] == _BACKSLASH else chr(int(found[1][1:], 16)),
        text,
    )


def column_names(row: list[str]) -> tuple[str, ...]:
    """Return the column names in a header row, stripped and in lower case."""
    return tuple(cell.strip().lower() for cell in row)


def header_of(path: Path) -> tuple[str, ...]:
    """Return a table's column names; ``("",)`` if it is empty, ``()`` if it cannot be read.

    Use it to tell which kind of table a file is.
    """
    try:
        return column_names(next(read_rows(path, "table", "a header"), (1, [""]))[1])
    except UserError:
        return ()


def _row_with_quotes(path: Path, text: str, place: int, line: int) -> tuple[list[str], int]:
    """Read the row at a place of a table, and tell where the next one starts."""
    row: list[str] = []
    end = ","
    while end == ",":
        quoted = text.startswith('"', place)
        found = (_QUOTED if quoted else _PLAIN).match(text, place)
        if found is None:
            line += _line_ends("".join(row))
            raise UserError(
                f"{path}, line {line}: a value that starts with a quote should end with one"
            )
        value, end = found.groups()
        row.append(value.replace('""', '"') if quoted else value.strip())
        place = found.end()
    return row, place


def _line_ends(text: str) -> int:
    return len(re.findall(r"\r\n|\n|\r", text))
