"""Inference engines: run a frozen network over a stream of pixels, in order.

An engine is a function from a stream of (tag, pixels) to a stream of (tag, output). The tag is
whatever the caller wants back with the output, such as a photo's row in a table, or a whole frame.
One that holds much says so in an attribute ``nbytes``.
"""

import importlib.util
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from activity.common.cores import fewer_cores
from activity.common.errors import UserError
from activity.common.keras_settings import can_compute, compiles_for_each_shape, has_gpu
from activity.common.threads import in_background
from activity.network.openvino_export import EXPORT_NAME, export

if TYPE_CHECKING:
    import keras

Tag = TypeVar("Tag")
Stream = Iterable[tuple[Tag, NDArray[np.uint8]]]


class Engine(Protocol):
    """A function that runs a network over a stream of images.

    Inputs are RGB pixels, uint8, shape (side, side, 3); outputs are features or probabilities,
    float32, shape (size,). Each output comes with the tag of its input, in the same order.
    """

    def __call__(self, stream: Stream[Tag], /) -> Iterator[tuple[Tag, NDArray[np.float32]]]: ...


ENGINES = ("auto", "keras", "openvino")

# Where Keras computes, another process has to export the network. That takes some 3 seconds, and
# saves some 30 ms a photo or frame.
_WORTH_AN_EXPORT = 100

# What the tags of a batch may hold in memory: frames wait until their batch is full.
_BYTES_A_BATCH = 2**27

# An export of ResNet50 takes 94 MB. A model has two: one has ImageNet's names.
_EXPORTS_KEPT = 10


@dataclass(frozen=True)
class EngineOptions:
    """How to run a network.

    Attributes:
        engine: one of ``ENGINES``; ``Classifier.open`` also takes ``"int8"``, which runs what
            ``train.py --int8`` has written.
        batch_size: largest batch of the Keras engine.
        cache_folder: folder of features and exported networks; None keeps none.
        cores: number of cores that OpenVINO may use; None for all that this process may.
        low_latency: whether inputs come one at a time, from a live source.
    """

    engine: str = "auto"
    batch_size: int = 32
    cache_folder: Path | None = None
    cores: int | None = None
    low_latency: bool = False

    @property
    def exports(self) -> Path | None:
        """Folder of exported networks; None if none are kept."""
        return self.cache_folder and self.cache_folder / "exports"


def open_engine(
    options: EngineOptions, load: Callable[[], "keras.Model"], *, key: str, inputs: int | None
) -> Engine:
    """Open the engine that ``options`` names; ``"auto"`` stands for the fastest one.

    ``"auto"`` takes OpenVINO if it is installed and there is no GPU. Where Keras runs on a backend
    that computes, it also takes an export that is there already, or enough work to be worth one;
    otherwise Keras.

    Args:
        options: how to run the network.
        load: returns the Keras model; not called if an earlier export is used.
        key: file name for the export, different for every model.
        inputs: number of photos or frames to expect; None if unknown.

    Raises:
        UserError: OpenVINO was named and is not installed or cannot export the model.
    """
    if not prefers_openvino(options):
        return keras_engine(load(), options.batch_size)
    folder = options.exports and options.exports / key
    if folder is not None and folder.is_dir():
        try:
            return openvino_engine(folder / EXPORT_NAME, options)
        except UserError:
            shutil.rmtree(folder, ignore_errors=True)  # damaged: export it again below
    model = load()
    little_work = inputs is not None and inputs < _WORTH_AN_EXPORT
    if options.engine == "auto" and can_compute() and little_work:
        return keras_engine(model, options.batch_size)
    kept = keep_export(model, options, key)
    if kept is not None:
        return openvino_engine(kept, options)
    # A file that OpenVINO has open cannot be removed on Windows.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        return openvino_engine(export(model, Path(temporary) / key), options)


def prefers_openvino(options: EngineOptions) -> bool:
    """Tell whether OpenVINO is to run a network that is exported already, rather than Keras.

    Raises:
        UserError: OpenVINO was named and is not installed.
    """
    installed = importlib.util.find_spec("openvino") is not None
    if options.engine == "openvino" and not installed:
        raise UserError("OpenVINO is not installed: pip install openvino, or use --engine keras")
    if options.engine == "auto":
        return installed and not has_gpu()
    return options.engine != "keras"


def keep_export(model: "keras.Model", options: EngineOptions, key: str) -> Path | None:
    """Export a model for the next run; say so where that cannot be kept.

    Args:
        model: from pixels to features or probabilities.
        options: where exports are kept.
        key: what tells this model from every other, as a file name.

    Returns:
        Path of the export; None if it is not kept.

    Raises:
        UserError: it cannot be exported.
    """
    if options.exports is None:
        return None
    try:
        path = export(model, options.exports / key)
        _remove_oldest(options.exports)
        return path
    except OSError as error:
        print(f"[INFO] the exported network is not kept in {options.exports}: {error}")
        return None


def keras_engine(model: "keras.Model", batch_size: int) -> Engine:
    """Make an engine that runs a model with Keras, in batches, on the backend's device.

    Use it for a GPU, for little work, and where OpenVINO is not installed.

    Args:
        model: from pixels to features or probabilities.
        batch_size: largest number of inputs per batch.
    """
    # Compiling takes seconds, so a smaller batch is padded to the same size.
    pad = compiles_for_each_shape()

    def run(stream: Stream[Tag]) -> Iterator[tuple[Tag, NDArray[np.float32]]]:
        with closing(in_background(_batches(stream, batch_size), ahead=2)) as batches:
            for tags, pixels in batches:
                if pad:
                    pixels = np.pad(pixels, [(0, batch_size - len(tags)), *[(0, 0)] * 3])
                outputs = model.predict_on_batch(pixels)[: len(tags)]
                yield from zip(tags, outputs, strict=True)

    return run


def _batches(
    stream: Stream[Tag], batch_size: int
) -> Iterator[tuple[list[Tag], NDArray[np.float32]]]:
    tags: list[Tag] = []
    batch: list[NDArray[np.uint8]] = []
    held = 0
    for tag, pixels in stream:
        size = getattr(tag, "nbytes", 0)
        if batch and held + size > _BYTES_A_BATCH:
            yield tags, np.stack(batch).astype(np.float32)
            tags, batch, held = [], [], 0
        held += size
        tags.append(tag)
        batch.append(pixels)
        if len(batch) == batch_size:
            yield tags, np.stack(batch).astype(np.float32)
            tags, batch, held = [], [], 0
    if batch:
        yield tags, np.stack(batch).astype(np.float32)


def openvino_engine(export: Path, options: EngineOptions) -> Engine:
    """Make an engine that runs an export with OpenVINO on the CPU, one input per core at a time.

    On these networks that is faster than batches, because the activations of one input stay in the
    core's cache.

    Args:
        export: the file that ``export`` wrote.
        options: its ``cores`` limits the cores. With ``low_latency``, all cores work on one input:
            it takes half the time, at slightly less throughput.

    Raises:
        UserError: the export cannot be read.
    """
    import openvino

    core = openvino.Core()
    try:
        network = core.read_model(export)
        # Pixels stay bytes until the network's first step casts them.
        convert = openvino.preprocess.PrePostProcessor(network)
        convert.input().tensor().set_element_type(openvino.Type.u8)
        network = convert.build()
        network.reshape([1, *network.input().partial_shape[1:]])
        # OpenVINO would otherwise use bfloat16 where the CPU has it, and be less exact.
        hint = "LATENCY" if options.low_latency else "THROUGHPUT"
        settings = {"PERFORMANCE_HINT": hint, "INFERENCE_PRECISION_HINT": "f32"}
        if cores := options.cores or fewer_cores():
            settings["INFERENCE_NUM_THREADS"] = str(cores)
        compiled = core.compile_model(network, "CPU", settings)
    except RuntimeError as error:
        raise UserError(f"OpenVINO cannot read the exported model {export}") from error
    at_once = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")

    def run(stream: Stream[Tag]) -> Iterator[tuple[Tag, NDArray[np.float32]]]:
        idle = [compiled.create_infer_request() for _ in range(at_once + 1)]
        working: deque[tuple[Tag, Any]] = deque()

        def finish_oldest() -> tuple[Tag, NDArray[np.float32]]:
            tag, request = working.popleft()
            request.wait()
            idle.append(request)
            return tag, request.get_output_tensor().data[0].copy()

        with closing(in_background(stream, ahead=2)) as inputs:
            for tag, pixels in inputs:
                if not idle:
                    yield finish_oldest()
                request = idle.pop()
                request.set_input_tensor(openvino.Tensor(pixels[np.newaxis]))
                request.start_async()
                working.append((tag, request))
        while working:
            yield finish_oldest()

    return run


def first_outputs(run: Engine, count: int) -> Engine:
    """Wrap an engine so that it gives only the first ``count`` numbers of each output."""

    def first(stream: Stream[Tag]) -> Iterator[tuple[Tag, NDArray[np.float32]]]:
        for tag, output in run(stream):
            yield tag, output[:count]

    return first


def _remove_oldest(exports: Path) -> None:
    oldest_first = sorted(
        (path for path in exports.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime
    )
    for path in oldest_first[:-_EXPORTS_KEPT]:
        shutil.rmtree(path, ignore_errors=True)
