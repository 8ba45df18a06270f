"""Separate hosts on one machine: each a network, mount, process and host-name namespace of its own.

A host has its own address, /tmp, /dev/shm, home and host name. Its network reaches the other hosts
and nothing else. What hosts share is mounted into them.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.conftest import ROOT

SHARED = Path("/mnt/shared")
"""Where a host that shares a folder with others sees it."""

HOME = Path("/mnt/home")
TOKEN = "a token of the tests, long enough for Ray"
PORT = 6379

_NEEDED = ("ip", "unshare", "nsenter", "mount")
_UNSHARE = ("unshare", "--net", "--mount", "--pid", "--uts", "--fork", "--kill-child")


def why_not() -> str | None:
    """Say why this machine cannot have such hosts; None if it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "hosts made of namespaces need Linux and root"
    if ROOT.is_relative_to(SHARED.parent):
        return f"the project is in {SHARED.parent}, of which each host has one of its own"
    missing = [name for name in _NEEDED if not shutil.which(name)]
    if missing:
        return f"hosts made of namespaces need {', '.join(missing)} (iproute2 and util-linux)"
    tried = subprocess.run(
        [
            *_UNSHARE,
            "sh",
            "-c",
            "mount -t tmpfs none /mnt && ip link add va type veth peer name vb",
        ],
        capture_output=True,
        text=True,
        timeout=30,
    )
    return f"namespaces are not allowed: {tried.stderr.strip()}" if tried.returncode else None


class Host:
    """A host, from the time it is made to ``end``."""

    def __init__(self, name: str, setup: str) -> None:
        """``setup`` is what a shell does in the host's namespaces first."""
        self.name = name
        self.in_tmp = ""
        self._outer = subprocess.Popen(
            # It ends with this process, however that ends: the pipe is closed then.
            [*_UNSHARE, "sh", "-ec", f"{setup}\necho ready\nexec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._outer.stdout is not None
        assert self._outer.stdout.readline() == "ready\n", name
        children = Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children")
        self.pid = int(children.read_text())

    def command(self, *words: object) -> list[str]:
        """Give the command line that runs a command on this host."""
        return ["nsenter", "--target", str(self.pid), "--all", *map(str, words)]

    def run(
        self, *words: object, timeout: float = 100, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words),
            capture_output=True,
            text=True,
            timeout=timeout,
            env=environment_of_host(environment),
        )

    def start(self, *words: object, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*words),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment_of_host(environment),
        )

    def shell(self, line: str) -> str:
        """Run a line of the shell there, which has to succeed, and give its output."""
        done = self.run("sh", "-ec", line)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def end(self) -> None:
        """Take the host away at once, with all that runs on it."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self._outer.wait(timeout=30)
        for pipe in (self._outer.stdin, self._outer.stdout):
            if pipe:
                pipe.close()


def environment_of_host(more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a person who has followed docs/cluster.md there."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RAY_", "PYTEST", "TMPDIR", "XDG_", "AWS_"))
    }
    ours = {
        "HOME": str(HOME),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "RAY_AUTH_MODE": "token",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    return kept | ours | more


class Network:
    """A network of hosts that share a folder. Nothing else is reached from it."""

    def __init__(self, shared: Path) -> None:
        self.shared = shared
        self._switch = Host(
            "switch", "ip link set lo up; ip link add sw type bridge; ip link set sw up"
        )
        self.hosts: list[Host] = []

    def add_host(self, name: str, *, shares: bool = True, more: Sequence[str] = ()) -> Host:
        """Add a host; its address is ``address_of(name)``.

        Args:
            name: the last letter of it tells the address.
            shares: whether it sees the shared folder, or one of its own in its place.
            more: further lines of the shell for its namespaces, before anything runs there.
        """
        lines = [
            "mount --make-rprivate /",
            "mount -t proc proc /proc",
            "mount -t tmpfs none /mnt",
            f"mkdir -p {SHARED} {HOME}/r {HOME}/.ray",
            f"mount --bind {self.shared} {SHARED}" if shares else "",
            *more,
            *_own_tmp(),
            "mount -t tmpfs none /dev/shm",
            f"chmod 700 {HOME}/r",
            f"(umask 077; printf %s '{TOKEN}' >{HOME}/.ray/auth_token)",
            f"printf '127.0.0.1 localhost\\n{address_of(name)} {name}\\n' >/mnt/hosts",
            "mount --bind /mnt/hosts /etc/hosts",
            f"hostname {name}",
            "ip link set lo up",
        ]
        host = Host(name, "\n".join(lines))
        self.hosts.append(host)
        self._connect(host)
        host.in_tmp = host.shell("ls -A /tmp")
        return host

    def _connect(self, host: Host) -> None:
        # A process outside sees the ids of the processes in all of them.
        subprocess.run(
            [
                *("nsenter", "--target", str(self._switch.pid), "--net", "sh", "-ec"),
                f"ip link add {host.name} type veth peer name eth0 netns {host.pid}; "
                f"ip link set {host.name} master sw up",
            ],
            check=True,
            timeout=30,
        )
        host.shell(f"ip addr add {address_of(host.name)}/24 dev eth0; ip link set eth0 up")

    def cut_off(self, host: Host) -> None:
        """Take a host's link down; what it shares stays."""
        self._switch.shell(f"ip link set {host.name} down")

    def end(self) -> None:
        for host in [*self.hosts, self._switch]:
            host.end()


def _own_tmp() -> list[str]:
    """Lines of the shell that give a host a /tmp of its own. It still sees this project there."""
    needed = {folder for folder in (ROOT, Path(sys.prefix)) if folder.is_relative_to("/tmp")}
    kept = {folder: f"/mnt/kept{number}" for number, folder in enumerate(needed)}
    return [
        *(f"mkdir {keep}; mount --bind {folder} {keep}" for folder, keep in kept.items()),
        "mount -t tmpfs none /tmp",
        *(f"mkdir -p {folder}; mount --bind {keep} {folder}" for folder, keep in kept.items()),
    ]


def address_of(name: str) -> str:
    return f"10.77.0.{ord(name[-1]) - ord('a') + 1}"


def start_ray(host: Host, head: Host | None, *more: object) -> subprocess.Popen[str]:
    """Start Ray on a host as docs/cluster.md does; ``head`` is None on the first."""
    first = ["--head", f"--port={PORT}", "--include-dashboard=false"]
    other = [f"--address={address_of(head.name)}:{PORT}"] if head else first
    ours = [
        f"--node-ip-address={address_of(host.name)}",
        f"--temp-dir={HOME}/r/ray",
        "--num-cpus=1",
    ]
    # Ray would take more than half a minute to find out that a host is gone.
    quick = {"period_ms": "1000", "timeout_ms": "2000", "failure_threshold": "5"}
    environment = {f"RAY_health_check_{name}": value for name, value in quick.items()}
    limit = "--object-store-memory=80000000"
    return host.start("ray", "start", *other, *ours, limit, *more, **environment)


def wait_for(processes: Sequence[subprocess.Popen[str]]) -> None:
    for process in processes:
        _, complained = process.communicate(timeout=90)
        assert process.returncode == 0, complained
