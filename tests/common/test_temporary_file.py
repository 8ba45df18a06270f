"""Temporary files: in the folder asked for, and gone however the block ends."""

from pathlib import Path

import pytest

from activity.common.errors import UserError
from activity.common.writing import temporary_file


@pytest.mark.parametrize("nested", ["", "new/folder"])
def test_what_is_written_can_be_read_and_nothing_stays(nested: str, tmp_path: Path) -> None:
    with temporary_file(tmp_path / nested, "the features") as file:
        file.write(b"some")
        file.seek(0)
        assert file.read() == b"some"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_nothing_stays_after_an_error(tmp_path: Path) -> None:
    def fail() -> None:
        with temporary_file(tmp_path, "the features") as file:
            file.write(b"some")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_used_is_one_clear_line_with_advice(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(UserError, match=r"cannot keep the features in .*file: .*; give --cache X$"),
        temporary_file(tmp_path / "file", "the features", "give --cache X"),
    ):
        pass
