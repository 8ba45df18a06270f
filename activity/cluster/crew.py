"""The hosts of a Ray cluster, and the workers that were started on them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from activity.common.errors import UserError

# A clip is decoded in one thread, drawn and encoded in another; more cores than these would wait
# for them (docs/cluster.md).
CORES = 2

# How often hosts that have joined are looked for.
_LOOK_SECONDS = 3


@dataclass(frozen=True)
class Places:
    """What a worker asks of its host.

    Attributes:
        cores: how many it may use.
        options: what it asks Ray for.
        on_each: how many workers each host has room for; None if its cores or GPUs say so.
    """

    cores: int
    options: dict[str, float]
    on_each: int | None = None

    def room(self, resources: dict[str, float]) -> int:
        """Count the workers that a host with these resources has room for."""
        if self.on_each is not None:
            return self.on_each
        if "num_gpus" in self.options:
            return int(resources.get("GPU", 0))
        return int(resources.get("CPU", 0)) // self.cores


def find_places(*, gpu: bool) -> Places:
    """Say what workers ask for: a GPU, where these are wanted and there are any, or cores.

    Raises:
        UserError: there is no core to work on.
    """
    import ray

    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if gpu and any(int(node.get("GPU", 0)) for node in alive):
        return Places(CORES, {"num_cpus": 1, "num_gpus": 1})
    cores = min(CORES, max((int(node.get("CPU", 0)) for node in alive), default=0))
    if not cores:
        raise UserError("no machine of the cluster offers a CPU core: start one that does")
    return Places(cores, {"num_cpus": cores})


def count_workers(places: Places) -> int:
    """Count the workers that the cluster has room for now."""
    import ray

    return sum(places.room(node["Resources"]) for node in ray.nodes() if node["Alive"])


@dataclass(eq=False)
class Host:
    """A host of the cluster, from the time it joins.

    Attributes:
        node: its name in Ray, which is another where it joins again.
        name: its name for a person.
        room: how many workers may be there at once.
        workers: how many are.
        opened: how many have opened and were given work.
        deaths: how many in a row died before they had opened.
        bad: whether it is to be given nothing more.
    """

    node: str
    name: str
    room: int
    workers: int = 0
    opened: int = 0
    deaths: int = 0
    bad: bool = False

    @property
    def usable(self) -> bool:
        """Whether workers are there, or may be started."""
        return not self.bad and (self.room > 0 or self.workers > 0)


class Crew:
    """Starts workers where there is room, and ends them.

    Attributes:
        hosts: those that are alive, by their node.
        names: names of all hosts that ever were, by their node.
    """

    def __init__(self, worker: type, arguments: Sequence[object], places: Places) -> None:
        """``worker`` is a class, ``arguments`` those of its constructor."""
        import ray

        self.hosts: dict[str, Host] = {}
        self.names: dict[str, str] = {}
        self._places = places
        self._remote = ray.remote(max_concurrency=2, **places.options)(worker)
        # Once for all workers: a network among them is large.
        self._given = [ray.put(argument) for argument in arguments]
        self._looked = float("-inf")

    def look_for_hosts(self, *, now: bool = False) -> None:
        """Take in hosts that have joined, and leave out those that are gone; not at every call."""
        import ray

        if not now and time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        nodes = {node["NodeID"]: node for node in ray.nodes() if node["Alive"]}
        self._looked = time.monotonic()
        for name in self.hosts.keys() - nodes.keys():
            del self.hosts[name]
        for name, node in nodes.items():
            if name not in self.names:
                self.names[name] = _name_of(node)
                room = self._places.room(node["Resources"])
                self.hosts[name] = Host(name, self.names[name], room)

    def start_worker(
        self, waiting_for: Callable[[str], int], opening: int
    ) -> tuple[Host, Any] | None:
        """Start a worker on the host that has the fewest; None if none is wanted.

        Args:
            waiting_for: says how many jobs wait that a worker of a node could be given.
            opening: how many workers are opening already.
        """
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        wanted = [
            host
            for host in self.hosts.values()
            if host.workers < host.room and waiting_for(host.node) > opening
        ]
        if not wanted:
            return None
        host = min(wanted, key=lambda host: host.workers)
        place = NodeAffinitySchedulingStrategy(host.node, soft=False)
        host.workers += 1
        return host, self._remote.options(scheduling_strategy=place).remote(*self._given)

    def end_worker(self, host: Host, worker: Any) -> None:
        """End a worker, at once, if it lives."""
        import ray

        ray.kill(worker)
        host.workers -= 1


def _name_of(node: dict[str, Any]) -> str:
    name, address = node["NodeManagerHostname"], node["NodeManagerAddress"]
    return name if name == address else f"{name} ({address})"
