"""Clips labelled on hosts of their own: of each, something is wrong in its own way."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import hosts
from tests.cluster.hosts import HOME, SHARED, Host, Network, start_ray, wait_for
from tests.conftest import ROOT, Trained, write_clip

pytest.importorskip("ray", reason="Ray is not installed: requirements-cluster.txt")
if reason := hosts.why_not():
    pytest.skip(reason, allow_module_level=True)

DRIVER = (sys.executable, ROOT / "tests" / "cluster" / "sleepy_driver.py")
EXPORTS = HOME / ".cache" / "activity-video" / "exports"
COLOURS = ["red", "green", "blue"]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Three hosts in a cluster, a core each, and a fourth that Ray does not run on."""
    shared = tmp_path_factory.mktemp("shared")
    (shared / "clips").mkdir()
    for number in range(9):
        write_clip(shared / "clips" / f"{number}.avi", [COLOURS[number % 3]] * 20)
    network = Network(shared)
    try:
        network.add_host("host-a")
        # Little enough for a test to fill it.
        network.add_host("host-b", more=[f"mount -t tmpfs -o size=30m none {HOME}/r"])
        network.add_host("host-c")
        network.add_host("host-d")
        a, b, c, _ = network.hosts
        wait_for([start_ray(a, None)])
        wait_for([start_ray(b, a), start_ray(c, a)])
        yield network
    finally:
        network.end()


@pytest.fixture
def work(network: Network, tmp_path: Path) -> Iterator[Path]:
    """A shared folder for one test, by its path on this machine."""
    folder = network.shared / tmp_path.name
    (folder / "tables").mkdir(parents=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def there(network: Network, path: Path) -> Path:
    """Where the hosts see what is at a path of this machine."""
    return SHARED / path.relative_to(network.shared)


def label(network: Network, host: Host, work: Path, **environment: str) -> Any:
    clips = there(network, network.shared / "clips")
    return host.run(*DRIVER, there(network, work), clips, **environment)


def labels_of(printed: str) -> dict[str, str]:
    done = [line.split() for line in printed.splitlines() if line.startswith("done")]
    assert len({clip for _, clip, _ in done}) == len(done)
    return {Path(clip).stem: label for _, clip, label in done}


WAIT = "import pathlib, time\nwhile not pathlib.Path('{}').exists(): time.sleep(0.1)\n"
TOUCH = "import pathlib; pathlib.Path('{}').touch()\n"

ALL = {str(number): COLOURS[number % 3] for number in range(9)}


def check_tables(work: Path) -> None:
    """All tables are there and whole, and nothing else."""
    tables = sorted((work / "tables").iterdir())
    assert [table.name for table in tables] == [f"{number}.csv" for number in range(9)]
    assert all(len(table.read_text().splitlines()) == 21 for table in tables)


def test_the_documented_command_uses_no_host_where_results_would_be_lost(
    network: Network, trained: Trained, work: Path
) -> None:
    """It is given in a folder that one host alone has; of the others one shares no output folder,
    and one cannot write there."""
    a, b, c, _ = network.hosts
    for name, path in (("activity.model", trained.model), ("lb.pickle", trained.label_bin)):
        shutil.copyfile(path, work / name)
    shutil.copytree(trained.cache, work / "cache")
    project, folder = HOME / "project", there(network, work)
    a.shell(f"mkdir -p {project}; ln -sfn {folder} {project}/work; ln -sfn {SHARED} {HOME}/data")
    b.shell(f"mount -t tmpfs none {folder}/tables")
    c.shell(f"mount --bind {folder}/tables {folder}/tables")
    c.shell(f"mount -o remount,ro,bind {folder}/tables")
    script = [sys.executable, ROOT / "predict_video.py"]
    files = ["--model", "work/activity.model", "--label-bin", "work/lb.pickle"]
    flags = [*files, "--cache", "work/cache", "--input", "../data/clips", "--csv", "work/tables"]
    command = [*script, *flags, "--cluster", "auto"]
    try:
        done = a.run("env", f"--chdir={project}", *command)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        said = [line for line in done.stdout.splitlines() if "is not used" in line]
        # The clips may be done before the second of them has been looked at.
        reasons = {
            f"[INFO] host-b (10.77.0.2) is not used: the folder {folder}/tables is not shared",
            "[INFO] host-c (10.77.0.3) is not used: it cannot write to the folder",
        }
        assert said
        assert all(any(line.startswith(reason) for reason in reasons) for line in said)
        assert done.stdout.count("wrote work/tables/") == 9
        check_tables(work)
        assert b.shell(f"ls -A {folder}/tables") == ""
    finally:
        for host in (b, c):
            host.shell(f"umount {folder}/tables")


def test_a_host_that_does_not_see_the_clips_spoils_none(network: Network, work: Path) -> None:
    a, b, _, _ = network.hosts
    (work / "host-a.py").write_text("import time; time.sleep(0.02)")
    (work / "host-c.py").write_text("import time; time.sleep(0.02)")
    shutil.copyfile(network.shared / "clips" / "0.avi", work / "damaged.avi")
    os.truncate(work / "damaged.avi", 100)
    b.shell(f"mount -t tmpfs none {SHARED}/clips")
    try:
        clips = there(network, network.shared / "clips")
        done = a.run(*DRIVER, there(network, work), clips, there(network, work) / "damaged.avi")
    finally:
        b.shell(f"umount {SHARED}/clips")
    assert done.returncode == 0, done.stderr
    assert labels_of(done.stdout) == ALL
    assert "host-b (10.77.0.2) gets no more: 3 in a row failed there and not else" in done.stdout
    [failed] = [line for line in done.stdout.splitlines() if line.startswith("failed")]
    assert "damaged.avi" in failed
    assert "(on host-" in failed
    check_tables(work)
    for host in network.hosts:
        assert host.shell("ls -A /tmp") == host.in_tmp, "a temporary folder was left behind"


@pytest.mark.parametrize(
    ("host", "environment", "complaint"),
    [
        (3, {}, "no Ray runs on this machine"),
        (
            3,
            {"RAY_ADDRESS": "10.77.0.1:6379"},
            "this machine is not part of it: ray start --address",
        ),
        (0, {"RAY_AUTH_TOKEN": "another token than that of the cluster"}, "its token differs"),
        (0, {"HOME": "/tmp"}, "its token differs"),
        (0, {"RAY_ADDRESS": "10.77.0.1:9"}, "Connection refused; is it running"),
    ],
)
def test_why_a_cluster_cannot_be_joined_is_one_line(
    network: Network, work: Path, host: int, environment: dict[str, str], complaint: str
) -> None:
    done = label(network, network.hosts[host], work, **environment)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: cannot join the cluster auto: ")
    assert done.stderr.count("\n") == 1
    assert complaint in done.stderr
    assert not list((work / "tables").iterdir())


def test_a_machine_outside_the_cluster_labels_through_its_head(
    network: Network, work: Path
) -> None:
    for _ in range(3):
        done = label(network, network.hosts[3], work, RAY_ADDRESS="ray://10.77.0.1:10001")
        # Ray gives a process of the head 30 s to start, which a busy machine may not do; and fails
        # where another one has just ended (ZombieProcess).
        failures = ("Starting Ray client server failed", "Initialization failure from server")
        if not any(failure in done.stderr for failure in failures):
            break
    assert done.returncode == 0, done.stderr
    assert labels_of(done.stdout) == ALL
    check_tables(work)


def test_a_long_clip_uses_all_hosts_and_a_worker_that_is_killed_costs_one_stretch(
    network: Network, work: Path
) -> None:
    write_clip(work / "long.mp4", ["red"] * 1600, size=(64, 48))
    folder = there(network, work)
    note = f"import os; print(file=open(f'{folder}/{{os.uname().nodename}}.frames', 'a'))\n"
    wait = "\n".join(WAIT.format(folder / f"host-{name}.frames") for name in "abc")
    kill = f"if os.stat('{folder}/host-b.frames').st_size == 100: os.kill(os.getpid(), 9)"
    for name, more in (("a", ""), ("b", kill), ("c", "")):
        (work / f"host-{name}.py").write_text(f"{note}{wait}\n{more}")
    done = network.hosts[0].run(*DRIVER, folder, folder / "long.mp4")
    assert done.returncode == 0, done.stderr
    assert labels_of(done.stdout) == {"long": "red"}
    assert [path.name for path in (work / "tables").iterdir()] == ["long.csv"]
    assert len((work / "tables" / "long.csv").read_text().splitlines()) == 1601
    frames = [(work / f"host-{name}.frames").stat().st_size for name in "abc"]
    assert sum(frames) == 1600 + 100


@pytest.fixture
def project(network: Network, trained: Trained, work: Path) -> Iterator[list[object]]:
    """The command that labels all clips with a real model, for host-d, which works on none."""
    for name, path in (("activity.model", trained.model), ("lb.pickle", trained.label_bin)):
        shutil.copyfile(path, work / name)
    folder = there(network, work)
    files = ["--model", folder / "activity.model", "--label-bin", folder / "lb.pickle"]
    clips = ["--input", there(network, network.shared / "clips"), "--csv", folder / "tables"]
    *workers, d = network.hosts
    for host in workers:
        host.shell(f"rm -rf {EXPORTS}")
    wait_for([start_ray(d, workers[0], "--num-cpus=0")])
    yield [sys.executable, ROOT / "predict_video.py", *files, *clips, "--cluster", "auto"]
    d.shell("ray stop --force --grace-period=1")


def test_workers_run_the_code_that_was_sent_where_another_version_is_in_its_place(
    network: Network, trained: Trained, work: Path, project: list[object]
) -> None:
    """Ray has workers look for modules in the script's folder, too."""
    shutil.copytree(trained.cache, work / "cache")
    (work / "activity").mkdir()
    (work / "activity" / "__init__.py").write_text("raise RuntimeError('the other version')")
    *workers, d = network.hosts
    try:
        for host in workers:
            host.shell(f"mount --bind {there(network, work)}/activity {ROOT / 'activity'}")
        done = d.run(*project, "--cache", there(network, work) / "cache")
    finally:
        for host in workers:
            host.shell(f"umount {ROOT / 'activity'} || true")
    assert (done.returncode, done.stderr) == (0, "")
    assert "is not used" not in done.stdout
    check_tables(work)


def test_hosts_keep_exports_in_their_own_cache_where_that_of_the_driver_cannot_be(
    network: Network, work: Path, project: list[object]
) -> None:
    *workers, d = network.hosts
    for host in workers:
        host.shell("touch /mnt/driver")
    done = d.run(*project, "--engine", "openvino", XDG_CACHE_HOME="/mnt/driver")
    assert (done.returncode, done.stderr) == (0, "")
    check_tables(work)
    # A host whose worker opens after all clips are done needs none.
    kept = [host.shell(f"ls {EXPORTS} 2>/dev/null || true").split() for host in workers]
    assert max(map(len, kept)) == 1


_UPLOAD = """
import sys, time, boto3, botocore
store = boto3.client("s3")
for _ in range(100):
    try:
        store.create_bucket(Bucket="sports")
        break
    except botocore.exceptions.EndpointConnectionError:
        time.sleep(0.2)
store.upload_file(sys.argv[1], "sports", "activity.model")
"""


def test_a_store_that_only_the_machine_of_the_command_may_read_is_one_line(
    network: Network, work: Path, project: list[object]
) -> None:
    pytest.importorskip("moto.server", reason="moto is not installed")
    d = network.hosts[3]
    access = {"AWS_ENDPOINT_URL": "http://10.77.0.4:5000", "AWS_DEFAULT_REGION": "us-east-1"}
    access |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    serve = f"echo $$ > /mnt/moto; exec {sys.executable} -m moto.server -H 10.77.0.4 -p 5000"
    server = d.start("sh", "-c", serve)
    try:
        model = there(network, work) / "activity.model"
        sent = d.run(sys.executable, "-c", _UPLOAD, model, **access)
        assert sent.returncode == 0, sent.stderr
        done = d.run(*project, "--model", "s3://sports/activity.model", **access)
    finally:
        d.shell("kill $(cat /mnt/moto)")
        server.communicate()
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: cannot read s3://sports/activity.model: Unable to loc")
    assert done.stderr.count("\n") == 1
    assert not list((work / "tables").iterdir())


def test_a_host_that_is_cut_off_works_on_and_its_clip_appears_once(
    network: Network, work: Path
) -> None:
    a, b, c, _ = network.hosts
    # Its clip takes longer than Ray does to find out. The others wait until it has one, and are so
    # slow that clips still wait when that is known.
    frames = there(network, work) / "frames"
    (work / "host-c.py").write_text(
        f"import time; print(file=open('{frames}', 'a')); time.sleep(1)"
    )
    for host in (a, b):
        (work / f"{host.name}.py").write_text(WAIT.format(frames) + "time.sleep(0.3)")
    process = a.start(*DRIVER, there(network, work), there(network, network.shared / "clips"))
    wait_until((work / "frames").exists)
    network.cut_off(c)
    printed, complained = process.communicate(timeout=120)
    assert (process.returncode, complained) == (0, "")
    assert labels_of(printed) == ALL
    assert printed.count("\n") == 9, "Ray has its own word of a host that is gone"
    order = [Path(line.split()[1]).stem for line in printed.splitlines()]
    lost = max("012", key=order.index)  # each host began with one of these
    assert order[-1] != lost, "it should go before those that wait"
    first = identities(work)
    assert len(first) == 9
    # Cut off, it goes on with the same clip, to the end.
    wait_until(lambda: len((work / "frames").read_text()) == 20)
    time.sleep(2)
    assert identities(work) == first


def identities(work: Path) -> dict[str, tuple[int, int]]:
    """Which files the tables are; another one in the place of the first would show."""
    found = {path.name: path.stat() for path in (work / "tables").glob("[!.]*.csv")}
    return {name: (status.st_ino, status.st_mtime_ns) for name, status in found.items()}


def test_a_host_that_joins_is_checked_like_the_first_ones(network: Network, work: Path) -> None:
    a, b, _, d = network.hosts
    folder = there(network, work)
    for host in (a, b):
        (work / f"{host.name}.py").write_text(WAIT.format(folder / "checked"))
    d.shell(f"mount -t tmpfs none {folder}/tables")
    process = a.start(*DRIVER, folder, there(network, network.shared / "clips"))
    assert process.stdout is not None
    try:
        wait_for([start_ray(d, a)])
        line = process.stdout.readline()  # the others wait, so it is the first
        (work / "checked").touch()
        printed, complained = process.communicate(timeout=60)
        assert d.shell(f"ls -A {folder}/tables") == ""
    finally:
        process.kill()
        d.shell(f"ray stop --force --grace-period=1; umount {folder}/tables")
    assert "host-d (10.77.0.4) is not used: the folder" in line
    assert "tables is not shared" in line
    assert (process.returncode, complained) == (0, "")
    assert labels_of(printed) == ALL
    check_tables(work)


def test_a_host_where_no_worker_starts_is_left_out_and_one_that_joins_is_used(
    network: Network, work: Path
) -> None:
    """The one that joins has another version of the project in the same place."""
    a, b, _, d = network.hosts
    other = work / "activity"
    other.mkdir()
    (other / "__init__.py").write_text("raise RuntimeError('the other version')")
    b.shell(f"dd if=/dev/zero of={HOME}/r/filler bs=1M count=100 2>&1 || true")
    joined = there(network, work) / "joined"
    # Slow enough for a host that fails to start to be among them.
    (work / "host-a.py").write_text(WAIT.format(joined) + "time.sleep(0.1)")
    (work / "host-d.py").write_text(TOUCH.format(joined) + "import time; time.sleep(0.1)")
    d.shell(f"mount --bind {there(network, other)} {ROOT / 'activity'}")
    process = a.start(*DRIVER, there(network, work), there(network, network.shared / "clips"))
    try:
        wait_for([start_ray(d, a)])
        printed, complained = process.communicate(timeout=90)
    finally:
        process.kill()
        d.shell(f"umount {ROOT / 'activity'}")
    assert (process.returncode, complained) == (0, "")
    assert "host-b (10.77.0.2) is not used: OSError: [Errno 28] No space left" in printed
    assert labels_of(printed) == ALL
    check_tables(work)


def test_a_head_that_is_gone_is_one_line(network: Network, work: Path) -> None:
    """The last test: the cluster is gone with it."""
    a, _, _, d = network.hosts
    for host in (a, d):
        (work / f"{host.name}.py").write_text("import time; time.sleep(0.1)")
    process = d.start(*DRIVER, there(network, work), there(network, network.shared / "clips"))
    assert process.stdout is not None
    printed = ""
    while "done" not in printed:
        printed += process.stdout.readline()
    a.end()
    rest, complained = process.communicate(timeout=90)
    assert process.returncode == 2, complained
    gone = "error: the head of the cluster, 10.77.0.1:6379, no longer answers: "
    done = len(labels_of(printed + rest))
    assert complained.startswith(f"{gone}{done} of 9 are done, and the same command does the rest")
    assert complained.count("\n") == 1


def wait_until(true: Callable[[], bool]) -> None:
    for _ in range(600):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError("it never came to be")
