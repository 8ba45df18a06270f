"""A table that labels photos and clips, instead of folders: ``path,label``, and ``split``."""

from pathlib import Path
from typing import NamedTuple

from activity.common.errors import UserError, shortened
from activity.common.tables import column_names, read_rows
from activity.training.parts import PARTS, Part

_COLUMNS = ("path", "label")
_SPLIT = "split"


class TableRow(NamedTuple):
    """A photo or clip of a table; ``part`` is None if the table does not split it."""

    path: str
    label: str
    part: Part | None


def is_photo_table(header: tuple[str, ...]) -> bool:
    """Tell by its column names whether a table labels photos."""
    return set(_COLUMNS) <= set(header)


def read_photo_table(path: Path) -> list[TableRow]:
    """Read a table of photos and clips; other columns than these three do no harm.

    Args:
        path: path of the table. Paths in it are relative to its folder, or absolute.

    Returns:
        A row for each photo or clip, in the table's order; one that comes twice, once.

    Raises:
        UserError: the file cannot be read or is no such table; a row lacks its path or label,
            names another part than train, validation and test, or says something else of a photo
            than an earlier one.
    """
    rows = read_rows(path, "table of photos", ",".join(_COLUMNS))
    number, first = next(rows, (1, []))
    header = column_names(first)
    if not is_photo_table(header):
        raise UserError(
            f"{path}, line {number}: the first line should name the columns path,label (and split, "
            f"if there is one), not {','.join(first)[:60]!r}"
        )
    read: dict[str, tuple[TableRow, int]] = {}
    for line, cells in rows:
        if len(cells) != len(header):
            raise UserError(f"{path}, line {line}: {len(cells)} values instead of {len(header)}")
        row = _row(path, line, dict(zip(header, cells, strict=True)))
        earlier, at = read.setdefault(row.path, (row, line))
        if earlier != row:
            raise UserError(
                f"{path}, line {line}: {row.path} is {described(row)} here and "
                f"{described(earlier)} in line {at}"
            )
    return [row for row, _ in read.values()]


def _row(path: Path, line: int, values: dict[str, str]) -> TableRow:
    name, label = (values[column] for column in _COLUMNS)
    for column, value in (("path", name), ("label", label)):
        if not value.strip() or "\0" in value:
            raise UserError(f"{path}, line {line}: it has no {column}")
    split = values.get(_SPLIT, "").strip()
    if split and split.lower() not in PARTS:
        raise UserError(
            f"{path}, line {line}: the split {split[:40]!r} is none of {shortened([*PARTS])}"
        )
    # A table from Windows names folders with the other slash.
    return TableRow(name.replace("\\", "/"), label, PARTS.get(split.lower()))


def described(row: TableRow) -> str:
    """Say for a message what a row says of its photo: ``tennis (test)``."""
    return row.label if row.part is None else f"{row.label} ({row.part})"
