"""A Ray cluster: joined, left again, and asked whether it still answers.

Ray is imported only when a cluster is asked for.
"""

import os
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from activity.common.cores import usable_cores
from activity.common.errors import UserError
from activity.common.quiet import hidden_below_python

PACKAGE = Path(__file__).resolve().parent.parent
"""The project's code."""

# A cluster of one machine, for one run: others can neither reach it nor, without the token, use it.
_LOCAL_ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",
    # Ray then takes the loopback address, on Linux, too.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # Ray would run its workers at low priority.
    "RAY_worker_niceness": "0",
}

# Ray would try for minutes to reach a machine that is not there.
_IMPATIENCE = {"RAY_NUM_REDIS_GET_RETRIES": "3", "RAY_py_gcs_connect_timeout_s": "5"}
_REACH_SECONDS = 5
_ANSWER_SECONDS = 2

# Names of sockets, which Ray puts some 65 letters below this folder, may have 103 on macOS.
_LONGEST_FOLDER = 30


@dataclass(frozen=True)
class ClusterOptions:
    """Which cluster is joined, and how.

    Attributes:
        address: ``auto`` for the cluster that this machine belongs to, or ``RAY_ADDRESS``;
            ``local`` for one that is started on this machine alone and ended with the run;
            else its address.
        show_ray: whether what Ray itself has to say is shown.
    """

    address: str
    show_ray: bool = False


@contextmanager
def cluster_joined(cluster: ClusterOptions) -> Iterator[None]:
    """Join a Ray cluster, and leave it when the block ends.

    Other machines are sent this project's code.

    Raises:
        UserError: Ray is not installed, or there is no such cluster that this machine can join.
    """
    local = cluster.address == "local"
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
    with ExitStack() as stack:
        if not cluster.show_ray:
            stack.enter_context(_ray_says_nothing())
        short = len(tempfile.gettempdir()) <= _LONGEST_FOLDER or os.name != "posix"
        where = None if short else "/tmp"
        temporary = tempfile.TemporaryDirectory("", "ray", where, ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(temporary))
        if local:
            # Ray lets everyone write into its folder: that is one inside, which nobody else enters.
            limits = {"include_dashboard": False, "object_store_memory": 5 * 10**8}
            limits["num_cpus"] = usable_cores()
            _init("local", _temp_dir=str(folder / "r"), **limits)
        else:
            address = _address_to_join(cluster.address)
            # With a working folder that was sent, Ray does not have workers look for modules in
            # this machine's folders: another version of the project may be there on theirs.
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=ignored)
            _init(address, runtime_env={"working_dir": str(folder)})
        stack.callback(ray.shutdown)
        yield


def head_of_cluster() -> str:
    """Return the address of the head of the cluster that was joined.

    It is empty for a driver outside the cluster, which reaches the head through another process.
    """
    import ray

    outside = ray.util.client.ray.is_connected()
    return "" if outside else ray.get_runtime_context().gcs_address


def answers(head: str) -> bool:
    """Tell whether a head answers; one without an address is taken to."""
    try:
        if head:
            _connect(head, _ANSWER_SECONDS)
    except OSError:
        return False
    return True


def last_line(error: BaseException) -> str:
    """Say what went wrong on another machine, without how it came there."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__


def _init(address: str, **options: object) -> None:
    import ray

    # Ray would have SIGTERM end the process in the middle of whatever it does.
    on_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address, log_to_driver=False, logging_level="error", **options)
    except Exception as error:  # on a busy machine also that plain one
        raise _refusal(address, " ".join(str(error).split())) from error
    finally:
        signal.signal(signal.SIGTERM, on_sigterm)


@contextmanager
def _ray_says_nothing() -> Iterator[None]:
    """Keep Ray's own lines off the terminal: those of its native code, and those about machines."""
    import ray._private.worker as driver

    shown = driver.print_to_stdstream
    driver.print_to_stdstream = lambda *_, **__: None
    try:
        with hidden_below_python():
            yield
    finally:
        driver.print_to_stdstream = shown


def _address_to_join(address: str) -> str:
    """Find out, before Ray waits for a minute, whether a cluster can be joined from here.

    Raises:
        UserError: it cannot; it says why.
    """
    import ray
    from ray._private.authentication.authentication_token_setup import ensure_token_if_auth_enabled
    from ray._private.services import get_ray_address_from_environment

    try:
        found = get_ray_address_from_environment(address, None)
    except ConnectionError as error:
        reason = (
            "no Ray runs on this machine; ray start --address=HEAD:6379 has it join a cluster, and "
            "--cluster ray://HEAD:10001 works from a machine that is not part of one"
        )
        raise _refusal(address, reason) from error
    listens_at = found.removeprefix("ray://")
    host, colon, port = listens_at.rpartition(":")
    if not colon or "/" in host or not port.isdecimal():
        raise _refusal(address, "give HOST:PORT, auto or local")
    try:
        _connect(listens_at, _REACH_SECONDS)
    except (OSError, OverflowError) as error:
        asked = "is it running, and is this the port that ray start printed?"
        raise _refusal(address, f"{error}; {asked}") from error
    if found != listens_at:
        return found
    try:
        ensure_token_if_auth_enabled(create_token_if_missing=False)
        nodes = ray._raylet.GcsClient(address=found).get_all_node_info(timeout=_REACH_SECONDS)
    except ray.exceptions.AuthenticationError as error:
        reason = (
            "its token differs from this machine's: copy ~/.ray/auth_token of its first machine "
            "here, and set RAY_AUTH_MODE=token"
        )
        raise _refusal(address, reason) from error
    except (RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise _refusal(address, last_line(error)) from error
    if not any(_is_here(node.node_manager_address) for node in nodes.values()):
        reason = (
            f"this machine is not part of it: ray start --address={found} has it join, and "
            f"--cluster ray://{host}:10001 works from outside"
        )
        raise _refusal(address, reason)
    return found


def _refusal(address: str, reason: str) -> UserError:
    return UserError(f"cannot join the cluster {address}: {reason}")


def _connect(address: str, seconds: float) -> None:
    """Find out at once whether anything listens at HOST:PORT."""
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), seconds).close()


def _is_here(address: str) -> bool:
    """Tell whether an address is one of this machine."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
