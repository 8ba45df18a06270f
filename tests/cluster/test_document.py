"""docs/cluster.md: the commands that it has a person type."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, posix

TEXT = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
COMMANDS = [line.strip() for line in TEXT.splitlines() if line.startswith("    ")]


@posix
def test_the_token_is_never_printed_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: requirements-cluster.txt")
    search = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    make_token = [line for line in COMMANDS if "~/.ray" in line]
    done = subprocess.run(
        ["sh", "-ec", "umask 022\n" + "\n".join(make_token)],
        env=os.environ | {"HOME": str(tmp_path), "PATH": search},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    token = tmp_path / ".ray" / "auth_token"
    assert len(token.read_text()) >= 32
    assert token.read_text() not in done.stdout + done.stderr
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert stat.S_IMODE(token.parent.stat().st_mode) == 0o700


def test_a_host_whose_name_is_a_loopback_address_is_told_what_to_do() -> None:
    [paragraph] = [part for part in TEXT.split("\n- ") if "--node-ip-address=" in part]
    assert "127.0.1.1" in paragraph
