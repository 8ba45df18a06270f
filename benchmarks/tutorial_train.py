"""The source tutorial's training, written plainly, to compare train.py with.

All photos are read into memory. In every epoch each photo is augmented and goes through the whole
network. The optimizer is plain SGD. It differs from the tutorial in two points, both in its favour:
the augmentation is this project's, which is faster, and pixels are preprocessed as the network
expects, which the tutorial forgot.
"""

import argparse
import json
import time
from pathlib import Path

import keras
import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelBinarizer

from activity.media.augmentation import augmented_view
from activity.media.frame import Frame
from activity.media.photo import decode_image
from activity.network.backbone import build_backbone
from activity.training.data.dataset import find_images
from activity.training.data.split import split_photos


class AugmentedPhotos(keras.utils.PyDataset):
    """Batches of training photos, augmented anew in every epoch."""

    def __init__(self, photos: np.ndarray, targets: np.ndarray, batch_size: int = 32) -> None:
        super().__init__()
        self.photos, self.targets, self.batch_size = photos, targets, batch_size
        self.order = np.random.default_rng(42).permutation(len(photos))
        self.epoch = 1

    def __len__(self) -> int:
        return len(self.photos) // self.batch_size

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self.order[batch * self.batch_size : (batch + 1) * self.batch_size]
        photos = [augmented_view(self.photos[i], f"{i:064x}", self.epoch) for i in chosen]
        return np.stack(photos).astype(np.float32), self.targets[chosen]

    def on_epoch_end(self) -> None:
        self.epoch += 1


def read(path: Path) -> np.ndarray:
    photo = decode_image(path.read_bytes())
    if photo is None:
        raise SystemExit(f"cannot read {path}: remove it, the tutorial reads every photo")
    return Frame(photo).network_input("squashed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--labels", nargs="+", default=["weight_lifting", "tennis", "football"])
    parser.add_argument("--weights", default="random")
    parser.add_argument("--epochs", type=int, default=1)
    args = parser.parse_args()

    started = time.perf_counter()
    found = find_images([args.dataset], args.labels).photos
    names, labels = [photo.image.path for photo in found], [photo.label for photo in found]
    photos = np.stack([read(photo.image.file) for photo in found])
    targets = LabelBinarizer().fit_transform(labels).astype(np.float32)
    training, test = split_photos(names, labels)

    keras.utils.set_random_seed(42)
    backbone = build_backbone("resnet50", args.weights)
    layers = keras.layers
    output = layers.Dense(512, activation="relu")(backbone.output)
    output = layers.Dense(targets.shape[1], activation="softmax")(layers.Dropout(0.5)(output))
    model = keras.Model(backbone.input, output)
    decay = keras.optimizers.schedules.InverseTimeDecay(1e-4, 1, 1e-4 / args.epochs)
    model.compile(
        optimizer=keras.optimizers.SGD(decay, momentum=0.9),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    prepared = time.perf_counter()
    model.fit(
        AugmentedPhotos(photos[training], targets[training]),
        validation_data=(photos[test].astype(np.float32), targets[test]),
        epochs=args.epochs,
        verbose=0,
    )
    fitted = time.perf_counter()
    probabilities = model.predict(photos[test].astype(np.float32), verbose=0)
    print(
        json.dumps(
            {
                "seconds_besides_epochs": prepared - started + time.perf_counter() - fitted,
                "seconds_an_epoch": (fitted - prepared) / args.epochs,
                "photos": len(names),
                "accuracy": accuracy_score(targets[test].argmax(1), probabilities.argmax(1)),
            }
        )
    )


if __name__ == "__main__":
    main()
