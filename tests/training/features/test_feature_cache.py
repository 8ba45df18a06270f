"""The feature cache: what was put comes back or is computed again; never anything else."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from activity.media.images import Image
from activity.training.features.views import FeatureCache, View
from tests.conftest import posix

DIGEST = "ab" * 32
FEATURES = np.arange(5, dtype=np.float32)


def cache_file(folder: Path) -> Path:
    (file,) = folder.glob("*.sqlite")
    return file


def view_of(digest: str, number: int) -> View:
    return View(Image("1.jpg", digest=digest), number)


def look_up(cache: FeatureCache, digest: str, view: int) -> np.ndarray | None:
    return next((features for _, features in cache.find([view_of(digest, view)])), None)


def filled(folder: Path) -> None:
    cache = FeatureCache(folder, "backbone")
    cache.put(view_of(DIGEST, 0), FEATURES)
    cache.close()


@given(features=arrays(np.float32, st.integers(1, 50)), view=st.integers(0, 9))
def test_what_was_put_comes_back_in_the_next_run(
    tmp_path_factory, features: np.ndarray, view: int
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    first = FeatureCache(folder, "backbone")
    first.put(view_of(DIGEST, view), features)
    first.close()
    again = FeatureCache(folder, "backbone")
    np.testing.assert_array_equal(look_up(again, DIGEST, view), features)
    again.close()


def test_another_photo_view_or_backbone_is_not_known(tmp_path: Path) -> None:
    filled(tmp_path)
    cache = FeatureCache(tmp_path, "backbone")
    assert look_up(cache, "cd" * 32, 0) is None
    assert look_up(cache, DIGEST, 1) is None
    assert look_up(FeatureCache(tmp_path, "other backbone"), DIGEST, 0) is None


def test_without_a_folder_nothing_is_kept_and_nothing_fails() -> None:
    cache = FeatureCache(None, "backbone")
    cache.put(view_of(DIGEST, 0), FEATURES)
    assert look_up(cache, DIGEST, 0) is None
    assert cache.problem is None


def test_a_damaged_entry_is_not_believed(tmp_path: Path) -> None:
    filled(tmp_path)
    with sqlite3.connect(cache_file(tmp_path)) as table:
        table.execute("UPDATE features SET features = zeroblob(20)")
    assert look_up(FeatureCache(tmp_path, "backbone"), DIGEST, 0) is None


def test_a_file_that_is_no_cache_is_started_anew(tmp_path: Path) -> None:
    filled(tmp_path)
    cache_file(tmp_path).write_bytes(b"garbage " * 1000)
    cache = FeatureCache(tmp_path, "backbone")
    assert look_up(cache, DIGEST, 0) is None
    cache.put(view_of(DIGEST, 0), FEATURES)
    cache.close()
    np.testing.assert_array_equal(look_up(FeatureCache(tmp_path, "backbone"), DIGEST, 0), FEATURES)


def test_a_file_damaged_in_the_middle_does_not_stop_the_run_and_the_next_starts_anew(
    tmp_path: Path,
) -> None:
    cache = FeatureCache(tmp_path, "backbone")
    for view in range(200):
        cache.put(view_of(DIGEST, view), np.full(1000, view, np.float32))
    cache.close()
    content = bytearray(cache_file(tmp_path).read_bytes())
    content[5000:-5000] = b"\xff" * (len(content) - 10_000)
    cache_file(tmp_path).write_bytes(content)
    damaged = FeatureCache(tmp_path, "backbone")
    assert all(look_up(damaged, DIGEST, view) is None for view in range(200))
    damaged.put(view_of(DIGEST, 0), FEATURES)
    damaged.close()
    filled(tmp_path)
    np.testing.assert_array_equal(look_up(FeatureCache(tmp_path, "backbone"), DIGEST, 0), FEATURES)


def test_a_folder_that_cannot_be_made_is_named_and_the_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = FeatureCache(tmp_path / "file" / "cache", "backbone")
    cache.put(view_of(DIGEST, 0), FEATURES)
    assert look_up(cache, DIGEST, 0) is None
    assert str(tmp_path / "file" / "cache") in cache.problem


def test_a_full_disk_is_named_and_the_run_goes_on(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, "backbone")
    # What SQLite meets on a full disk: no page more than there are.
    cache._table.execute("PRAGMA max_page_count = 10")
    for view in range(100):
        cache.put(view_of(DIGEST, view), np.zeros(1000, np.float32))
    assert "full" in cache.problem
    cache.close()
    after = FeatureCache(tmp_path, "backbone")
    assert after.problem is None
    np.testing.assert_array_equal(look_up(after, DIGEST, 0), np.zeros(1000, np.float32))


WRITER = """
import sys
from pathlib import Path
import numpy as np
from activity.media.images import Image
from activity.training.features.views import FeatureCache, View
folder, name, count = sys.argv[1:]
cache = FeatureCache(Path(folder), "backbone")
print("ready", flush=True)
for view in range(int(count)):
    cache.put(View(Image("1.jpg", digest=name), view), np.full(2048, view, np.float32))
assert cache.problem is None, cache.problem
"""


def writer(folder: Path, name: str, count: int) -> subprocess.Popen:
    command = [sys.executable, "-c", WRITER, str(folder), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def test_several_runs_share_the_cache(tmp_path: Path) -> None:
    runs = [writer(tmp_path, name, 200) for name in ("a", "b", "c")]
    assert [run.wait() for run in runs] == [0, 0, 0]
    cache = FeatureCache(tmp_path, "backbone")
    for name in ("a", "b", "c"):
        for view in range(200):
            np.testing.assert_array_equal(
                look_up(cache, name, view), np.full(2048, view, np.float32)
            )


@posix
def test_a_killed_run_leaves_a_cache_that_works_with_what_it_had(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for _ in range(5):
        run = writer(tmp_path, "a", 1_000_000)
        assert run.stdout.readline() == b"ready\n"
        time.sleep(random.uniform(0.05, 0.3))
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        cache = FeatureCache(tmp_path, "backbone")
        known = [look_up(cache, "a", view) for view in range(100)]
        assert cache.problem is None
        assert known[0] is not None
        for view, features in enumerate(known):
            if features is not None:
                np.testing.assert_array_equal(features, np.full(2048, view, np.float32))
        cache.close()
