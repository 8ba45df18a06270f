"""Tables: whatever is written can be read, and what people write, too."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from activity.common.errors import UserError
from activity.common.tables import as_text, format_row, from_text, read_rows

# What ends a line for some reader or other, what quotes and separates, and what is spelled out.
LINE_ENDS = ["\n", "\r", "\r\n", "\u2028", "\u2029", "\x85", "\f", "\v", "\x1c", "\x1e"]
SPELLED_OUT = ["\\", "\\n", "\\udce9", "\\x5c", "\udce9"]
ODD = st.sampled_from(
    [*LINE_ENDS, *SPELLED_OUT, " ", "\t", "\xa0", '"', '""', ",", "\ufeff", "\0", "a", "ü"]
)
NAMES = st.lists(ODD | st.text(max_size=5), min_size=1, max_size=6).map("".join)


def rows_of(path: Path, content: str) -> list[tuple[int, list[str]]]:
    path.write_bytes(content.encode())
    return list(read_rows(path, "table", "a header"))


@given(st.lists(st.lists(NAMES.map(as_text), min_size=2, max_size=4), max_size=4))
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_is_written_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, end: str, rows: list[list[str]]
) -> None:
    rows = [["one", "other"], *rows]
    content = "".join(format_row(row) + end for row in rows)
    read = [row for _, row in rows_of(tmp_path_factory.getbasetemp() / "table.csv", content)]
    assert read == [row for row in rows if any(cell.strip() for cell in row)]
    # Other programs read it, too.
    assert list(csv.reader(io.StringIO(content, newline=""), strict=True)) == rows


@given(NAMES)
@example("\\udce9")
@example("\udce9")
@example("\\\udce9\\x5c\\x5cudce9")
def test_a_name_that_is_not_unicode_comes_back(name: str) -> None:
    assert from_text(as_text(name).encode().decode()) == name


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_editors_do(end: str, tmp_path: Path) -> None:
    lines = ['a,"b', 'c"', "", "d\x85, e\u2028f ,", '"g\u2029h",i', ",,", "j,k"]
    assert rows_of(tmp_path / "table.csv", end.join(lines)) == [
        (1, ["a", f"b{end}c"]),
        (4, ["d", "e\u2028f", ""]),
        (5, ["g\u2029h", "i"]),
        (7, ["j", "k"]),
    ]


@pytest.mark.parametrize("row", ['x,"open', 'x,"closed" here', '"two\nlines","open\n'])
def test_a_quote_that_is_not_closed_is_named_with_its_line(row: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    line = 2 + row.startswith('"two')
    with pytest.raises(UserError, match=f"line {line}: a value that starts with a quote"):
        rows_of(path, f"a,b\n{row}\n")
