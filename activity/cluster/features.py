"""Features computed on a Ray cluster, in shards, into the cache of the machine that trains."""

import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.cluster.ray_cluster import cluster_joined
from activity.cluster.workers import WorkerDiedError, enter_folder, find_places, run_on_workers
from activity.common.errors import UserError
from activity.common.keras_settings import load_keras
from activity.network.backbone import fingerprint
from activity.network.engine import EngineOptions, open_engine
from activity.training.feature_cache import FeatureCache
from activity.training.features import View, cache_identity, pixels_of

if TYPE_CHECKING:
    import keras

# Some seconds of work, and of features 2.6 MB at most.
_SHARD = 256


def fill_cache(
    address: str,
    views: Sequence[View],
    backbone: "keras.Model",
    options: EngineOptions,
) -> None:
    """Have a cluster compute the features that the cache lacks, and keep them there.

    ``compute_features`` then finds them. Images that cannot be read are left to it, too.

    Args:
        address: as in ``cluster_joined``; its machines see the data set where this one does.
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
            cluster_joined(address),
            tqdm(total=len(missing), desc="features", disable=None, unit="view") as bar,
        ):
            places = find_places(gpu=options.engine in ("auto", "keras"))
            network = (_as_bytes(backbone), fingerprint(backbone), backbone.input_shape[1])
            how = (replace(options, cores=places.cores), len(missing))
            arguments = (*network, Path.cwd(), *how)
            with closing(run_on_workers(shards, FeatureWorker, arguments, places)) as done:
                for shard, rows in done:
                    if isinstance(rows, UserError):
                        raise rows
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
        network: bytes,
        key: str,
        side: int,
        folder: Path,
        options: EngineOptions,
        inputs: int,
    ) -> None:
        """``side`` is that of the network's input; paths may be relative to ``folder``."""
        self._network = network
        self._key = key
        self._side = side
        self._folder = folder
        self._options = options
        self._inputs = inputs

    def open(self) -> None:
        """Open the network.

        Raises:
            UserError: the engine is not there, or this machine does not see the run's folder.
        """
        enter_folder(self._folder)
        self._run = open_engine(self._options, self._backbone, key=self._key, inputs=self._inputs)

    def run(self, shard: Sequence[View]) -> list[tuple[int, NDArray[np.float32]]]:
        """Compute a shard: each view's place in it with its features; not of unreadable images."""
        return list(self._run(pixels_of(shard, self._side)))

    def stop(self) -> None:
        """Let the shard be finished."""

    def _backbone(self) -> "keras.Model":
        keras = load_keras()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.keras"
            path.write_bytes(self._network)
            return keras.models.load_model(path, compile=False)


def _as_bytes(backbone: "keras.Model") -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        backbone.save(path)
        return path.read_bytes()
