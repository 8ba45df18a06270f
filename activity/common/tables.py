"""Tables that a person writes or corrects: CSV in UTF-8, read line by line."""

import csv
from collections.abc import Iterator
from pathlib import Path

from activity.common.errors import UserError

_LARGEST_FILE = 2**26  # bytes: a million lines


def read_rows(path: Path, kind: str, header: str) -> Iterator[tuple[int, list[str]]]:
    """Read a table; lines without any value are left out.

    A byte order mark, and Windows' line ends, are what spreadsheets write, and do no harm.

    Args:
        path: path of the file.
        kind: kind of table that is expected, for messages: ``"table of segments"``.
        header: that is expected, for messages.

    Yields:
        (number of the line, its values as they are).

    Raises:
        UserError: it is missing, not a regular file, larger than any such table, not UTF-8, or not
            CSV.
    """
    try:
        if not path.is_file():
            raise UserError(f"no {kind} at {path}: give a file with {header}")
        if path.stat().st_size > _LARGEST_FILE:
            raise UserError(f"{path} is too large to be a {kind}")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8: save it again as CSV in UTF-8") from error
    rows = csv.reader(text.splitlines(), strict=True)
    try:
        for row in rows:
            if any(cell.strip() for cell in row):
                yield rows.line_num, row
    except csv.Error as error:
        raise UserError(f"{path}, line {rows.line_num}: {error}") from error


def column_names(row: list[str]) -> tuple[str, ...]:
    """Return the names of columns in a header, without spaces around them and in lower case."""
    return tuple(cell.strip().lower() for cell in row)


def header_of(path: Path) -> tuple[str, ...]:
    """Return the column names of a table: one without a name if it is empty, none if unreadable."""
    try:
        return column_names(next(read_rows(path, "table", "a header"), (1, [""]))[1])
    except UserError:
        return ()
