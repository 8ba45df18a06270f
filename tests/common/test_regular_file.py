"""Files that are read whole."""

import hashlib
from pathlib import Path

import pytest

from activity.common.interruption import LeftUnfinishedError
from activity.common.regular_file import hash_file


def test_a_file_is_hashed_until_the_run_is_interrupted(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(bytes(range(256)) * 2**13)
    asked = []
    digest = hash_file(path, lambda: asked.append(None))  # type: ignore[arg-type, func-returns-value]
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert len(asked) > 2
    left = iter([False, True])
    with pytest.raises(LeftUnfinishedError):
        hash_file(path, lambda: next(left))
