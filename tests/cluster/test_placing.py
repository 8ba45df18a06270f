"""Paths of a run that hold on every host."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from activity.cluster.checks import absolute, for_hosts, on_host, placed
from activity.labelling.jobs import Job
from activity.labelling.outputs import Outputs
from activity.network.arguments import default_cache
from activity.network.engine import EngineOptions
from activity.temporal.judgement import Truth
from tests.conftest import ROOT, Trained

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links need no privilege on POSIX")


def test_relative_paths_lead_through_the_links_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "shared" / "out").mkdir(parents=True)
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "link").symlink_to(tmp_path / "shared")
    project = tmp_path / "project"
    assert absolute(Path("link/out/a.csv"), project) == tmp_path / "shared/out/a.csv"
    assert absolute(Path("../shared/out"), project) == tmp_path / "shared/out"
    # All machines know it by this path, and it may be another disk on each.
    assert absolute(project / "link" / "out", project) == project / "link" / "out"


def test_exports_are_kept_in_the_cache_of_each_host_unless_a_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = for_hosts(EngineOptions(cache_folder=default_cache()), tmp_path)
    named = for_hosts(EngineOptions(cache_folder=Path("cache")), tmp_path)
    none = for_hosts(EngineOptions(), tmp_path)
    monkeypatch.setattr("activity.cluster.checks.default_cache", lambda: Path("/home/other"))
    assert on_host(usual, 2) == EngineOptions(cache_folder=Path("/home/other"), cores=2)
    assert on_host(named, 2).cache_folder == tmp_path / "cache"
    assert on_host(none, 2).cache_folder is None


def test_all_paths_of_a_job_are_made_absolute(tmp_path: Path) -> None:
    job = Job("clip.avi", Outputs(csv=Path("tables/a.csv")), truth=Truth(Path("truth.csv"), []))
    there = placed(job, tmp_path)
    assert there.clip == str(tmp_path / "clip.avi")
    assert there.outputs == Outputs(csv=tmp_path / "tables" / "a.csv")
    assert there.truth == Truth(tmp_path / "truth.csv", [])
    stored = Job("s3://sports/clip.avi", Outputs())
    assert placed(stored, tmp_path).clip == stored.clip


def test_a_worker_uses_as_many_cores_as_it_was_promised(trained: Trained) -> None:
    code = """
import sys
from pathlib import Path
from activity.cluster.checks import prepare_check
from activity.cluster.clips import Worker
from activity.cluster.ray_cluster import ClusterOptions, cluster_joined
from activity.labelling.settings import Settings
from activity.network.classifier import Classifier
from activity.network.engine import EngineOptions
from activity.temporal.smoothing import SMOOTHINGS

def cores(*arguments):
    import cv2
    from activity.common.cores import usable_cores
    Worker(*arguments).open()
    return usable_cores(), cv2.getNumThreads()

model, label_bin, cache = map(Path, sys.argv[1:])
settings = Settings(smoothing=SMOOTHINGS["rolling"](8), options=EngineOptions(cache_folder=cache))
with prepare_check([]) as check, cluster_joined(ClusterOptions("local")):
    import ray
    arguments = check, Classifier.load(model, label_bin), settings, 5, Path.cwd()
    print(*ray.get(ray.remote(num_cpus=1)(cores).remote(*arguments)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, trained)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=100,
    )
    assert (done.returncode, done.stdout) == (0, "1 1\n"), done.stderr


def test_a_run_without_a_cluster_imports_none_of_it() -> None:
    code = (
        "import sys, predict_video, train\n"
        "sys.exit(any(name.startswith(('ray', 'activity.cluster')) for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=100)
    assert done.returncode == 0
