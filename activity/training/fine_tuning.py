"""Fine-tuning: the last stages of the backbone learn, too, together with the head.

What the stages before them give never changes: it is computed once for each view, so that an epoch
costs only the stages that learn.
"""

from collections.abc import Iterator
from dataclasses import replace

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.common.errors import UserError
from activity.common.interruption import delay_interrupts
from activity.common.keras_settings import compile_options
from activity.network.backbone import split_backbone
from activity.network.engine import EngineOptions
from activity.training.feature_maps import feature_maps_on_disk
from activity.training.feature_sets import Examples, with_features_of
from activity.training.head import train_head
from activity.training.hyperparameters import FINE_TUNING, HELD_OUT_SHARE, LABEL_SMOOTHING
from activity.training.split import files_taken_at_once
from activity.training.trained import Trained


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
    trained = replace(trained, fine_tuning=tuple(count / max(1, len(held_out)) for count in right))
    if best == 0:
        return trained
    features = with_features_of(backbone, trained.features, options)
    return replace(trained, head=tuned_head, features=features)


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
    """Let all learn but batch norm: a layer of it that is frozen uses its stored statistics."""
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
) -> tuple[int, list[int]]:
    """Train ``model`` on feature maps of ``train``; leave it as it was after its best epoch.

    Returns:
        (best, right): the best epoch, 0 if none was better than frozen stages and the model is
        as it was; and how many held-out images are right, before the first epoch and after each.
    """
    targets, counts = train.targets, train.weights
    steps = -(-len(learned) // FINE_TUNING.batch_size)
    model.compile(
        optimizer=keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(FINE_TUNING.learning_rate, steps * epochs),
            weight_decay=FINE_TUNING.weight_decay,
        ),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=LABEL_SMOOTHING),
        **compile_options(),
    )
    keras.utils.set_random_seed(seed)
    random = np.random.default_rng(seed)
    views = feature_maps.shape[1]
    first_view = random.integers(views, size=len(feature_maps))
    right = [_count_right(model, feature_maps, targets, held_out)]
    best, weights = 0, model.get_weights()
    bar = tqdm(total=epochs * len(learned), desc="fine-tuning", disable=None, unit="image")
    with bar, delay_interrupts(raise_again=False) as interrupted:
        for epoch in range(1, epochs + 1):
            # Image by image in turn, so that each view is learned from as often as any other.
            view = (first_view + epoch) % views
            for images in _batches(random.permutation(learned)):
                if interrupted():
                    break
                model.train_on_batch(
                    feature_maps[images, view[images]].astype(np.float32),
                    targets[images],
                    sample_weight=counts[images],
                )
                bar.update(len(images))
            if interrupted():
                bar.write("[INFO] interrupted: fine-tuning ends with the best epoch so far")
                break
            right.append(_count_right(model, feature_maps, targets, held_out))
            # With few images to choose by, as good as frozen is likely to be worse.
            if right[epoch] > right[0] and right[epoch] >= right[best]:
                best, weights = epoch, model.get_weights()
            bar.set_postfix(accuracy_on_held_out=right[epoch] / max(1, len(held_out)))
    model.set_weights(weights)
    frozen, found = (right[epoch] / max(1, len(held_out)) for epoch in (0, best))
    if best > 0:
        print(
            f"[INFO] best epoch: {best}, with {found:.1%} of the held-out images right "
            f"({frozen:.1%} with frozen stages)"
        )
    else:
        print(
            f"[INFO] no epoch was better than frozen stages, with {frozen:.1%} of the held-out "
            "images right: the network stays frozen"
        )
    return best, right


def _count_right(
    model: keras.Model,
    feature_maps: NDArray[np.float16],
    targets: NDArray[np.float32],
    images: NDArray[np.intp],
) -> int:
    """Count images that are right by their first view, the one that frames are seen in."""
    return sum(
        int(
            (
                model.predict_on_batch(feature_maps[some, 0].astype(np.float32)).argmax(axis=1)
                == targets[some].argmax(axis=1)
            ).sum()
        )
        for some in _batches(images)
    )


def _batches(images: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    return (
        images[start : start + FINE_TUNING.batch_size]
        for start in range(0, len(images), FINE_TUNING.batch_size)
    )
