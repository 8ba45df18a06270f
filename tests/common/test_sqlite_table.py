"""Tables kept from run to run, in folders that hosts may share."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from activity.common.sqlite_table import open_table
from tests.conftest import ROOT

COLUMNS = "number INTEGER PRIMARY KEY, content BLOB"

# Killed as soon as it has written, without closing anything.
WRITE_AND_DIE = """
import os, sys
from pathlib import Path
from activity.common.sqlite_table import open_table
table = open_table(Path(sys.argv[1]), sys.argv[2])
for number in range(50):
    table.execute("INSERT INTO rows VALUES (?, ?)", (number, bytes(5000)))
os._exit(9)
"""


def test_no_memory_is_shared_which_hosts_with_one_home_do_not_have(tmp_path: Path) -> None:
    with closing(open_table(tmp_path / "rows.sqlite", COLUMNS)) as table:
        table.execute("INSERT INTO rows VALUES (1, x'00')")
        with closing(open_table(tmp_path / "rows.sqlite", COLUMNS)) as other:
            assert other.execute("SELECT number FROM rows").fetchall() == [(1,)]
        files = {path.name for path in tmp_path.iterdir()}
    assert files <= {"rows.sqlite", "rows.sqlite-journal"}


def test_a_table_of_an_earlier_version_is_kept_without_its_shared_memory(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "rows.sqlite", isolation_level=None)) as earlier:
        earlier.execute("PRAGMA journal_mode = WAL")
        earlier.execute(f"CREATE TABLE rows ({COLUMNS})")
        earlier.execute("INSERT INTO rows VALUES (7, x'00')")
    with closing(open_table(tmp_path / "rows.sqlite", COLUMNS)) as table:
        assert table.execute("SELECT number FROM rows").fetchall() == [(7,)]
        table.execute("INSERT INTO rows VALUES (8, x'00')")
        assert not list(tmp_path.glob("*-shm"))


def test_a_killed_run_keeps_what_it_wrote(tmp_path: Path) -> None:
    path = tmp_path / "rows.sqlite"
    command = [sys.executable, "-c", WRITE_AND_DIE, str(path), COLUMNS]
    assert subprocess.run(command, cwd=ROOT, timeout=60).returncode == 9
    with closing(open_table(path, COLUMNS)) as table:
        assert table.execute("SELECT COUNT(*) FROM rows").fetchone() == (50,)
