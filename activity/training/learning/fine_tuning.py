"""Fine-tuning: the last stages of the backbone learn, too, together with the head.

The outputs of the stages before them never change: they are computed once for each view, so that an
epoch costs only the stages that learn.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.common.errors import UserError
from activity.common.interruption import delay_interrupts
from activity.common.keras_settings import compile_options
from activity.common.writing import temporary_file
from activity.media.images import Image
from activity.network.backbone import fingerprint, split_backbone
from activity.network.engine import EngineOptions, open_engine
from activity.training.data.split import files_taken_at_once
from activity.training.features.sets import Examples, with_features_of
from activity.training.features.views import View, pixels_of
from activity.training.learning.head import LABEL_SMOOTHING, Optimization, Trained, train_head

# Chosen like the settings of the head: docs/recipe.md.
FINE_TUNING = Optimization(learning_rate=3e-4, weight_decay=0.05, batch_size=64)

HELD_OUT_SHARE = 0.1
"""Share of each label's files that is held out of the training images, to choose the epoch by."""

# What their file is for, and what to do where it cannot be made.
_FEATURE_MAPS = ("what the frozen stages give", "give --cache a folder that can be written to")

MOST_BYTES = 16 * 2**30
"""Of the file of feature maps: where there are too many images, fewer of their views are kept, at
least one."""


def fine_tune(
    trained: Trained, options: EngineOptions, epochs: int, head_epochs: int, seed: int
) -> Trained:
    """Train the backbone's last stages and a head; statistics of batch norm stay as they are.

    A tenth of the training images is held out. A new head is trained on the others (the head of
    all images knows those that are held out), and with it, at a small rate, the last stages, on
    each view and its mirror image. The epoch that is right on most of the held-out images is kept;
    if none is better than frozen stages, the backbone and the head stay as they were.

    Ctrl-C or SIGTERM ends the epochs early, and the best of those that were complete is kept.

    Args:
        trained: on a frozen backbone of ``build_backbone``, whose last stages are changed in place.
        options: how the stages that stay frozen are run.
        epochs: passes over the training images; each shows each image in one of its views.
        head_epochs: epochs of the new head, before the stages learn with it.
        seed: seed of what is held out, the order, the views and the dropout.

    Returns:
        The backbone, and the head that belongs to it as it is now.

    Raises:
        UserError: the disk is full, or all that is to be learned from was changed meanwhile.
    """
    backbone, train = trained.backbone, trained.features.learned
    learned, held_out = _hold_out(train, seed)
    print(f"[INFO] fine-tuning: {len(learned)} images to learn from, {len(held_out)} held out")
    if not len(held_out):
        print("[INFO] too few to tell whether fine-tuning helps: the network stays frozen")
        return trained
    frozen, learning = split_backbone(backbone)
    tuned_head, _ = train_head(
        train.take(learned), train.take(held_out), epochs=head_epochs, seed=seed, progress=False
    )
    model = keras.Model(learning.input, tuned_head(learning.output))
    with feature_maps_on_disk(frozen, train.images, train.views, options) as (maps, whole):
        if not whole.all():
            print(f"[INFO] left out: {np.sum(~whole)} images that changed during the run")
        learned, held_out = learned[whole[learned]], held_out[whole[held_out]]
        if not len(learned):
            raise UserError("the images changed during training: run it again")
        _let_learn(learning)
        best, right = _train(model, maps, train, learned, held_out, epochs=epochs, seed=seed)
    backbone.trainable = False
    trained = replace(trained, fine_tuning=tuple(right))
    if best == 0:
        return trained
    features = with_features_of(backbone, trained.features, options)
    # ImageNet's classifier does not fit the features that the network gives now.
    return replace(trained, head=tuned_head, features=features, likeness=None)


def _hold_out(train: Examples, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Hold out a tenth of each label's files, of those that show one label only.

    Frames of one clip are never on both sides, nor are a live photo and its clip, and outliers are
    all learned from.
    """
    labels, files = train.labels, files_taken_at_once(train.images)
    labels[~train.known] = -1
    labels_of: dict[str, set[int]] = {}
    for file, label in zip(files, labels.tolist(), strict=True):
        labels_of.setdefault(file, set()).add(label)
    random = np.random.default_rng(seed)
    held_out: set[str] = set()
    for label in range(labels.max() + 1):
        candidates = sorted(file for file, shown in labels_of.items() if shown == {label})
        order = random.permutation(len(candidates))[: round(HELD_OUT_SHARE * len(candidates))]
        held_out.update(candidates[place] for place in order)
    aside = np.array([file in held_out for file in files])
    return np.flatnonzero(~aside), np.flatnonzero(aside)


def _let_learn(stages: keras.Model) -> None:
    """Make all layers trainable except batch norm, which then uses its stored statistics."""
    for layer in stages.layers:
        if isinstance(layer, keras.Model):
            _let_learn(layer)
        else:
            layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)


def _train(
    model: keras.Model,
    feature_maps: NDArray[np.float16],
    train: Examples,
    learned: NDArray[np.intp],
    held_out: NDArray[np.intp],
    *,
    epochs: int,
    seed: int,
) -> tuple[int, list[float]]:
    """Train ``model`` on feature maps of ``train``; leave it as it was after its best epoch.

    Returns:
        (best, right): the best epoch, 0 if none was better than frozen stages and the model is
        as it was; and the share of held-out images that is right, before the first epoch and
        after each.
    """
    counts = train.weights
    steps = -(-len(learned) // FINE_TUNING.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(FINE_TUNING.learning_rate, steps * epochs)
    model.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=FINE_TUNING.weight_decay),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=LABEL_SMOOTHING),
        **compile_options(),
    )
    keras.utils.set_random_seed(seed)
    random = np.random.default_rng(seed)
    views = feature_maps.shape[1]
    first_view = random.integers(views, size=len(feature_maps))

    right = [_share_right(model, feature_maps, train, held_out)]
    best, weights = 0, model.get_weights()
    bar = tqdm(total=epochs * len(learned), desc="fine-tuning", disable=None, unit="image")
    with bar, delay_interrupts(raise_again=False) as interrupted:
        for epoch in range(1, epochs + 1):
            # Image by image in turn, so that each view is learned from as often as any other.
            view = (first_view + epoch) % views
            for images in _batches(random.permutation(learned)):
                if interrupted():
                    break
                maps = feature_maps[images, view[images]].astype(np.float32)
                model.train_on_batch(maps, train.targets[images], sample_weight=counts[images])
                bar.update(len(images))
            if interrupted():
                bar.write("[INFO] interrupted: fine-tuning ends with the best epoch so far")
                break
            right.append(_share_right(model, feature_maps, train, held_out))
            # With few images to choose by, as good as frozen is likely to be worse.
            if right[epoch] > right[0] and right[epoch] >= right[best]:
                best, weights = epoch, model.get_weights()
            bar.set_postfix(accuracy_on_held_out=right[epoch])
    model.set_weights(weights)
    if best > 0:
        print(
            f"[INFO] best epoch: {best}, with {right[best]:.1%} of the held-out images right "
            f"({right[0]:.1%} with frozen stages)"
        )
    else:
        print(
            f"[INFO] no epoch was better than frozen stages, with {right[0]:.1%} of the held-out "
            "images right: the network stays frozen"
        )
    return best, right


def _share_right(
    model: keras.Model, feature_maps: NDArray[np.float16], train: Examples, images: NDArray[np.intp]
) -> float:
    """Return the share of images right by their first view, the one that frames are seen in."""
    right = 0
    for some in _batches(images):
        probabilities = model.predict_on_batch(feature_maps[some, 0].astype(np.float32))
        right += int((probabilities.argmax(axis=1) == train.targets[some].argmax(axis=1)).sum())
    return right / max(1, len(images))


def _batches(images: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    size = FINE_TUNING.batch_size
    return (images[start : start + size] for start in range(0, len(images), size))


@contextmanager
def feature_maps_on_disk(
    frozen: keras.Model, images: Sequence[Image], views: int, options: EngineOptions
) -> Iterator[tuple[NDArray[np.float16], NDArray[np.bool_]]]:
    """Send each view and its mirror image through the frozen stages, and keep what they give.

    It lies in an unnamed file that is gone when the block ends, or the process, however it ends.

    Args:
        frozen: from pixels to a feature map.
        images: what is learned from.
        views: views of each image.
        options: how they are run; the file lies in the cache's folder, or where there is none, in
            the system's temporary folder.

    Yields:
        (feature maps, whole): the file, mapped into memory, shape (images, 2 * views, height,
        width, channels), each view followed by its mirror image; and which images it holds, shape
        (images,): not those that were changed since they were last read.

    Raises:
        UserError: the disk is full.
    """
    shape = frozen.output_shape[1:]
    bytes_of_a_view = 2 * len(images) * math.prod(shape) * np.dtype(np.float16).itemsize
    kept = min(views, max(1, MOST_BYTES // bytes_of_a_view))
    stored = [View(image, number) for image in images for number in range(kept)]
    with temporary_file(options.cache_folder, *_FEATURE_MAPS) as file:
        run = open_engine(options, lambda: frozen, key=fingerprint(frozen), inputs=2 * len(stored))
        outputs = run(_with_mirror_images(pixels_of(stored, frozen.input_shape[1])))
        bar = tqdm(outputs, "frozen stages", 2 * len(stored), disable=None, unit="view")
        came = write_feature_maps(bar, len(stored), file)
        # Where the last views did not come, the file would be too short to be mapped.
        file.truncate(bytes_of_a_view * kept)
        maps = np.memmap(file, np.float16, "r", shape=(len(images), 2 * kept, *shape))
        yield maps, np.logical_and.reduce(came.reshape(len(images), kept), axis=1)


def check_feature_maps_can_be_kept(folder: Path | None) -> None:
    """Check that the file can be created, before the head is trained.

    Raises:
        UserError: it cannot be made in this folder.
    """
    with temporary_file(folder, *_FEATURE_MAPS):
        pass


def write_feature_maps(
    outputs: Iterable[tuple[tuple[int, int], NDArray[np.float32]]], views: int, file: IO[bytes]
) -> NDArray[np.bool_]:
    """Write feature maps to a file as float16, each view's before that of its mirror image.

    They are written rather than put into a mapped file: on a full disk a write fails, but a mapped
    page ends the process.

    Args:
        outputs: ((number of the view, 0 for itself or 1 for its mirror image), feature map), in any
            order.
        views: how many are to come, in both ways.
        file: to write to.

    Returns:
        Which views came in both ways, shape (views,).

    Raises:
        UserError: the disk is full.
    """
    came = np.zeros((views, 2), bool)
    for (view, mirrored), output in outputs:
        place = 2 * view + mirrored
        content = output.astype(np.float16).tobytes()
        try:
            file.seek(place * len(content))
            file.write(content)
            file.flush()
        except OSError as error:
            raise UserError(
                f"cannot keep the {came.size * len(content) / 1e9:.1f} GB that the frozen "
                f"stages give: {error.strerror or error}; give --cache a folder on a disk with "
                "more room, or fewer --views"
            ) from error
        came[view, mirrored] = True
    return np.logical_and.reduce(came, axis=1)


def _with_mirror_images(
    stream: Iterator[tuple[int, NDArray[np.uint8]]],
) -> Iterator[tuple[tuple[int, int], NDArray[np.uint8]]]:
    for view, pixels in stream:
        yield (view, 0), pixels
        yield (view, 1), np.ascontiguousarray(pixels[:, ::-1])
