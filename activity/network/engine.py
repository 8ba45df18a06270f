"""Inference engines: a frozen network run over a stream of pixels, in order.

An engine is a function from a stream of (tag, pixels) to a stream of (tag, output). The tag is
whatever the caller wants back beside the output: a photo's place in a table, or a whole frame. One
that holds much says so in an attribute ``nbytes``.
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

from activity.common.background import in_background
from activity.common.errors import UserError
from activity.common.keras_settings import compiles_for_each_shape, has_gpu
from activity.network.openvino_export import EXPORT_NAME, can_export, export

if TYPE_CHECKING:
    import keras

Tag = TypeVar("Tag")
Stream = Iterable[tuple[Tag, NDArray[np.uint8]]]


class Engine(Protocol):
    """What runs a network: from RGB pixels, uint8, shape (side, side, 3), to its output, float32.

    The output is a feature vector or probabilities, shape (size,). Each comes with the tag of its
    input, and in the same order.
    """

    def __call__(self, stream: Stream[Tag], /) -> Iterator[tuple[Tag, NDArray[np.float32]]]: ...


ENGINES = ("auto", "keras", "openvino")

# Exporting a network takes OpenVINO some 8 seconds, and it saves some 30 ms a photo or frame: 270
# of them pay for it in one run, and fewer where the export serves the next run, too.
_WORTH_AN_EXPORT = 100

# What the tags of a batch may hold in memory: frames wait until their batch is full.
_BYTES_A_BATCH = 2**27

# An export of ResNet50 takes 94 MB.
_EXPORTS_KEPT = 5


@dataclass(frozen=True)
class EngineOptions:
    """How a network is run.

    Attributes:
        engine: one of ``ENGINES``; or ``"int8"`` for what ``train.py --int8`` has written, where a
            saved classifier is opened.
        batch_size: largest batch of the Keras engine.
        cache_folder: where features and exported networks are kept; None keeps none.
        cores: how many OpenVINO may use; None for all.
        low_latency: inputs will come one at a time, from a live source.
    """

    engine: str = "auto"
    batch_size: int = 32
    cache_folder: Path | None = None
    cores: int | None = None
    low_latency: bool = False

    @property
    def exports(self) -> Path | None:
        """Folder of the exported networks; None if none are kept."""
        return self.cache_folder and self.cache_folder / "exports"


def open_engine(
    options: EngineOptions, load: Callable[[], "keras.Model"], *, key: str, inputs: int | None
) -> Engine:
    """Open the engine a person named, or with ``"auto"`` the one that will be done first.

    ``"auto"`` takes OpenVINO where it is installed, there is no GPU, and the export is there
    already or the work long enough to pay for it.

    Args:
        options: how the network is run.
        load: gives the Keras model; not called where an earlier export serves.
        key: what tells this model from every other, as a file name.
        inputs: how many photos or frames will come; None if it is not known.

    Raises:
        UserError: OpenVINO was named and is not installed or cannot export the model.
    """
    installed = importlib.util.find_spec("openvino") is not None
    if options.engine == "openvino" and not installed:
        raise UserError("OpenVINO is not installed: pip install openvino, or use --engine keras")
    if options.engine == "keras" or not installed:
        return keras_engine(load(), options.batch_size)
    folder = options.exports and options.exports / key
    if folder is not None and folder.is_dir():
        try:
            return openvino_engine(folder / EXPORT_NAME, options)
        except UserError:
            shutil.rmtree(folder, ignore_errors=True)  # damaged: exported again below
    model = load()
    if options.engine == "auto" and (not _worth_exporting(inputs) or not can_export() or has_gpu()):
        return keras_engine(model, options.batch_size)
    if folder is not None:
        try:
            engine = openvino_engine(export(model, folder), options)
            _remove_oldest(folder.parent)
            return engine
        except OSError as error:
            print(f"[INFO] the exported network is not kept in {folder.parent}: {error}")
    # A file that OpenVINO has open cannot be removed on Windows.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        return openvino_engine(export(model, Path(temporary) / key), options)


def keras_engine(model: "keras.Model", batch_size: int) -> Engine:
    """Run a model with Keras, on whatever device its backend has, in batches.

    Args:
        model: from pixels to features or probabilities.
        batch_size: inputs at once, at most.
    """
    # Compiling takes seconds: a batch that is smaller is filled up.
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
    """Run an exported model with OpenVINO on the CPU, some single inputs at a time.

    On these networks a stream of single inputs for each core is quicker than batches: the
    activations of one input stay in the core's cache.

    Args:
        export: what ``export`` wrote.
        options: how many cores it may use; and with ``low_latency``, all of them work on one input:
            half the time for it alone, and a little less throughput.

    Raises:
        UserError: the export cannot be read.
    """
    import openvino

    core = openvino.Core()
    try:
        network = core.read_model(export)
        # Pixels arrive as bytes; the network casts them itself, in its first step.
        convert = openvino.preprocess.PrePostProcessor(network)
        convert.input().tensor().set_element_type(openvino.Type.u8)
        network = convert.build()
        network.reshape([1, *network.input().partial_shape[1:]])
        # A processor with bfloat16 would otherwise take it, and answer less exactly.
        hint = "LATENCY" if options.low_latency else "THROUGHPUT"
        settings = {"PERFORMANCE_HINT": hint, "INFERENCE_PRECISION_HINT": "f32"}
        if options.cores is not None:
            settings["INFERENCE_NUM_THREADS"] = str(options.cores)
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


def _worth_exporting(inputs: int | None) -> bool:
    return inputs is None or inputs >= _WORTH_AN_EXPORT


def _remove_oldest(exports: Path) -> None:
    oldest_first = sorted(
        (path for path in exports.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime
    )
    for path in oldest_first[:-_EXPORTS_KEPT]:
        shutil.rmtree(path, ignore_errors=True)
