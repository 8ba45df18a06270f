"""Predictions are gathered frame by frame: what goes in comes out, from memory and from disk."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activity.common.errors import UserError
from activity.temporal import predictions as module
from activity.temporal.predictions import GatheredPredictions, gather_predictions
from tests.conftest import posix
from tests.predictions import FPS, THREE, predictions_of, random_raw

if os.name == "posix":
    import resource


def fill(gathered: GatheredPredictions, raw: np.ndarray, frames: int, stride: int = 1) -> None:
    for frame in range(frames):
        gathered.add(frame / FPS, 0.0, None if frame % stride else raw[frame // stride])


def test_what_stands_behind_the_probabilities_is_kept_apart(tmp_path: Path) -> None:
    raw = random_raw(5)
    rows = np.hstack([raw, np.arange(20, dtype=np.float32).reshape(5, 4)])
    with gather_predictions(tmp_path, THREE, stride=2) as gathered:
        fill(gathered, rows, 10, stride=2)
        known = gathered.predictions(lambda last: last + 0.5)
        np.testing.assert_array_equal(known.probabilities, raw)
        assert known.looks is not None
        np.testing.assert_array_equal(known.looks, rows[:, 3:])
        beginning = known.first(5)
        assert (len(beginning.probabilities), beginning.end) == (3, known.times[5])
        assert beginning.looks is not None
        np.testing.assert_array_equal(beginning.looks, rows[:3, 3:])
    assert predictions_of(raw).looks is None


@settings(deadline=None)
@given(st.integers(1, 50), st.integers(1, 9), st.booleans())
def test_what_is_added_comes_out(frames: int, stride: int, on_disk: bool) -> None:
    raw = random_raw(-(-frames // stride))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_ROWS_AT_ONCE", 4)
        patch.setattr(module, "_IN_MEMORY", 50 if on_disk else 10**6)
        with gather_predictions(Path(), THREE, stride) as gathered:
            fill(gathered, raw, frames, stride)
            known = gathered.predictions(lambda last: last + 0.5)
            assert known.frames == frames
            assert (known.stride, known.labels) == (stride, THREE)
            assert (known.times == np.arange(frames) / FPS).all()
            assert (known.probabilities == raw).all()
            assert known.probabilities.dtype == np.float32
            assert known.end == (frames - 1) / FPS + 0.5
            assert isinstance(known.probabilities, np.memmap) == (on_disk and len(raw) > 7)
            del known  # Windows keeps a mapped file


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 60))
def test_the_first_frames_end_where_the_next_begins(frames: int, stride: int, kept: int) -> None:
    whole = predictions_of(random_raw(-(-frames // stride)), stride=stride, frames=frames)
    some = whole.first(kept)
    assert some.frames == min(kept, frames)
    assert len(some.probabilities) == -(-some.frames // stride)
    assert some.end == pytest.approx(some.frames / FPS)
    assert (some.times == whole.times[:kept]).all()
    assert (some.probabilities == whole.probabilities[: len(some.probabilities)]).all()


def test_nothing_stays_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IN_MEMORY", 1000)

    def fail() -> None:
        with gather_predictions(tmp_path, THREE) as gathered:
            fill(gathered, random_raw(10_000), 10_000)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_IN_MEMORY", 1000)
    (tmp_path / "gone").write_text("a file in its place")
    with (
        pytest.raises(UserError, match=r"cannot keep a clip's predictions in .*gone"),
        gather_predictions(tmp_path / "gone", THREE) as gathered,
    ):
        fill(gathered, random_raw(5000), 5000)


@posix
@pytest.mark.parametrize("frames", [5000, 20_000])
def test_a_full_disk_is_one_clear_line(
    frames: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_IN_MEMORY", 1000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill_and_read() -> None:
        with gather_predictions(tmp_path, THREE) as gathered:
            resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
            try:
                fill(gathered, random_raw(frames), frames)
                gathered.predictions(lambda last: last)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    with pytest.raises(UserError, match="cannot keep a clip's predictions in"):
        fill_and_read()
    assert list(tmp_path.iterdir()) == []
