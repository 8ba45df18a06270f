"""Clips labelled on a Ray cluster of several nodes, all of them on this machine."""

import csv
import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from activity.cluster import workers
from activity.cluster.clips import label_on_cluster
from activity.cluster.long_clips import ClipToCut, plan
from activity.cluster.ray_cluster import ClusterOptions, cluster_joined
from activity.common.errors import UserError
from activity.labelling.jobs import Job, Settings
from activity.labelling.label_clip import Outcomes, label_clip
from activity.labelling.outputs import Outputs
from activity.labelling.planning import plan_jobs
from activity.labelling.results import Outcome
from activity.media.clip import VideoSource
from activity.media.cutting import cut
from activity.media.region import parse_region
from activity.network.classifier import Classifier, OpenClassifier
from activity.network.engine import EngineOptions
from activity.temporal.smoothing import Rolling
from tests.clips import write_pictures
from tests.cluster.test_stretches import copy_packets, mark_as_keys, pictures
from tests.conftest import ROOT, RunMain, RunScript, Trained, write_clip
from tests.labelling.test_label_clip import job_of

# Ray reads them when it is imported.
os.environ |= {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "a token of the tests, long enough for Ray",
    "RAY_USAGE_STATS_ENABLED": "0",
}
ray = pytest.importorskip("ray", reason="Ray is not installed: requirements-cluster.txt")
if os.name != "posix":
    pytest.skip("Ray's test clusters need POSIX", allow_module_level=True)

from ray.cluster_utils import Cluster  # noqa: E402 - only where Ray is installed

# The workers cannot import this module: they are sent what of it they need.
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])

LABELS = ["blue", "green", "red"]
SETTINGS = Settings(Rolling(1), options=EngineOptions("openvino"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of one core each; whoever has not the token stays out."""
    nodes = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    nodes.add_node(num_cpus=1)
    nodes.wait_for_nodes()
    yield nodes
    nodes.shutdown()


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    """Six clips, and a table to write of each."""
    written = []
    for number in range(6):
        (tmp_path / f"{number}").mkdir()
        clip = write_clip(tmp_path / f"{number}.avi", [LABELS[number % 3]] * 30)
        written.append(job_of(clip, tmp_path / f"{number}", "csv", keep_unfinished=False))
    return written


@dataclass(frozen=True)
class Opened(Classifier):
    """A classifier that a function opens, on the worker."""

    engine: Callable[[], Any] = lambda: None

    def open(self, options: EngineOptions, frames: int | None = None) -> OpenClassifier:
        return OpenClassifier(self, self.engine())


def opened(engine: Callable[[], Any]) -> Opened:
    files = (Path("activity.model"), Path("lb.pickle"), "0" * 64)
    return Opened(*files, tuple(LABELS), engine=engine)


def by_colour(meddle: Callable[[np.ndarray], None]) -> Opened:
    """A classifier by the colour of a frame, which does something to its worker before."""

    def classify(stream: Any) -> Iterator[tuple[Any, np.ndarray]]:
        for tag, pixels in stream:
            means = pixels.reshape(-1, 3).mean(axis=0, dtype=np.float32)[::-1]
            meddle(means)
            yield tag, means / means.sum()

    return opened(lambda: classify)


def outcomes_of(cluster: Any, jobs: list[Job], classifier: Classifier) -> Outcomes:
    joined = ClusterOptions(cluster.address)
    return label_on_cluster(joined, jobs, classifier, SETTINGS, None, lambda: False)


def label_all(
    cluster: Any,
    jobs: list[Job],
    meddle: Callable[[np.ndarray], None],
    on_result: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    outcomes = {}
    for job, outcome in outcomes_of(cluster, jobs, by_colour(meddle)):
        assert job.clip not in outcomes
        outcomes[job.clip] = outcome
        on_result()
    return outcomes


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def same_numbers(one: object, other: object) -> bool:
    """Compare what JSON or CSV holds, numbers to 1e-6."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_numbers(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_numbers, one, other))
    try:
        return float(one) == pytest.approx(float(other), abs=1e-6)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return one == other


def flags_of(trained: Trained, clips: Path) -> list[object]:
    files = ["--model", trained.model, "--label-bin", trained.label_bin, "--cache", trained.cache]
    return [*files, "--display", "off", "--input", clips]


def assert_same_frames(one: Path, other: Path) -> None:
    """libx264 does not give the same bytes in each run, even of the same frames in one thread."""
    pairs = zip(VideoSource(one).frames(), VideoSource(other).frames(), strict=True)
    for mine, theirs in pairs:
        assert mine.seconds == theirs.seconds
        assert cv2.PSNR(mine.pixels, theirs.pixels) > 34, one


def test_a_cluster_gives_what_a_plain_run_gives(
    cluster: Any, trained: Trained, tmp_path: Path, run_script: RunScript
) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    for number, colours in enumerate((["red"], ["green", "blue"], ["blue", "red", "green"])):
        write_clip(clips / f"{number}.mp4", [c for c in colours for _ in range(40)])
    (clips / "no clip.mp4").write_text("no clip")
    truth = tmp_path / "truth.csv"
    truth.write_text("clip,start,end,label\nclips/1.mp4,0,1,green\nclips/2.mp4,0,2,blue\n")

    def run(*more: object) -> tuple[int, list[str], list[str], Path]:
        folder = tmp_path / f"results{len(more)}"
        results = [
            ("output", "o"),
            ("csv", "c"),
            ("json", "j"),
            ("timeline", "t"),
            ("segments", "s"),
            ("review", "r"),
        ]
        named = [word for flag, name in results for word in (f"--{flag}", folder / name)]
        ways = ["--smoothing", "viterbi", "--size", 16, "--unknown", "--bars"]
        ways += ["--truth", os.path.relpath(truth, ROOT)]
        done = run_script("predict_video.py", *flags_of(trained, clips), *named, *ways, *more)
        printed = (text.replace(str(folder), "results") for text in (done.stdout, done.stderr))
        return done.returncode, *(text.splitlines() for text in printed), folder

    code, printed, complained, plain = run()
    assert code == 2
    assert "1 of 4 clips failed" in complained[-1]
    there = run("--cluster", cluster.address)
    assert there[0] == code
    # Clips are told of in the order in which they are done; the table has them in their own.
    assert sorted(there[1]) == sorted(printed)
    assert there[1][-5:] == printed[-5:]
    assert re.sub(r" \(on [^)]*\)\)", "", there[2][0]) == complained[0]
    assert there[2][1:] == complained[1:]
    files = sorted(path.relative_to(plain) for path in plain.rglob("*") if path.is_file())
    assert len(files) == 15 + 3 + 3 + 1  # of the page: data, copies (of MPEG-4 part 2), itself
    spread = there[3]
    assert files == sorted(path.relative_to(spread) for path in spread.rglob("*") if path.is_file())
    for file in files:
        one, other = plain / file, spread / file
        if file.suffix == ".csv":
            assert same_numbers(rows_of(one), rows_of(other)), file
        elif file.suffix == ".json":
            assert same_numbers(json.loads(one.read_text()), json.loads(other.read_text())), file
        elif file.suffix == ".mp4":
            assert_same_frames(one, other)
        elif file.suffix not in (".js", ".html"):  # these hold numbers that may differ a little
            assert one.read_bytes() == other.read_bytes(), file


def test_a_worker_that_dies_loses_no_clip_and_one_that_crashes_it_is_tried_twice(
    cluster: Any, jobs: list[Job], tmp_path: Path
) -> None:
    tries, killed = tmp_path / "tries", tmp_path / "killed"

    def die(means: np.ndarray) -> None:
        if means.argmax() == 0:  # blue: the first clip
            with tries.open("a") as file:
                file.write(f"{os.getpid()}\n")
            os.abort()  # as a native library does
        if means.argmax() == 1 and not killed.exists():  # green: either the second or the last
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    del jobs[3]
    outcomes = label_all(cluster, jobs, die)
    assert killed.exists()
    workers = tries.read_text().split()
    assert len(workers) == len(set(workers)) == 2
    failed = outcomes.pop(jobs[0].clip)
    assert isinstance(failed, UserError)
    assert re.search(r"cannot label .*0\.avi: each of the two workers that tried died", str(failed))
    tables = [job.outputs.csv for job in jobs if job.outputs.csv]
    assert [table.exists() for table in tables] == [False, True, True, True, True]
    assert all(len(rows_of(job.outputs.csv)) == 31 for job in jobs[1:] if job.outputs.csv)
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()], "of the workers that died"
    labels = [outcomes[job.clip].summary.label for job in jobs[1:]]
    assert labels == ["green", "red", "green", "red"]


def test_a_clip_that_takes_all_memory_is_tried_twice_and_the_others_are_done(
    cluster: Any, jobs: list[Job], tmp_path: Path
) -> None:
    tries = tmp_path / "tries"

    def take_all(means: np.ndarray) -> None:
        if means.argmax() == 0:
            with tries.open("a") as file:
                file.write(f"{os.getpid()}\n")
            bytearray(2**60)

    outcomes = label_all(cluster, jobs[:3], take_all)
    assert len(set(tries.read_text().split())) == 2
    assert "out of memory" in str(outcomes.pop(jobs[0].clip))
    assert {outcome.summary.label for outcome in outcomes.values()} == {"green", "red"}


def test_what_an_object_store_refuses_a_worker_is_one_line(cluster: Any, jobs: list[Job]) -> None:
    pytest.importorskip("botocore", reason="requirements-cluster.txt is not installed")

    def refuse(means: np.ndarray) -> None:
        from botocore.exceptions import NoCredentialsError

        raise NoCredentialsError

    outcomes = label_all(cluster, jobs[:1], refuse)
    failed = str(outcomes[jobs[0].clip])
    assert failed.startswith("the object store: Unable to locate credentials")
    assert "\n" not in failed


def test_what_the_system_refuses_a_worker_is_one_line_and_the_others_are_done(
    cluster: Any, jobs: list[Job]
) -> None:
    def refuse(means: np.ndarray) -> None:
        if means.argmax() == 0:
            raise OSError(errno.EIO, "Input/output error")

    # An error of a file that is being written is told of as one.
    judged_only = [replace(job, outputs=Outputs()) for job in jobs[:3]]
    outcomes = label_all(cluster, judged_only, refuse)
    failed = str(outcomes.pop(jobs[0].clip))
    assert failed.startswith(f"cannot reach {jobs[0].clip}: Input/output error")
    assert {outcome.summary.label for outcome in outcomes.values()} == {"green", "red"}


def test_a_bug_in_a_worker_keeps_its_traceback(cluster: Any, jobs: list[Job]) -> None:
    def bug(means: np.ndarray) -> None:
        raise ZeroDivisionError("here")

    with pytest.raises(ray.exceptions.RayTaskError, match="in bug"):
        label_all(cluster, jobs, bug)


def test_a_model_that_cannot_be_opened_ends_the_run(cluster: Any, jobs: list[Job]) -> None:
    def refuse() -> Any:
        raise UserError("cannot read the model m: it is damaged")

    outcomes = label_on_cluster(
        ClusterOptions(cluster.address), jobs, opened(refuse), SETTINGS, None, lambda: False
    )
    with pytest.raises(UserError, match="it is damaged"):
        list(outcomes)


def test_workers_that_never_live_to_open_the_model_end_the_run(
    cluster: Any, jobs: list[Job]
) -> None:
    def die() -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    outcomes = label_on_cluster(
        ClusterOptions(cluster.address), jobs[:1], opened(die), SETTINGS, None, lambda: False
    )
    with pytest.raises(UserError, match="die before they have opened the model"):
        list(outcomes)


def test_a_node_with_another_version_is_not_used(
    cluster: Any, jobs: list[Job], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "site" / "av-1.0.dist-info" / "METADATA"
    other.parent.mkdir(parents=True)
    other.write_text("Metadata-Version: 2.1\nName: av\nVersion: 1.0\n")
    used = tmp_path / "used"

    def tell(means: np.ndarray) -> None:
        if str(tmp_path) in os.environ.get("PYTHONPATH", ""):
            used.touch()
        time.sleep(0.05)

    node = cluster.add_node(num_cpus=1, env_vars={"PYTHONPATH": str(tmp_path / "site")})
    try:
        outcomes = label_all(cluster, jobs, tell)
    finally:
        cluster.remove_node(node)
    assert re.search(
        r"is not used: it has av 1\.0, and the machine .* \d+", capsys.readouterr().out
    )
    assert [outcomes[job.clip].summary.label for job in jobs] == LABELS * 2
    assert not used.exists()


@pytest.mark.parametrize(
    ("address", "token", "complaint"),
    [
        (None, "another token than that of the cluster", "cannot join the cluster"),
        ("127.0.0.1:9", "whatever", "cannot join the cluster 127.0.0.1:9"),
    ],
)
def test_a_cluster_that_cannot_be_joined_is_an_error(
    address: str | None,
    token: str,
    complaint: str,
    cluster: Any,
    trained: Trained,
    jobs: list[Job],
    tmp_path: Path,
    run_script: RunScript,
) -> None:
    done = run_script(
        "predict_video.py",
        *flags_of(trained, Path(jobs[0].clip)),
        *("--csv", tmp_path / "out.csv", "--cluster", address or cluster.address),
        env=os.environ | {"RAY_AUTH_TOKEN": token},
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert complaint in done.stderr
    assert not (tmp_path / "out.csv").exists()


def test_a_clip_on_a_node_that_is_removed_is_labelled_elsewhere(
    cluster: Any, jobs: list[Job], tmp_path: Path
) -> None:
    node = cluster.add_node(num_cpus=1, env_vars={"ON_THE_NODE": "1"})
    reached, removed = tmp_path / "reached", []

    def wait_there(means: np.ndarray) -> None:
        if "ON_THE_NODE" in os.environ:
            reached.touch()
            time.sleep(60)
        elif not reached.exists():
            time.sleep(0.05)

    def remove() -> None:
        if reached.exists() and not removed:
            cluster.remove_node(node, allow_graceful=False)
            removed.append(node)

    outcomes = label_all(cluster, jobs, wait_there, on_result=remove)
    assert removed
    assert [outcomes[job.clip].summary.label for job in jobs] == LABELS * 2


_HOLD = """
import sys, ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
ray.init(sys.argv[1], log_to_driver=False, logging_level="error")
there = NodeAffinitySchedulingStrategy(sys.argv[2], soft=False)
held = ray.remote(num_cpus=1)(type("Held", (), {})).options(scheduling_strategy=there).remote()
ray.get(held.__ray_ready__.remote())
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(cluster: Any, *nodes: Any) -> Iterator[Callable[[], None]]:
    """Have others use a core of each node, until the block ends or the function is called."""
    others = [
        subprocess.Popen(
            [sys.executable, "-c", _HOLD, cluster.address, node.node_id],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for node in nodes
    ]

    def release() -> None:
        for other in others:
            other.communicate()

    try:
        for other in others:
            assert other.stdout is not None
            # Ray may say something of hosts of earlier tests before.
            assert "held\n" in iter(other.stdout.readline, "")
        yield release
    finally:
        for other in others:
            if other.poll() is None:
                other.communicate()


def in_two_minutes() -> Callable[[], bool]:
    """Tell when it is time to end a run that would wait for ever."""
    end = time.monotonic() + 120
    return lambda: time.monotonic() > end


@pytest.mark.parametrize("busy", [0, 1])
def test_a_clip_does_not_wait_for_a_machine_that_others_use(
    busy: int, cluster: Any, jobs: list[Job]
) -> None:
    """Either of the two: the one that is asked first is among them."""
    classifier = by_colour(lambda _: None)
    address = ClusterOptions(cluster.address)
    with held(cluster, cluster.list_all_nodes()[busy]):
        [(_, outcome)] = label_on_cluster(
            address, jobs[:1], classifier, SETTINGS, None, in_two_minutes()
        )
    assert outcome is not None
    assert not isinstance(outcome, UserError)
    assert outcome.summary.label == LABELS[0]


def test_a_clip_that_failed_does_not_wait_for_a_machine_that_others_use(
    cluster: Any, jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_NO_ROOM_SECONDS", 2)
    os.truncate(jobs[0].clip, 100)
    classifier = by_colour(lambda _: None)
    address = ClusterOptions(cluster.address)
    with held(cluster, cluster.list_all_nodes()[1]):
        outcomes = dict(
            label_on_cluster(address, jobs[:2], classifier, SETTINGS, None, in_two_minutes())
        )
    assert isinstance(outcomes[jobs[0]], UserError)
    assert outcomes[jobs[1]] is not None
    assert not isinstance(outcomes[jobs[1]], UserError)


def test_a_run_that_finds_no_free_cores_says_so_and_waits(
    cluster: Any,
    jobs: list[Job],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(workers, "_NO_ROOM_SECONDS", 2)
    too_long = in_two_minutes()
    said = ""
    with held(cluster, *cluster.list_all_nodes()) as release:

        def interrupted() -> bool:
            nonlocal said
            if not said and (said := capsys.readouterr().out):
                release()
            return too_long()

        address = ClusterOptions(cluster.address)
        outcomes = dict(
            label_on_cluster(address, jobs, by_colour(lambda _: None), SETTINGS, None, interrupted)
        )
    assert said == "[INFO] no machine of the cluster has free cores: waiting for some\n"
    assert [outcome.summary.label for outcome in outcomes.values() if isinstance(outcome, Outcome)]
    assert len(outcomes) == 6


def test_a_machine_whose_gpu_others_use_is_not_waited_for(cluster: Any, jobs: list[Job]) -> None:
    settings = replace(SETTINGS, options=EngineOptions("auto"))
    node = cluster.add_node(num_cpus=1, num_gpus=1)
    try:
        with held(cluster, node):
            outcomes = dict(
                label_on_cluster(
                    ClusterOptions(cluster.address),
                    jobs[:1],
                    by_colour(lambda _: None),
                    settings,
                    None,
                    in_two_minutes(),
                )
            )
    finally:
        cluster.remove_node(node)
    assert isinstance(outcomes[jobs[0]], Outcome)


def test_each_machine_is_asked_for_what_it_has(cluster: Any) -> None:
    """The one with few cores, and the one without a GPU, are not left idle."""
    nodes = [cluster.add_node(num_cpus=5), cluster.add_node(num_cpus=1, num_gpus=1)]
    try:
        with cluster_joined(ClusterOptions(cluster.address)):
            hosts = workers.find_hosts(gpu=True)
    finally:
        for node in nodes:
            cluster.remove_node(node)
    found = sorted((sorted(host.asks.items()), host.room) for host in hosts)
    assert found == [
        ([("num_cpus", 1)], 1),
        ([("num_cpus", 1)], 1),
        ([("num_cpus", 1), ("num_gpus", 1)], 1),
        ([("num_cpus", 2)], 2),
    ]


def test_a_long_clip_is_not_read_by_the_machine_that_starts_the_run(
    cluster: Any, tmp_path: Path
) -> None:
    """It would have to be, before the first worker could begin."""
    import psutil

    noise = np.random.default_rng(0).integers(0, 256, (120, 480, 640, 3), np.uint8)
    clip = write_pictures(tmp_path / "long.mkv", list(noise), "ffv1")
    size = clip.stat().st_size
    long = job_of(clip, tmp_path, "csv")
    before = psutil.Process().io_counters().read_chars
    outcomes = dict(outcomes_of(cluster, [long], by_colour(lambda _: None)))
    read = psutil.Process().io_counters().read_chars - before
    assert isinstance(outcomes[long], Outcome)
    assert size > 5e7
    assert read < size / 2


@pytest.mark.parametrize("broken", ["folder", "table"])
def test_a_cache_that_cannot_be_used_ends_a_training_with_a_cluster_at_once(
    broken: str, cluster: Any, photo_folders: Path, tmp_path: Path, run_train: RunMain
) -> None:
    """This machine would compute all features again."""
    cache = tmp_path / "cache"
    if broken == "folder":
        cache.write_text("")
    else:
        (cache / "features.sqlite").mkdir(parents=True)
    files = ["-m", tmp_path / "a.model", "-l", tmp_path / "lb.pickle", "-p", tmp_path / "plot.png"]
    ways = ["--labels", "all", "--backbone", "efficientnet-lite0", "--epochs", 1, "--views", 1]
    there = ["--cache", cache, "--cluster", cluster.address]
    with pytest.raises(UserError, match="choose another folder with --cache"):
        run_train("--dataset", photo_folders, *files, *ways, *there)
    assert not (tmp_path / "a.model").exists()


def test_features_of_a_cluster_are_those_of_this_machine(
    cluster: Any,
    photo_folders: Path,
    tmp_path: Path,
    run_train: RunMain,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(name: str, *more: object) -> tuple[str, dict[str, Any]]:
        folder = tmp_path / name
        files = ["-m", folder / "a.model", "-l", folder / "lb.pickle", "-p", folder / "plot.png"]
        files += ["--cache", folder / "cache", "--report", folder / "report.json"]
        ways = ["--labels", "all", "--backbone", "efficientnet-lite0", "--epochs", 2, "--views", 1]
        printed = run_train("--dataset", photo_folders, *files, *ways, *more)
        report = json.loads((folder / "report.json").read_text())
        del report["settings"]
        # Ray has its own word of machines that left the cluster earlier.
        ours = [line for line in printed.splitlines() if "raylet" not in line]
        return "\n".join(ours).replace(str(folder), "results"), report

    def compute_here(*_: object, **__: object) -> None:
        raise AssertionError("this machine has nothing left to compute")

    printed, report = run("plain")
    monkeypatch.setattr("activity.training.features.views.open_engine", compute_here)
    printed_there, report_there = run("cluster", "--cluster", cluster.address)
    assert printed_there == printed
    assert same_numbers(report, report_there)
    with pytest.raises(UserError, match="leave out --cache off"):
        run("off", "--cluster", cluster.address, "--cache", "off")


def named(processes: list[Any]) -> dict[str, Any]:
    """Processes by name, but for those that have ended: Ray ends workers it has no use for."""
    import psutil

    found = {}
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            found[process.name()] = process
    return found


def folder_of_ray(raylet: Any) -> Path:
    """The folder around the one in which a cluster keeps its sockets, its logs and code."""
    [session] = [word for word in raylet.cmdline() if word.startswith("--session_dir=")]
    return Path(session.partition("=")[2]).parent.parent


def test_a_local_cluster_is_for_itself_and_ends_with_ctrl_c(
    trained: Trained, tmp_path: Path
) -> None:
    """It listens on the loopback address only, and has a folder of its own; interrupted, it leaves
    whole files and nothing else.

    A Ctrl-C of the terminal reaches all processes of the group, those of Ray, too.
    """
    import psutil  # type: ignore[import-untyped]

    clips, output = tmp_path / "clips", tmp_path / "output"
    clips.mkdir()
    write_clip(clips / "00.mp4", ["red"] * 20)
    write_clip(clips / "01.mp4", ["red"] * 5000)
    for number in range(2, 20):
        shutil.copyfile(clips / "01.mp4", clips / f"{number:02}.mp4")
    command = [sys.executable, ROOT / "predict_video.py", *flags_of(trained, clips)]
    process = subprocess.Popen(
        [*map(str, command), "--output", str(output), "--cluster", "local"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    assert "00.mp4: red" in process.stdout.readline()
    started = psutil.Process(process.pid).children(recursive=True)
    parts = named(started)
    assert {"gcs_server", "raylet"} <= parts.keys()
    addresses = set()
    for child in [psutil.Process(process.pid), *started]:
        with suppress(psutil.NoSuchProcess):
            sockets = child.net_connections("inet")
            addresses |= {s.laddr.ip for s in sockets if s.status == psutil.CONN_LISTEN}
    assert addresses
    assert addresses <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    folder = folder_of_ray(parts["raylet"])
    assert folder.stat().st_mode & 0o777 == 0o700
    os.killpg(process.pid, signal.SIGINT)
    printed, complained = process.communicate(timeout=60)
    assert not folder.exists()
    assert process.returncode == 130, complained
    assert complained == "interrupted\n"
    assert "left unfinished: nothing of it is kept" in printed
    _, alive = psutil.wait_procs(started, timeout=10)
    assert not alive
    left = sorted(path.name for path in output.iterdir())
    assert left == [f"{number:02}.mp4" for number in range(len(left))]
    assert 1 <= len(left) < 20


def test_a_long_clip_is_shared_and_a_worker_that_dies_loses_one_stretch(
    cluster: Any, tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / "long.mp4", [LABELS[number // 500] for number in range(1500)])
    workers = tmp_path / "workers"
    workers.mkdir()

    def share_and_die_once(means: np.ndarray) -> None:
        with (workers / str(os.getpid())).open("a") as file:
            file.write(".")
        while len(list(workers.iterdir())) < 2:
            time.sleep(0.05)
        with suppress(FileExistsError):
            if means.argmax() == 1:
                (tmp_path / "killed").touch(exist_ok=False)
                os.kill(os.getpid(), signal.SIGKILL)

    job = job_of(clip, tmp_path, "csv", "mp4")
    outcome = label_all(cluster, [job], share_and_die_once)[job.clip]
    assert (tmp_path / "killed").exists()
    assert outcome.summary.frames == 1500
    classified = sum(len(path.read_text()) for path in workers.iterdir())
    assert 1500 < classified < 1500 + 300, "more than a stretch was lost"
    (tmp_path / "plain").mkdir()
    plain = job_of(clip, tmp_path / "plain", "csv", "mp4")
    label_clip([plain], by_colour(lambda _: None).open(SETTINGS.options), SETTINGS)
    for path, other in zip(job.outputs.paths, plain.outputs.paths, strict=True):
        if path.suffix == ".mp4":
            assert_same_frames(path, other)
        else:
            assert path.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("frames", [60, 1500])
def test_regions_of_a_clip_are_those_of_this_machine(
    frames: int, cluster: Any, tmp_path: Path
) -> None:
    """Also of a clip that is cut into stretches."""
    colours = [LABELS[number * 3 // frames] for number in range(frames)]
    clip = write_clip(tmp_path / "match.mp4", colours)
    regions = [parse_region("left=0,0,0.5,1"), parse_region("right=80,20,80,100")]
    for where in ("there", "here"):
        (tmp_path / where).mkdir()
    jobs, plain = (
        plan_jobs(
            [str(clip)],
            Outputs(video=folder / "match.mp4", csv=folder / "match.csv"),
            regions=regions,
        )
        for folder in (tmp_path / "there", tmp_path / "here")
    )
    found = dict(outcomes_of(cluster, jobs, by_colour(lambda _: None)))
    assert [found[job].summary.frames for job in jobs] == [frames] * 2
    label_clip(plain, by_colour(lambda _: None).open(SETTINGS.options), SETTINGS)
    for job, other in zip(jobs, plain, strict=True):
        assert job.outputs.csv.read_bytes() == other.outputs.csv.read_bytes()
        assert_same_frames(job.outputs.video, other.outputs.video)


def test_a_long_clip_whose_stretches_do_not_fit_together_is_labelled_as_a_whole(
    cluster: Any, tmp_path: Path
) -> None:
    few = tmp_path / "few keys.mp4"
    write_pictures(few, pictures(600), "mpeg4", options={"g": "600"})
    job = job_of(copy_packets(few, tmp_path / "keys.mp4", mark_as_keys), tmp_path, "csv")
    [to_cut] = plan([job], 2, 1)
    assert isinstance(to_cut, ClipToCut)
    assert cut(Path(job.clip), to_cut.parts, to_cut.least)
    outcome = label_all(cluster, [job], lambda _: None)[job.clip]
    assert outcome.summary.frames == 600
    assert job.outputs.csv is not None
    there = job.outputs.csv.read_bytes()
    label_clip([job], by_colour(lambda _: None).open(SETTINGS.options), SETTINGS)
    assert job.outputs.csv.read_bytes() == there


def test_a_long_clip_that_is_interrupted_between_its_stretches_leaves_nothing(
    cluster: Any, tmp_path: Path
) -> None:
    job = job_of(write_clip(tmp_path / "long.mp4", ["red"] * 1500), tmp_path, "csv")
    begun = tmp_path / "begun"

    def tell(means: np.ndarray) -> None:
        begun.touch()
        time.sleep(0.01)

    outcomes = label_on_cluster(
        ClusterOptions(cluster.address), [job], by_colour(tell), SETTINGS, None, begun.exists
    )
    assert list(outcomes) == [(job, None)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["begun", "long.mp4"]


def test_workers_that_hang_are_waited_for_together_and_their_clips_are_reported(
    cluster: Any, jobs: list[Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(means: np.ndarray) -> None:
        (tmp_path / f"{os.getpid()}.hangs").touch()
        time.sleep(600)

    waits = []

    def noted(reference: Any, timeout: float | None = None) -> Any:
        waits.append(timeout)
        return result_of(reference, timeout)

    result_of = workers.result_of
    monkeypatch.setattr(workers, "result_of", noted)
    monkeypatch.setattr(workers, "_PUT_AWAY_SECONDS", 1)
    outcomes = label_on_cluster(
        *(ClusterOptions(cluster.address), jobs[:2], by_colour(hang), SETTINGS, None),
        lambda: len(list(tmp_path.glob("*.hangs"))) == 2,
    )
    assert list(outcomes) == [(jobs[0], None), (jobs[1], None)]
    first, second = waits[-2:]
    assert second < first / 2, "Ray may come back a moment early"
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]
