"""A saved classifier: read its two files, then open it as a function from pixels to labels."""

import glob
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from activity.common.errors import UserError
from activity.common.stores import is_stored, local_copy
from activity.media.frame import INPUT_SIZE, Frame, Framing
from activity.network.artifacts import hash_model, load_input_side, load_label_file, load_model
from activity.network.engine import (
    Engine,
    EngineOptions,
    Stream,
    Tag,
    first_outputs,
    keep_export,
    open_engine,
    openvino_engine,
)
from activity.network.imagenet_names import NAMES
from activity.network.networks import IMAGENET_MEAN_RGB
from activity.network.openvino_export import EXPORT_NAME
from activity.network.profiles import Likeness
from activity.network.unknown import UNSURE, with_unknown
from activity.temporal.learned import LearnedSpan
from activity.temporal.segments import UNKNOWN

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Classifier:
    """A saved classifier whose network is not open yet. It can be pickled.

    It is read in a fraction of a second, and sent to the workers of a cluster.

    Attributes:
        model: path of the model, as it was given.
        label_bin: path of the label binarizer, as it was given.
        digest: SHA-256 of the model file, 64 hexadecimal digits.
        activities: name of each output of the network.
        framing: how the network was trained to see a photo or frame.
        side: width and height of the network's input in pixels.
        known_confidence: the network's confidence in photos that it was not trained on, ascending;
            empty if the binarizer does not record it.
        unsure: share of these photos that counts as unsure, 0..1.
        learned: stretches of clips that the network was trained on; None if not recorded.
        unknown: whether ``unknown`` is an additional label, the last one.
        likeness: what tells how much a frame looks like the photos of each activity; None if not
            recorded.
        names: whether the network is opened with ImageNet's names behind its own outputs.
    """

    model: Path
    label_bin: Path
    digest: str
    activities: tuple[str, ...]
    framing: Framing = "centre"
    side: int = INPUT_SIZE
    known_confidence: tuple[float, ...] = ()
    unsure: float = UNSURE
    learned: tuple[LearnedSpan, ...] | None = None
    unknown: bool = False
    likeness: Likeness | None = None
    names: bool = False

    @classmethod
    def load(cls, model: Path, label_bin: Path) -> "Classifier":
        """Read the two files of a classifier, without opening the network.

        Args:
            model: a model of ``train.py``, or one that the source tutorial's script wrote.
            label_bin: the label binarizer that was written with it.

        Raises:
            UserError: one of them cannot be read, ``label_bin`` is not a label binarizer, or a
                training run replaces them at this moment.
        """
        labels = load_label_file(label_bin)
        with local_copy(model) as local:
            digest, side = hash_model(model, local), load_input_side(local)
        # train.py replaces both files at once.
        if load_label_file(label_bin) != labels:
            raise UserError(f"{label_bin} was replaced while it was read: start the run again")
        return cls(
            model=model,
            label_bin=label_bin,
            digest=digest,
            activities=tuple(labels.classes),
            framing=labels.framing,
            side=side or INPUT_SIZE,
            known_confidence=tuple(labels.known_confidence),
            unsure=labels.unsure,
            learned=labels.learned,
            likeness=labels.likeness,
        )

    @property
    def outputs(self) -> int:
        """Number of probabilities that the network itself gives, without ``unknown``."""
        return len(self.activities)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the probabilities that the opened classifier gives, in order."""
        return (*self.activities, UNKNOWN) if self.unknown else self.activities

    @property
    def key(self) -> str:
        """Cache key of what is derived from the model, such as an export.

        The number of outputs is part of it: an export under this key exists only if the model was
        seen to have that many.
        """
        return f"{self.digest}-{self.outputs}"

    @property
    def export_key(self) -> str:
        """Cache key of the export that ``open`` uses, which has the names only where asked for."""
        return f"{self.key}-names" if self.names else self.key

    @property
    def int8_folder(self) -> Path:
        """Folder of the int8 version, beside the model.

        It is named after the key, so a model that has changed never meets the old int8 version.
        """
        return self.model.with_name(f"{self.model.name}.{self.key[:16]}.int8")

    def with_unknown(self) -> "Classifier":
        """Return the same classifier with ``unknown`` as an additional label (``--unknown``).

        Raises:
            UserError: an activity has that name, or the label binarizer does not record the
                network's confidence in known photos.
        """
        if UNKNOWN in self.activities:
            raise UserError(f"the model has an activity named {UNKNOWN}: leave out --unknown")
        if not self.known_confidence:
            raise UserError(
                f"{self.label_bin} does not say how sure the model is of known photos, which "
                "--unknown needs: train it again with train.py, and with photos to test with"
            )
        return replace(self.with_names(), unknown=True)

    def with_names(self) -> "Classifier":
        """Return the same classifier, opened with ImageNet's names if it has a classifier of them.

        Without ``unknown``, they are computed and not given.
        """
        return replace(self, names=self.likeness is not None)

    def open(self, options: EngineOptions, frames: int | None = None) -> "OpenClassifier":
        """Open the network, which takes seconds.

        Args:
            options: how to run it; the engine ``"int8"`` runs what ``train.py --int8`` has written.
            frames: number of frames to expect, by which ``"auto"`` chooses the engine; None
                (default) if unknown.

        Raises:
            UserError: the model cannot be read, is not the file that ``load`` saw, takes something
                other than square RGB photos, or does not have as many outputs as the binarizer
                names activities; or int8 was asked for and there is no int8 version.
        """
        if options.engine == "int8":
            int8 = self.int8_folder / EXPORT_NAME
            if not int8.is_file():
                raise UserError(
                    f"there is no int8 version of {self.model} as it is now: train.py --int8 "
                    "writes one"
                )
            engine = openvino_engine(int8, options)
        else:
            engine = open_engine(options, self._load_network, key=self.export_key, inputs=frames)
        if self.unknown:
            engine = with_unknown(engine, self.known_confidence, self.unsure, self.likeness)
        elif self.likeness is not None:  # an int8 version always has the names
            engine = first_outputs(engine, self.outputs)
        return OpenClassifier(self, engine)

    def keep_export(self, model: "keras.Model", options: EngineOptions) -> None:
        """Export the network for ``open``, with and without ``unknown``, where exports are kept.

        Args:
            model: as it was saved, with its preprocessing inside.
            options: how it will be run.

        Raises:
            UserError: it cannot be exported.
        """
        kept = keep_export(model, options, self.key)
        if kept is not None and self.likeness is not None:
            with_names = self._with_names(model, self.likeness.classifier)
            keep_export(with_names, options, self.with_names().export_key)

    def _load_network(self) -> "keras.Model":
        model = load_model(self.model, self.digest)
        self._check_shapes(model)
        if self.names and self.likeness is not None:
            return self._with_names(model, self.likeness.classifier)
        return _with_preprocessing(model)

    def _with_names(self, model: "keras.Model", classifier: NDArray[np.float16]) -> "keras.Model":
        """Let the model give the probabilities of ImageNet's names, too, behind its own."""
        import keras

        from activity.network.backbone import FEATURES

        features = next((one.output for one in model.layers if one.name == FEATURES), None)
        if features is None or features.shape != (None, len(classifier) - 1):
            raise UserError(
                f"{self.label_bin} was written with another model than {self.model}: "
                "give the two files of one training run"
            )
        layer = keras.layers.Dense(NAMES, activation="softmax", name="imagenet", trainable=False)
        names = layer(features)
        layer.set_weights([classifier[:-1].astype(np.float32), classifier[-1].astype(np.float32)])
        return keras.Model(model.inputs, keras.layers.Concatenate()([model.output, names]))

    def _check_shapes(self, model: "keras.Model") -> None:
        expected = (None, self.side, self.side, 3)
        if getattr(model, "input_shape", None) != expected:
            raise UserError(
                f"the model {self.model} takes {getattr(model, 'input_shape', 'something unknown')}"
                f", not photos of shape {expected}: give --model a model of train.py"
            )
        if model.output_shape != (None, self.outputs):
            raise UserError(
                f"the model {self.model} gives {model.output_shape[-1]} probabilities, but the "
                f"label binarizer names {self.outputs} activities: "
                "give the two files of one training run"
            )


@dataclass(frozen=True, eq=False)
class OpenClassifier:
    """A classifier whose network is open: an ``Engine`` that gives probabilities.

    Attributes:
        saved: the classifier on disk.
        engine: from RGB pixels, uint8, shape (side, side, 3), to probabilities, shape (labels,).

    Example:
        Probabilities of the labels of a photo (BGR, as OpenCV reads it)::

            opened = Classifier.load(model, label_bin).open(EngineOptions())
            ((_, probabilities),) = opened([(None, opened.network_input(Frame(photo)))])
    """

    saved: Classifier
    engine: Engine

    def __call__(self, stream: Stream[Tag], /) -> Iterator[tuple[Tag, NDArray[np.float32]]]:
        """Classify a stream of (tag, ``network_input`` of a frame), in order, as an ``Engine``.

        Yields:
            (tag, probabilities), float32, shape (labels,), in the order of ``saved.labels``. With
            ``unknown`` and ``likeness``, what ``profiles.names_kept`` keeps stands behind them.
        """
        return self.engine(stream)

    def network_input(self, image: Frame) -> NDArray[np.uint8]:
        """Crop and scale a frame or photo as the photos were when the network was trained.

        Returns:
            RGB, uint8, shape (side, side, 3).
        """
        return image.network_input(self.saved.framing, self.saved.side)


def files_of_model(model: Path, label_bin: Path, *, engine: str = "auto") -> list[Path]:
    """List what a saved classifier is read from.

    Args:
        model: path of the model.
        label_bin: path of its label binarizer.
        engine: what runs it; ``"int8"`` reads one of the folders beside the model.
    """
    return [model, label_bin, *(files_of_int8_versions(model) if engine == "int8" else [])]


def files_of_int8_versions(model: Path) -> list[Path]:
    """List the files of all int8 versions of a model; which one is its own, only it can tell."""
    if is_stored(model):
        return []
    return [*model.parent.glob(f"{glob.escape(model.name)}.*.int8/*")]


def _with_preprocessing(model: "keras.Model") -> "keras.Model":
    """Prepend the mean subtraction to a model that has no preprocessing inside.

    The source tutorial's script saved such models. They expect RGB minus the ImageNet mean.
    """
    import keras

    from activity.network.backbone import PREPROCESSING, frozen_convolution

    if any(layer.name == PREPROCESSING for layer in model.layers):
        return model
    pixels = keras.Input(model.input_shape[1:], name="pixels")
    mean = np.array(IMAGENET_MEAN_RGB, np.float32)
    keep_rgb = np.eye(3, dtype=np.float32)
    centred = frozen_convolution(PREPROCESSING, keep_rgb, -mean)(pixels)
    return keras.Model(pixels, model(centred))
