"""Read tables that people write or correct: CSV in UTF-8."""

import csv
from collections.abc import Iterator
from pathlib import Path

from activity.common.errors import UserError

_LARGEST_FILE = 2**26  # bytes: a million lines


def read_rows(path: Path, kind: str, header: str) -> Iterator[tuple[int, list[str]]]:
    """Read the rows of a table, with line numbers for messages. Empty lines are left out.

    A byte order mark and Windows line endings, which spreadsheets write, are accepted.

    Args:
        path: path of the file.
        kind: the kind of table, for messages, such as ``"table of segments"``.
        header: the expected header, for messages.

    Yields:
        (line number, unchanged cells), the header included.

    Raises:
        UserError: the file is missing, not a regular file, larger than any such table, not UTF-8,
            or not CSV.
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
