"""Features computed on a Ray cluster, in shards, into the cache of the machine that trains."""

import pickle
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.cluster import workers
from activity.cluster.checks import Check, absolute, for_hosts, on_host, prepare_check
from activity.cluster.ray_cluster import ClusterOptions, cluster_joined
from activity.common.cores import use_at_most
from activity.common.errors import UserError
from activity.common.keras_settings import load_keras
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
        UserError: there is no cache or it cannot be used, the cluster cannot be joined, or workers
            die over a shard.
    """
    if options.cache_folder is None:
        raise UserError("--cluster puts features into the cache: leave out --cache off")
    with closing(FeatureCache(options.cache_folder, cache_identity(backbone))) as cache:
        wanted = [view for view in views if view.image.digest]
        known = {place for place, _ in cache.find(wanted)}
        missing = [view for place, view in enumerate(wanted) if place not in known]
        _check_usable(cache)
        if not missing:
            return
        shards = [missing[at : at + _SHARD] for at in range(0, len(missing), _SHARD)]
        with (
            prepare_check([]) as check,
            cluster_joined(cluster),
            tqdm(total=len(missing), desc="features", disable=None, unit="view") as bar,
        ):
            here = Path.cwd()
            network = (pickle.dumps(backbone), fingerprint(backbone), backbone.input_shape[1])
            how = (for_hosts(options, here), len(missing))
            gpu = options.engine in ("auto", "keras")
            done = workers.run_on_workers(
                workers.JobQueue(shards), FeatureWorker, (check, *network, here, *how), gpu=gpu
            )
            with closing(done):
                for shard, rows in done:
                    if isinstance(rows, UserError):
                        continue  # this machine says of each image what is wrong with it
                    if isinstance(rows, workers.WorkerDiedError):
                        raise UserError(
                            f"workers die over the images from {shard[0].image} to "
                            f"{shard[-1].image} (killed, out of memory, or crashed in a "
                            "library): without --cluster it will show over which"
                        )
                    for place, features in rows:
                        cache.put(shard[place], features)
                    _check_usable(cache)
                    bar.update(len(shard))


def _check_usable(cache: FeatureCache) -> None:
    """End the run where it would compute all features once more, on this machine."""
    if cache.problem is not None:
        raise UserError(
            f"{cache.problem}; --cluster needs that cache: choose another folder with --cache"
        )


@dataclass
class FeatureWorker:
    """A process on some machine of the cluster: it opens the backbone once.

    ``network`` is the backbone, pickled, ``key`` its fingerprint, and ``side`` that of its input in
    pixels. Paths may be relative to ``folder``, and there are ``inputs`` views in all.
    """

    check: Check
    network: bytes
    key: str
    side: int
    folder: Path
    options: EngineOptions
    inputs: int

    def open(self) -> None:
        """Open the network.

        Raises:
            UserError: the engine is not there, or this machine is not as the one that started the
                run.
        """
        self.check.make()
        use_at_most(workers.cores_of_worker())
        options = on_host(self.options, workers.cores_of_worker())
        self._run = open_engine(options, self._backbone, key=self.key, inputs=self.inputs)

    def run(self, shard: Sequence[View]) -> list[tuple[int, NDArray[np.float32]]]:
        """Compute a shard: each view's place in it with its features; not of unreadable images.

        Raises:
            UserError: none of its images can be read here.
        """
        there = [
            View(image._replace(folder=absolute(image.folder, self.folder)), number)
            for image, number in shard
        ]
        with workers.errors_in_a_line("the images"):
            rows = list(self._run(pixels_of(there, self.side)))
        if not rows:
            raise UserError(f"cannot read any of {len(shard)} views of images")
        return rows

    def stop(self) -> None:
        """Let the shard be finished."""

    def _backbone(self) -> "keras.Model":
        load_keras()
        return pickle.loads(self.network)
