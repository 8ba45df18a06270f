"""Complete files that another process gives their names."""

from pathlib import Path

import pytest

from activity.common.errors import UserError
from activity.common.writing import (
    keep_temporary_names,
    publish,
    remove_unnamed,
    replace_when_complete,
)


def write(path: Path, text: str) -> None:
    with replace_when_complete(path) as (part,):
        part.write_text(text)


def test_files_have_no_names_of_their_own_until_they_are_published(tmp_path: Path) -> None:
    one, two = tmp_path / "one.csv", tmp_path / "two.json"
    one.write_text("earlier")
    with keep_temporary_names("token") as files:
        write(one, "1")
        write(two, "2")
    assert one.read_text() == "earlier"
    assert not two.exists()
    hidden = [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert len(hidden) == 2
    assert all("token" in name for name in hidden)
    publish(files)
    assert (one.read_text(), two.read_text()) == ("1", "2")
    write(two, "3")
    assert two.read_text() == "3"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "a.csv").write_text("earlier")
    link = tmp_path / "a.csv"
    try:
        link.symlink_to(tmp_path / "far" / "a.csv")
    except OSError:
        pytest.skip("links need a privilege here")
    with keep_temporary_names("token") as files:
        write(link, "1")
    publish(files)
    assert link.is_symlink()
    assert link.read_text() == "1"


def test_nothing_is_left_where_the_work_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), keep_temporary_names("token"):  # noqa: PT012
        write(tmp_path / "one.csv", "1")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_what_a_lost_process_has_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    with keep_temporary_names("lost"):
        write(tmp_path / "one.csv", "1")
    with keep_temporary_names("living"):
        write(tmp_path / "one.csv", "1")
    (tmp_path / "lost.csv").write_text("not hidden")
    remove_unnamed([tmp_path], ["lost"])
    left = sorted(path.name for path in tmp_path.iterdir())
    assert [name.startswith(".one.living") for name in left] == [True, False]
    remove_unnamed([tmp_path], [])
    assert len(list(tmp_path.iterdir())) == 2


def test_where_a_name_cannot_be_given_nothing_is_left_hidden(tmp_path: Path) -> None:
    one, two, three = (tmp_path / f"{name}.csv" for name in ("one", "two", "three"))
    with keep_temporary_names("token") as files:
        for path in (one, two, three):
            write(path, path.stem)
    two.mkdir()
    with pytest.raises(UserError, match=r"cannot write .*two\.csv: "):
        publish(files)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.csv", "two.csv"]
