"""Output files: complete or not there, and what was there before is never lost."""

import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from activity.common import writing
from activity.common.errors import UserError
from activity.common.writing import check_apart, check_output, replace_when_complete
from tests.conftest import ROOT, posix


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


@pytest.fixture
def pair(tmp_path: Path) -> list[Path]:
    """A model and its labels from an earlier run."""
    paths = [tmp_path / "activity.model", tmp_path / "lb.pickle"]
    for path in paths:
        path.write_text("old")
    return paths


def write_new(paths: list[Path]) -> None:
    for path in paths:
        path.write_text("new")


def test_files_change_together_and_nothing_else_stays(pair: list[Path]) -> None:
    with replace_when_complete(*pair) as parts:
        write_new(parts)
        assert {path.read_text() for path in pair} == {"old"}
    assert contents(pair[0].parent) == {"activity.model": "new", "lb.pickle": "new"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failed_run_leaves_what_was_there(pair: list[Path], error: type[BaseException]) -> None:
    def fail() -> None:
        with replace_when_complete(*pair) as parts:
            write_new(parts)
            raise error

    with pytest.raises(error):
        fail()
    assert contents(pair[0].parent) == {"activity.model": "old", "lb.pickle": "old"}


@pytest.mark.parametrize("existed", [True, False])
def test_where_the_second_rename_fails_the_first_is_taken_back(
    pair: list[Path], existed: bool
) -> None:
    if not existed:
        pair[0].unlink()
    expected = {"activity.model": "old"} if existed else {}

    def fail() -> None:
        with replace_when_complete(*pair) as parts:
            write_new(parts)
            pair[1].unlink()
            pair[1].mkdir()

    with pytest.raises(UserError, match=r"cannot write .*unchanged"):
        fail()
    pair[1].rmdir()
    assert contents(pair[0].parent) == expected


def test_a_part_that_was_never_written_is_an_error(pair: list[Path]) -> None:
    with pytest.raises(UserError), replace_when_complete(*pair) as parts:
        parts[0].write_text("new")
    assert contents(pair[0].parent) == {"activity.model": "old", "lb.pickle": "old"}


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_between_the_renames_waits(
    pair: list[Path], number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The shell that runs the tests may have had them ignore Ctrl-C.
    before = {
        each: signal.signal(each, signal.default_int_handler)
        for each in (signal.SIGINT, signal.SIGTERM)
    }
    rename = Path.replace

    def interrupted_rename(self: Path, target: Path) -> Path:
        renamed = rename(self, target)
        os.kill(os.getpid(), number)
        return renamed

    monkeypatch.setattr(Path, "replace", interrupted_rename)
    try:
        with pytest.raises(KeyboardInterrupt), replace_when_complete(*pair) as parts:
            write_new(parts)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    assert contents(pair[0].parent) == {"activity.model": "new", "lb.pickle": "new"}


@posix
def test_a_link_is_followed_and_stays(pair: list[Path], tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(pair[0])
    with replace_when_complete(link) as (part,):
        part.write_text("new")
    assert link.is_symlink()
    assert pair[0].read_text() == "new"


@posix
def test_a_full_disk_leaves_what_was_there(pair: list[Path]) -> None:
    script = """
import resource, signal, sys
from pathlib import Path
from activity.common.script import run_script
from activity.common.writing import replace_when_complete
def main():
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with replace_when_complete(*map(Path, sys.argv[1:])) as parts:
        parts[0].write_bytes(bytes(1000))
        parts[1].write_bytes(bytes(9000))
run_script(main)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, pair)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "File too large" in done.stderr
    assert contents(pair[0].parent) == {"activity.model": "old", "lb.pickle": "old"}


def test_two_runs_at_once_each_write_a_whole_file(pair: list[Path]) -> None:
    with replace_when_complete(*pair) as first, replace_when_complete(*pair) as second:
        assert not set(first) & set(second)
        for part in first:
            part.write_text("first")
        for part in second:
            part.write_text("second")
    assert contents(pair[0].parent) == {"activity.model": "first", "lb.pickle": "first"}


def test_what_a_killed_run_leaves_is_hidden_and_named_a_part(pair: list[Path]) -> None:
    with replace_when_complete(*pair) as parts:
        for part, path in zip(parts, pair, strict=True):
            part.write_text("new")
            assert part.name.startswith(".")
            assert ".part" in part.name
            assert part.suffix == path.suffix
            assert part.parent == path.parent


@pytest.mark.parametrize("name", ["n" * 255, "网" * 85, "n." + "x" * 253, "\udcff.h5"])
def test_a_name_as_long_or_odd_as_allowed_is_written(name: str, tmp_path: Path) -> None:
    check_output(tmp_path / name, "the model")
    with replace_when_complete(tmp_path / name) as (part,):
        part.write_text("new")
    assert contents(tmp_path) == {name: "new"}


@posix
def test_an_output_that_is_a_folder_or_a_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot write the model to .*it is a folder"):
        check_output(tmp_path, "the model")
    # Replacing it by a file would break the whole machine.
    with pytest.raises(UserError, match="it is a device"):
        check_output(Path("/dev/null"), "the plot")
    assert not Path("/dev/null").is_file()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    for path in (tmp_path / "file/m.h5", Path("/proc/no/m.h5"), tmp_path / ("n" * 300)):
        with pytest.raises(UserError, match=r"cannot write the model to .*; give a file name"):
            check_output(path, "the model")
    assert contents(tmp_path) == {"file": "old"}


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="Permission denied"):
        check_output(tmp_path / "m.h5", "the model")


def test_checking_an_output_makes_its_folder_and_leaves_nothing(tmp_path: Path) -> None:
    check_output(tmp_path / "a/b/m.h5", "the model")
    assert list((tmp_path / "a/b").iterdir()) == []


@posix
def test_outputs_must_be_files_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photo.jpg").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    same = [Path("x"), tmp_path / "x", Path("./y/../x")]
    for first, second in pairwise(same):
        with pytest.raises(UserError, match="are one file"):
            check_apart([first, second])
    for spelling in (Path("photo.jpg"), tmp_path / "link", Path("y/../photo.jpg")):
        with pytest.raises(UserError, match="would overwrite"):
            check_apart([spelling], inputs=[tmp_path / "photo.jpg"])
    check_apart([Path("x"), Path("z")], inputs=[Path("photo.jpg")])
    (tmp_path / "second name").hardlink_to(tmp_path / "photo.jpg")
    with pytest.raises(UserError, match=r"second name would overwrite photo\.jpg, which is read"):
        check_apart([Path("x"), Path("second name")], inputs=[Path("none"), Path("photo.jpg")])


def test_keeping_works_where_the_file_system_has_no_links(
    pair: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(writing.os, "link", no_link)
    with replace_when_complete(*pair) as parts:
        write_new(parts)
    assert contents(pair[0].parent) == {"activity.model": "new", "lb.pickle": "new"}
