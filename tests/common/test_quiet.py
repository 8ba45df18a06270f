"""What native code writes to standard error is hidden, and what Python does is not."""

import subprocess
import sys

from tests.conftest import ROOT

CODE = """
import os, sys
from activity.common.quiet import hide_native_stderr

with hide_native_stderr():
    os.write(2, b"native\\n")
    print("python", file=sys.stderr)
os.write(2, b"native again\\n")
print("python again", file=sys.stderr)
"""


def test_native_code_alone_is_silenced_and_only_in_the_block() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 0
    assert done.stderr.splitlines() == ["python", "native again", "python again"]
