"""The head: two dense layers on the frozen backbone, trained in NumPy, saved as Keras layers.

They are so small that a framework takes longer around each step than the step itself takes. In
NumPy they are measured to learn 1.5 times as fast as in Keras, and the numbers are the same on
every backend of Keras and on any number of cores.
"""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import LabelBinarizer, StandardScaler
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from activity.common.cores import usable_cores
from activity.common.errors import UserError
from activity.common.interruption import delay_interrupts
from activity.network.artifacts import save_classifier
from activity.network.classifier import Classifier
from activity.network.engine import EngineOptions, prefers_openvino
from activity.network.imagenet_names import probabilities_of_names
from activity.network.profiles import Likeness, profiles_of
from activity.network.unknown import Answers, known_confidence, unsure_share
from activity.temporal.learned import LearnedSpan
from activity.training.features.sets import Examples, FeatureSets

Floats = NDArray[np.float32]

_ROWS_AT_ONCE = 1024
_LARGEST_BATCH = 1024
_PHOTOS_OF_PROFILE = 1000

SHARES = 4
"""The hidden units learn in so many shares at once, however many cores there are, so that the
numbers are the same on any number of cores."""


@dataclass(frozen=True)
class Optimization:
    """AdamW with a rate that falls along a cosine from ``learning_rate`` to 0."""

    learning_rate: float
    weight_decay: float
    batch_size: int


# These were chosen on photos held out of the training photos; docs/recipe.md has the comparisons,
# and says where a choice was not blind.
HEAD = Optimization(learning_rate=1e-3, weight_decay=1.0, batch_size=64)
HIDDEN_UNITS = 512
DROPOUT = 0.5

# Of AdamW: Keras's values.
_MOMENTUM = 0.9
_MOMENTUM_OF_SQUARES = 0.999
_EPSILON = 1e-7

# For the sake of --unknown: a head that is not driven to be certain is less sure of what it has
# never seen.
LABEL_SMOOTHING = 0.1


@dataclass(frozen=True)
class History:
    """Loss and accuracy while the head was trained; each list has one figure an epoch.

    No outlier is counted. Where there was nothing to test with, the last two are empty.
    """

    loss: list[float]
    accuracy: list[float]
    test_loss: list[float]
    test_accuracy: list[float]


@dataclass(frozen=True, eq=False)
class Trained:
    """A backbone and the head that was trained on it.

    Attributes:
        backbone: from RGB pixels to features.
        head: from features to probabilities.
        features: what the head was trained with; what is tested with is as this backbone sees it.
        history: history of the head's training.
        fine_tuning: share of the images held out for it that is right with frozen stages, and
            after each epoch of fine-tuning, 0..1; empty if there was none.
        likeness: what the images look like; None where ImageNet's classifier does not fit the
            features, as after fine-tuning.
    """

    backbone: keras.Model
    head: keras.Sequential
    features: FeatureSets
    history: History
    fine_tuning: tuple[float, ...] = ()
    likeness: Likeness | None = None

    @property
    def unsure(self) -> float:
        """Share of known photos that counts as unsure for ``--unknown``, 0..1."""
        return unsure_share(len(self.features.outliers))


def train_on(
    features: FeatureSets,
    backbone: keras.Model,
    *,
    epochs: int,
    seed: int,
    classifier: NDArray[np.float16] | None = None,
) -> Trained:
    """Train a head on the features of a frozen backbone; ``train_head`` says how.

    The profiles of the labels are found with the backbone's ImageNet ``classifier``, if it has one.
    """
    head, history = train_head(features.learned, features.test, epochs=epochs, seed=seed)
    likeness = None if classifier is None else learn_likeness(features.train, classifier)
    return Trained(backbone, head, features, history, likeness=likeness)


def train_head(
    train: Examples, test: Examples, *, epochs: int, seed: int, progress: bool = True
) -> tuple[keras.Sequential, History]:
    """Train the head on frozen features. The test images are watched, never learned from.

    While training, each feature is shifted and scaled to mean 0 and deviation 1 over the training
    images of the classes. That is then folded into the first layer: the head returned takes raw
    features. The features are used where they lie, and never copied whole.

    Args:
        train: what is learned from, with outliers among it; each epoch sees each image once, in a
            view drawn at random.
        test: what is watched; there may be none.
        epochs: passes over the training images.
        seed: seed of the initial weights, the order, the views and the dropout.
        progress: whether a bar shows the epochs on a terminal (default: yes).

    Returns:
        (head, history): the head maps features to probabilities in the targets' order.
    """
    random = np.random.default_rng(seed)
    known = train.take(train.known)
    # Outliers enlarge the batches: the classes are learned in as many steps as without them.
    batch_size = min(_LARGEST_BATCH, math.ceil(HEAD.batch_size * len(train) / len(known)))
    standardisation, weights = standardisation_of(known), train.weights
    size, labels = train.table.shape[1], train.targets.shape[1]
    steps = math.ceil(len(train) / batch_size) * epochs
    history = History([], [], [], [])
    bar = tqdm(range(epochs), "epochs", disable=None if progress else True, unit="epoch")
    pool = ThreadPoolExecutor(min(SHARES, usable_cores()))
    with delay_interrupts():  # libraries are looked for in a callback, where Ctrl-C would be lost
        one_thread = threadpool_limits(1, user_api="blas")
    with one_thread, pool as threads:
        layers = DenseLayers(size, labels, steps, random, threads)
        for _ in bar:
            learned, watched = np.zeros(3), np.zeros(3)
            order = random.permutation(len(train))
            view = random.integers(train.views, size=len(train))
            for start in range(0, len(train), batch_size):
                some = order[start : start + batch_size]
                features = standardisation.apply(train.features(some, view[some]))
                before = layers.learn(features, train.targets[some], weights[some])
                learned += _figures(before, train.targets[some])
            for piece in _pieces(test):
                features = standardisation.apply(test.features(piece))
                watched += _figures(layers.log_probabilities(features), test.targets[piece])
            history.loss.append(learned[1] / learned[0])
            history.accuracy.append(learned[2] / learned[0])
            if len(test):
                history.test_loss.append(watched[1] / watched[0])
                history.test_accuracy.append(watched[2] / watched[0])
            bar.set_postfix({name: seen[-1] for name, seen in vars(history).items() if seen})
    head = keras.Sequential(
        [
            keras.Input((size,)),
            keras.layers.Dense(HIDDEN_UNITS, activation="relu", name="head_dense"),
            keras.layers.Dropout(DROPOUT, seed=seed, name="head_dropout"),
            keras.layers.Dense(labels, activation="softmax", name="probabilities"),
        ]
    )
    (kernel, bias), of_labels = layers.weights()
    # ((x - mean) * scale) @ kernel + bias, as a product of raw x.
    raw = kernel * standardisation.scale[:, np.newaxis].astype(np.float64)
    head.layers[0].set_weights([raw, bias - standardisation.mean.astype(np.float64) @ raw])
    head.layers[-1].set_weights(of_labels)
    return head, history


def _figures(log_probabilities: Floats, targets: Floats) -> NDArray[np.float64]:
    """Count the images that have a label, sum their losses, and count those that are right."""
    known = targets.max(axis=1) > 0.5
    log_probabilities, targets = log_probabilities[known], targets[known]
    right = log_probabilities.argmax(axis=1) == targets.argmax(axis=1)
    return np.array([len(right), losses(log_probabilities, targets).sum(), right.sum()])


def _pieces(examples: Examples) -> list[slice]:
    """Cut examples into pieces whose features fit into memory."""
    starts = range(0, len(examples), _ROWS_AT_ONCE)
    return [slice(start, start + _ROWS_AT_ONCE) for start in starts]


def predict(head: keras.Sequential, examples: Examples) -> Floats:
    """Predict from features, those of the first view of each image.

    In NumPy, since not every backend that Keras may run on here predicts exactly.

    Returns:
        Probabilities, shape (images, labels).
    """
    kernel, bias, label_kernel, label_bias = head.get_weights()
    probabilities = np.empty((len(examples), len(label_bias)), np.float32)
    for some in _pieces(examples):
        active = np.maximum(examples.features(some) @ kernel + bias, 0)
        logits = active @ label_kernel + label_bias
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities[some] = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def learn_likeness(train: Examples, classifier: NDArray[np.float16]) -> Likeness:
    """Find the profiles of the labels; it does not know yet how known photos compare.

    Args:
        train: images of the labels, no outliers.
        classifier: of ImageNet's names, as ``backbone.build_with_classifier`` gives it.
    """
    names, labels = [], train.labels
    for label in range(train.targets.shape[1]):
        places = np.flatnonzero(labels == label)
        some = np.linspace(0, len(places) - 1, min(len(places), _PHOTOS_OF_PROFILE)).astype(int)
        names.append(probabilities_of_names(train.features(places[some]), classifier))
    return Likeness(classifier, profiles_of(names))


def answers(
    likeness: Likeness | None, probabilities: NDArray[np.float32], examples: Examples
) -> Answers:
    """Put together what the network says of images, and how sure it is.

    Args:
        likeness: what the images are compared with; None for their highest probabilities alone.
        probabilities: of the images, shape (images, labels).
        examples: the images.
    """
    if likeness is None:
        return Answers.of(probabilities)
    confidence = np.empty(len(examples), np.float32)
    for some, names in names_of_examples(examples, likeness):
        confidence[some] = likeness.confidence(probabilities[some], names)
    return Answers(probabilities, confidence)


def names_of_examples(
    examples: Examples, likeness: Likeness
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yield places of some images, and the probabilities of their names, (images, 1000)."""
    for some in _pieces(examples):
        yield some, probabilities_of_names(examples.features(some), likeness.classifier)


def join(backbone: keras.Model, head: keras.Sequential) -> keras.Model:
    """Join backbone and head to the one model that is saved: RGB pixels to probabilities."""
    output = backbone.output
    for layer in head.layers:
        output = layer(output)
    return keras.Model(backbone.input, output, name="activity")


def leave_export(trained: Trained, classifier: Classifier, options: EngineOptions) -> list[str]:
    """Export what was saved, so that ``predict_video.py`` does not need Keras to open it.

    Nothing is exported where the engine would be Keras.

    Returns:
        What went wrong, in plain words; the saved model is complete all the same.
    """
    try:
        if prefers_openvino(options):
            classifier.keep_export(join(trained.backbone, trained.head), options)
    except UserError as error:
        return [str(error)]
    return []


def save(
    trained: Trained,
    known: Answers,
    learned: Sequence[LearnedSpan],
    model: Path,
    label_bin: Path,
) -> None:
    """Write the model and its label binarizer.

    With the binarizer goes how sure the model is of test images, what the images of each label
    look like, and which spans of clips it has learned from.

    Args:
        trained: what is saved.
        known: what it says of the test images.
        learned: spans of clips that it has learned from.
        model, label_bin: paths of the files to write.

    Raises:
        UserError: the file system refuses to write.
    """
    likeness = trained.likeness
    if likeness is not None:
        likeness = replace(likeness, known=tuple(known_confidence(known.confidence)))
    save_classifier(
        join(trained.backbone, trained.head),
        LabelBinarizer().fit(trained.features.classes),
        known_confidence=known_confidence(known.probabilities.max(axis=1, initial=0)),
        unsure=trained.unsure,
        learned=learned,
        likeness=likeness,
        model_path=model,
        label_bin_path=label_bin,
    )


@dataclass(frozen=True, eq=False)
class Standardisation:
    """Scales features to mean 0 and deviation 1: (features - mean) * scale.

    Attributes:
        mean, scale: float32, shape (feature size,).
    """

    mean: Floats
    scale: Floats

    def apply(self, features: Floats) -> Floats:
        """Standardise features in place, shape (images, feature size), and return them."""
        features -= self.mean
        features *= self.scale
        return features


def standardisation_of(examples: Examples) -> Standardisation:
    """Fit the scaling of each feature to the first view of the examples."""
    scaler = StandardScaler()
    for some in _pieces(examples):
        scaler.partial_fit(examples.features(some))
    deviation = np.sqrt(scaler.var_)
    # A feature that (but for rounding) never changes says nothing: it is scaled to 0.
    alive = deviation > 1e-6 * deviation.max()
    scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=alive)
    return Standardisation(scaler.mean_.astype(np.float32), scale.astype(np.float32))


class DenseLayers:
    """From features to hidden units (ReLU, dropout), and to probabilities of labels (softmax).

    Args:
        feature_size: length of a feature vector.
        labels: number of labels.
        steps: number of steps.
        random: draws the initial weights, and what is dropped.
        threads: run the shares of a step, at best ``SHARES`` at once. The products of each must not
            have threads of their own: BLAS threads spin while they wait for one another, and if
            another program uses the cores, a step takes ten times as long.
    """

    def __init__(
        self,
        feature_size: int,
        labels: int,
        steps: int,
        random: np.random.Generator,
        threads: Executor,
    ) -> None:
        kernels = np.split(_uniform(random, feature_size, HIDDEN_UNITS), SHARES, axis=1)
        label_kernels = np.split(_uniform(random, HIDDEN_UNITS, labels), SHARES)
        shares = zip(kernels, label_kernels, random.spawn(SHARES), strict=True)
        self._shares = [
            _HiddenUnits(kernel.copy(), label_kernel.copy(), steps, of_share)
            for kernel, label_kernel, of_share in shares
        ]
        self._bias = np.zeros(labels, np.float32)
        self._optimizer = AdamW([self._bias], steps)
        self._threads = threads

    def learn(self, features: Floats, targets: Floats, counts: Floats) -> Floats:
        """Take one step towards smaller losses.

        Args:
            features: shape (images, feature size).
            targets: shape (images, labels), each with a sum of 1.
            counts: how much each image counts, shape (images,).

        Returns:
            Logarithms of the probabilities before the step, and after dropout; shape (images,
            labels).
        """
        before = self.log_probabilities(features, dropout=True)
        error = np.exp(before) - _smoothed(targets)
        error *= counts[:, np.newaxis] / len(features)
        list(self._threads.map(lambda share: share.learn(features, error), self._shares))
        self._optimizer.step([error.sum(axis=0)])
        return before

    def log_probabilities(self, features: Floats, *, dropout: bool = False) -> Floats:
        """Compute logarithms of probabilities, shape (images, labels).

        Args:
            features: shape (images, feature size).
            dropout: whether some of the hidden units are dropped (default: no).
        """
        logits = self._threads.map(lambda share: share.logits(features, dropout), self._shares)
        sums = self._bias + sum(logits)
        sums -= sums.max(axis=1, keepdims=True)
        sums -= np.log(np.exp(sums).sum(axis=1, keepdims=True))
        return sums

    def weights(self) -> list[list[Floats]]:
        """Return the kernel and bias of each layer, as Keras's ``Dense`` has them."""
        kernel = np.concatenate([share.kernel for share in self._shares], axis=1)
        bias = np.concatenate([share.bias for share in self._shares])
        label_kernel = np.concatenate([share.label_kernel for share in self._shares])
        return [[kernel, bias], [label_kernel, self._bias]]


class _HiddenUnits:
    """Some of the hidden units: their contribution to the logits, and how they learn."""

    def __init__(
        self, kernel: Floats, label_kernel: Floats, steps: int, random: np.random.Generator
    ) -> None:
        self.kernel = kernel
        self.bias = np.zeros(kernel.shape[1], np.float32)
        self.label_kernel = label_kernel
        weights = [self.kernel, self.bias, self.label_kernel]
        self._optimizer = AdamW(weights, steps)
        self._gradients = [np.empty_like(weight) for weight in weights]
        self._random = random
        self._active = np.empty(0, np.float32)

    def logits(self, features: Floats, dropout: bool) -> Floats:
        """Compute their contribution to the logits, shape (images, labels).

        With dropout, some of the units are dropped, which are drawn for each image.
        """
        active: Floats = features @ self.kernel
        active += self.bias
        np.maximum(active, 0, out=active)
        if dropout:
            active *= self._random.random(active.shape, np.float32) >= DROPOUT
            active /= 1 - DROPOUT
        self._active = active
        return active @ self.label_kernel

    def learn(self, features: Floats, error: Floats) -> None:
        """Take one step, after ``logits`` with the same features and dropout.

        Args:
            error: gradient of the loss by the logits, shape (images, labels).
        """
        kernel_gradient, bias_gradient, label_kernel_gradient = self._gradients
        np.matmul(self._active.T, error, out=label_kernel_gradient)
        unit_error = error @ self.label_kernel.T
        unit_error *= self._active > 0  # neither dropped nor cut off by the ReLU
        unit_error /= 1 - DROPOUT
        np.matmul(features.T, unit_error, out=kernel_gradient)
        np.sum(unit_error, axis=0, out=bias_gradient)
        self._optimizer.step(self._gradients)


def losses(log_probabilities: Floats, targets: Floats) -> Floats:
    """Compute the cross-entropy with smoothed targets of each image, shape (images,)."""
    return -(_smoothed(targets) * log_probabilities).sum(axis=1)


def _smoothed(targets: Floats) -> Floats:
    return targets * (1 - LABEL_SMOOTHING) + LABEL_SMOOTHING / targets.shape[1]


def _uniform(random: np.random.Generator, inputs: int, outputs: int) -> Floats:
    """Draw the initial weights of a layer as Keras does.

    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010.
    """
    limit = np.sqrt(6 / (inputs + outputs))
    return random.uniform(-limit, limit, (inputs, outputs)).astype(np.float32)


class AdamW:
    """Updates NumPy arrays in place, as Keras's AdamW does with a rate that falls along a cosine
    (I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019).

    Args:
        weights: what is trained, float32 arrays of any shape.
        steps: number of steps, after which the rate reaches 0; ``HEAD`` has the highest rate and
            the weight decay.
    """

    def __init__(self, weights: Sequence[Floats], steps: int) -> None:
        self._weights, self._steps, self._done = weights, steps, 0
        self._means = [np.zeros_like(weight) for weight in weights]
        self._squares = [np.zeros_like(weight) for weight in weights]
        self._scratch = [np.empty_like(weight) for weight in weights]

    def step(self, gradients: Sequence[Floats]) -> None:
        """Take one step.

        Args:
            gradients: of the loss, one for each of the weights and of its shape.
        """
        rate = HEAD.learning_rate * (1 + math.cos(math.pi * self._done / self._steps)) / 2
        self._done += 1
        # The running means start at 0, and are too small at first.
        correction = math.sqrt(1 - _MOMENTUM_OF_SQUARES**self._done) / (1 - _MOMENTUM**self._done)
        for weight, gradient, mean, square, scratch in zip(
            self._weights, gradients, self._means, self._squares, self._scratch, strict=True
        ):
            weight *= 1 - rate * HEAD.weight_decay
            mean *= _MOMENTUM
            mean += np.multiply(gradient, 1 - _MOMENTUM, out=scratch)
            square *= _MOMENTUM_OF_SQUARES
            np.multiply(gradient, gradient, out=scratch)
            scratch *= 1 - _MOMENTUM_OF_SQUARES
            square += scratch
            np.sqrt(square, out=scratch)
            scratch += _EPSILON
            np.divide(mean, scratch, out=scratch)
            scratch *= rate * correction
            weight -= scratch
