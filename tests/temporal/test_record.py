"""The record of a clip: what was put in comes out, from disk, and nothing stays there."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activity.common.errors import UserError
from activity.temporal import record as record_module
from activity.temporal.record import Record, open_record
from tests.conftest import posix

if os.name == "posix":
    import resource

FPS = 25.0


def fill(record: Record, frames: int) -> list[tuple[float, np.ndarray | None]]:
    random = np.random.default_rng(0)
    added = []
    for frame in range(frames):
        raw = random.dirichlet([1] * record.labels).astype(np.float32)
        added.append((frame / FPS, None if frame % record.stride else raw))
        record.add(*added[-1])
    return added


@settings(deadline=None)
@given(st.integers(1, 50), st.integers(1, 9), st.data())
def test_any_stretch_comes_out_as_it_was_put_in(frames: int, stride: int, data) -> None:
    start = data.draw(st.integers(0, frames))
    stop = data.draw(st.integers(start, frames))
    with pytest.MonkeyPatch.context() as patch, open_record(Path(), 3, stride) as record:
        patch.setattr(record_module, "_READ_AT_ONCE", 4)
        added = fill(record, frames)
        assert record.frames == frames
        assert record.classified == -(-frames // stride)
        for (time, raw), (time_before, raw_before) in zip(
            record.read(start, stop), added[start:stop], strict=True
        ):
            assert time == time_before
            assert (raw is None) == (raw_before is None)
            assert raw is None or (raw == raw_before).all()
        rows = [row for row in (raw for _, raw in added) if row is not None]
        found = [row for some in record.predictions(1, len(rows)) for row in some]
        assert len(found) == max(0, len(rows) - 1)
        assert all((a == b).all() for a, b in zip(found, rows[1:], strict=True))


def test_nothing_stays_on_disk(tmp_path: Path) -> None:
    def fail() -> None:
        with open_record(tmp_path, 3) as record:
            fill(record, 10_000)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "gone").write_text("a file in its place")
    with (
        pytest.raises(UserError, match=r"cannot keep a clip's predictions in .*gone"),
        open_record(tmp_path / "gone", 3),
    ):
        pass


@posix
@pytest.mark.parametrize("frames", [100, 20_000])
def test_a_full_disk_is_one_clear_line(frames: int, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill_and_read() -> None:
        with open_record(tmp_path, 3) as record:
            resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
            try:
                fill(record, frames)
                list(record.read())
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    with pytest.raises(UserError, match="cannot keep a clip's predictions in"):
        fill_and_read()
    assert list(tmp_path.iterdir()) == []
