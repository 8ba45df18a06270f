"""Many machines: a Ray cluster, joined.

Ray is imported only when a cluster is asked for.
"""

import hashlib
import os
import platform
import secrets
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from activity.cluster.workers import last_line
from activity.common.errors import UserError
from activity.common.quiet import hidden_chatter

_PACKAGE = Path(__file__).resolve().parent.parent

# Their versions decide what comes out of a clip.
_LIBRARIES = ("numpy", "opencv-python", "av", "openvino", "keras", "tensorflow", "scikit-learn")

# A cluster of one machine, for one run: others can neither reach it nor, without the token, use it.
_LOCAL_ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",
    # Ray then takes the loopback address, on Linux, too.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # Ray would have its workers stand back behind all else that runs on the machine.
    "RAY_worker_niceness": "0",
}

# Ray would try for minutes to reach a machine that is not there.
_IMPATIENCE = {"RAY_NUM_REDIS_GET_RETRIES": "3", "RAY_py_gcs_connect_timeout_s": "5"}
_REACH_SECONDS = 5


@contextmanager
def cluster_joined(address: str) -> Iterator[None]:
    """Join a Ray cluster, and leave it when the block ends.

    Other machines are sent this project's code, and must agree in the versions of all else that
    decides what comes out.

    Args:
        address: ``auto`` for the cluster that this machine belongs to, or ``RAY_ADDRESS``;
            ``local`` for one that is started on this machine alone and ended with the block;
            else its address.

    Raises:
        UserError: Ray is not installed, there is no such cluster, or a machine has other versions.
    """
    local = address == "local"
    # Ray reads them when it is imported.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if local:
        os.environ.update(_LOCAL_ENVIRONMENT, RAY_AUTH_TOKEN=secrets.token_hex(32))
    else:
        for name, value in _IMPATIENCE.items():
            os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise UserError("--cluster needs Ray: pip install -r requirements-cluster.txt") from error
    if not local:
        _check_reachable(address)
    # Ray would have SIGTERM end the process in the middle of whatever it does.
    on_sigterm = signal.getsignal(signal.SIGTERM)
    started = {"include_dashboard": False, "object_store_memory": 5 * 10**8} if local else {}
    code = {} if local else {"runtime_env": {"py_modules": [str(_PACKAGE)]}}
    try:
        with hidden_chatter():
            ray.init(address, log_to_driver=False, logging_level="error", **started, **code)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"cannot join the cluster {address}: {reason}") from error
    finally:
        signal.signal(signal.SIGTERM, on_sigterm)
    try:
        if not local:
            _check_versions()
        yield
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Find out at once whether anything listens at an address of the form host:port."""
    host, colon, port = address.rpartition(":")
    if not colon or "/" in host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _REACH_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UserError(
            f"cannot join the cluster {address}: {error}; is it running, and the port the one that "
            "ray start named?"
        ) from error


def _check_versions() -> None:
    """Compare this machine with each other one of the cluster, before any of them works."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = _versions()
    ask = ray.remote(num_cpus=0, max_retries=0)(_versions)
    nodes = [node for node in ray.nodes() if node["Alive"]]
    places = [NodeAffinitySchedulingStrategy(node["NodeID"], soft=False) for node in nodes]
    asked = [ask.options(scheduling_strategy=place).remote() for place in places]
    for node, reference in zip(nodes, asked, strict=True):
        machine = node["NodeManagerAddress"]
        try:
            there = ray.get(reference)
        except ray.exceptions.TaskUnschedulableError:
            continue  # it has just left the cluster
        except ray.exceptions.RayError as error:
            raise UserError(
                f"{machine} of the cluster cannot run this project: {last_line(error)}; "
                "pip install -r requirements.txt there"
            ) from error
        for name, version in here.items():
            if there[name] != version:
                raise UserError(
                    f"{machine} of the cluster has {name} {there[name]}, this machine {version}: "
                    "have the same on both"
                )


def _versions() -> dict[str, str]:
    """The versions of all that decides what comes out, by name."""
    # Every start would take a twentieth of a second longer, also without a cluster.
    import importlib.metadata

    code = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        code.update(path.relative_to(_PACKAGE).as_posix().encode() + path.read_bytes())
    versions = {"Python": platform.python_version(), "the project's code": code.hexdigest()[:12]}
    for name in _LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not at all"
    return versions
