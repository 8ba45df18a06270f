"""Features computed on a Ray cluster, in shards, into the cache of the machine that trains."""

import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.cluster.answers import (
    Failed,
    WorkerDiedError,
    errors_in_a_line,
)
from activity.cluster.checks import Check, prepare_check
from activity.cluster.crew import find_places
from activity.cluster.placing import absolute, for_hosts, on_host
from activity.cluster.queue import JobQueue
from activity.cluster.ray_cluster import ClusterOptions, cluster_joined
from activity.cluster.workers import run_on_workers
from activity.common.cores import usable_cores, use_at_most
from activity.common.errors import UserError
from activity.common.keras_settings import load_keras
from activity.media.images import Image
from activity.network.backbone import fingerprint
from activity.network.engine import EngineOptions, open_engine
from activity.training.features.views import FeatureCache, View, cache_identity, pixels_of

if TYPE_CHECKING:
    import keras

# Some seconds of work, and of features 2.6 MB at most.
_SHARD = 256


def fill_cache(
    cluster: ClusterOptions,
    views: Sequence[View],
    backbone: "keras.Model",
    options: EngineOptions,
) -> None:
    """Have a cluster compute the features that the cache lacks, and keep them there.

    ``compute_features`` then finds them. Images that cannot be read are left to it, too.

    Args:
        cluster: which; its machines see the data set where this one does.
        views, backbone, options: as in ``compute_features``.

    Raises:
        UserError: there is no cache, the cluster cannot be joined, or workers die over a shard.
    """
    if options.cache_folder is None:
        raise UserError("--cluster puts features into the cache: leave out --cache off")
    with closing(FeatureCache(options.cache_folder, cache_identity(backbone))) as cache:
        missing = [
            view
            for view in views
            if view.image.digest and cache.get(view.image.digest, view.number) is None
        ]
        if not missing:
            return
        shards = [missing[at : at + _SHARD] for at in range(0, len(missing), _SHARD)]
        with (
            prepare_check([]) as check,
            cluster_joined(cluster),
            tqdm(total=len(missing), desc="features", disable=None, unit="view") as bar,
        ):
            places = find_places(gpu=options.engine in ("auto", "keras"))
            network = (_as_bytes(backbone), fingerprint(backbone), backbone.input_shape[1])
            here = Path.cwd()
            how = (for_hosts(options, here, places.cores), len(missing))
            arguments = (check, *network, here, *how)

            def say(line: str) -> None:
                bar.clear()
                print(f"[INFO] {line}")

            shards_done = run_on_workers(
                JobQueue(shards), FeatureWorker, arguments, places, say=say
            )
            with closing(shards_done) as done:
                for shard, rows in done:
                    if isinstance(rows, Failed):
                        continue  # this machine says of each image what is wrong with it
                    if isinstance(rows, WorkerDiedError):
                        raise UserError(
                            f"workers die over the images from {shard[0].image} to "
                            f"{shard[-1].image} (killed, out of memory, or crashed in a "
                            "library): without --cluster it will show over which"
                        )
                    for place, features in rows:
                        view = shard[place]
                        cache.put(view.image.digest, view.number, features)
                    bar.update(len(shard))


class FeatureWorker:
    """A process on some machine of the cluster."""

    def __init__(
        self,
        check: Check,
        network: bytes,
        key: str,
        side: int,
        folder: Path,
        options: EngineOptions,
        inputs: int,
    ) -> None:
        """``side`` is that of the network's input; paths may be relative to ``folder``."""
        self._check = check
        self._network = network
        self._key = key
        self._side = side
        self._folder = folder
        self._options = options
        self._inputs = inputs

    def open(self) -> None:
        """Open the network.

        Raises:
            UserError: the engine is not there, or this machine is not as the one that started the
                run.
        """
        self._check.make()
        use_at_most(self._options.cores or usable_cores())
        options = on_host(self._options)
        self._run = open_engine(options, self._backbone, key=self._key, inputs=self._inputs)

    def run(self, shard: Sequence[View]) -> list[tuple[int, NDArray[np.float32]]]:
        """Compute a shard: each view's place in it with its features; not of unreadable images.

        Raises:
            UserError: none of its images can be read here.
        """
        there = [view._replace(image=_placed(view.image, self._folder)) for view in shard]
        with errors_in_a_line("the images"):
            rows = list(self._run(pixels_of(there, self._side)))
        if not rows:
            raise UserError(f"cannot read any of {len(shard)} views of images")
        return rows

    def stop(self) -> None:
        """Let the shard be finished."""

    def _backbone(self) -> "keras.Model":
        keras = load_keras()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.keras"
            path.write_bytes(self._network)
            return keras.models.load_model(path, compile=False)


def _placed(image: Image, folder: Path) -> Image:
    return image._replace(folder=absolute(image.folder, folder))


def _as_bytes(backbone: "keras.Model") -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        backbone.save(path)
        return path.read_bytes()
