"""What training has made: the network, the head on it, and what they were trained with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
from sklearn.preprocessing import LabelBinarizer

from activity.common.errors import UserError
from activity.network.artifacts import save_classifier
from activity.network.classifier import Classifier
from activity.network.engine import EngineOptions, prefers_openvino
from activity.network.unknown import known_confidence, unsure_share
from activity.temporal.learned import Stretch
from activity.training.evaluation import Evaluation
from activity.training.feature_sets import FeatureSets
from activity.training.head import History, join, predict, train_head


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
    """

    backbone: keras.Model
    head: keras.Sequential
    features: FeatureSets
    history: History
    fine_tuning: tuple[float, ...] = ()

    @property
    def unsure(self) -> float:
        """Share of known photos that counts as unsure for ``--unknown``, 0..1."""
        return unsure_share(len(self.features.outliers))


def train_on(features: FeatureSets, backbone: keras.Model, *, epochs: int, seed: int) -> Trained:
    """Train a head on the features of a frozen backbone; ``train_head`` says how."""
    head, history = train_head(features.learned, features.test, epochs=epochs, seed=seed)
    return Trained(backbone, head, features, history)


def evaluate(trained: Trained) -> Evaluation:
    """Classify the test images, and those of none of the classes."""
    features = trained.features
    return Evaluation(
        labels=features.classes,
        images=features.test.images,
        truth=features.test.labels,
        probabilities=predict(trained.head, features.test),
        unknown=predict(trained.head, features.unknown),
        unseen=predict(trained.head, features.unseen),
        unsure=trained.unsure,
    )


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
    evaluation: Evaluation,
    learned: Sequence[Stretch],
    model: Path,
    label_bin: Path,
) -> None:
    """Write the model and its label binarizer.

    With the binarizer goes how sure the model is of test images, and which stretches of clips it
    has learned from.

    Raises:
        UserError: the file system refuses to write.
    """
    save_classifier(
        join(trained.backbone, trained.head),
        LabelBinarizer().fit(trained.features.classes),
        known_confidence=known_confidence(evaluation.probabilities),
        unsure=trained.unsure,
        learned=learned,
        model_path=model,
        label_bin_path=label_bin,
    )
