"""Names in messages."""

import pytest

from activity.common.errors import printable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("网球 'x' \"y\"", "网球 'x' \"y\""),
        ("two\nlines\ttab", r"two\nlines\ttab"),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("\udcff", r"\udcff"),
        ("a\u202eb\u2028c", r"a\u202eb\u2028c"),
    ],
)
def test_names_are_spelled_out_where_they_would_break_a_line(text: str, expected: str) -> None:
    assert printable(text) == expected
