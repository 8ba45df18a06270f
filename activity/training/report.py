"""What training gave: its score for people, and a report for the next program."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from sklearn.metrics import classification_report

from activity.common.errors import printable
from activity.common.writing import write_json
from activity.network.unknown import called_unknown, format_unknown, known_called_unknown
from activity.training.evaluation import Evaluation, share
from activity.training.leakage import Leakage
from activity.training.near_copies import NearCopies
from activity.training.outputs import report_files
from activity.training.pictures import confusion_counts, contact_sheet, plot_confusion
from activity.training.trained import Trained


def format_score(evaluation: Evaluation) -> str:
    """Format scikit-learn's table of precision, recall and F1 score for each label.

    Below it stands what ``--unknown`` would do to the images.
    """
    table = classification_report(
        evaluation.truth,
        evaluation.predicted,
        labels=range(len(evaluation.labels)),
        target_names=[printable(label) for label in evaluation.labels],
        zero_division=0,
    )
    unknown = format_unknown(
        evaluation.probabilities,
        evaluation.truth,
        evaluation.unknown,
        evaluation.unseen,
        evaluation.unsure,
    )
    return f"{table}\n[INFO] {unknown}"


def write_report(
    path: Path,
    trained: Trained,
    evaluation: Evaluation,
    leakage: Leakage,
    two_labels: Sequence[NearCopies] | None,
    settings: dict[str, object],
) -> list[Path]:
    """Write the report as JSON, and beside it ``<name>_confusion.png`` and ``<name>_mistakes.png``.

    The pictures are left out where there was nothing to test with.

    Args:
        path: path of the JSON file.
        trained: the classifier.
        evaluation: evaluation of the test images.
        leakage: what of the training set is in the test set, too.
        two_labels: images that show nearly the same picture under two labels; None if there
            are too many images to compare.
        settings: what the training was asked to do.

    Returns:
        The files written.

    Raises:
        UserError: the file system refuses to write.
    """
    right, is_frame = evaluation.right, evaluation.is_frame
    copies = without_copies = None
    near_copies = leakage.near_copies
    if near_copies is not None:
        copies = [
            {"training": str(original), "test": str(copy)} for copy, original in near_copies.items()
        ]
        is_new = np.array([image not in near_copies for image in evaluation.images], bool)
        without_copies = share(right[is_new])
    write_json(
        path,
        {
            "accuracy": evaluation.accuracy,
            "accuracy_of_photos": share(right[~is_frame]),
            "accuracy_of_frames": share(right[is_frame]),
            "accuracy_without_near_copies": without_copies,
            "recalls": [recall._asdict() for recall in evaluation.recalls()],
            "classification_report": _figures(evaluation) if evaluation.images else None,
            "confusion_matrix": {
                "labels": list(evaluation.labels),
                "counts": confusion_counts(evaluation).tolist() if evaluation.images else None,
            },
            "mistakes": [_mistake(evaluation, index) for index in evaluation.mistakes()],
            "identical_in_training_and_test": [
                {"training": [*map(str, group.training)], "test": [*map(str, group.test)]}
                for group in leakage.identical
            ],
            "nearly_the_same_in_training_and_test": copies,
            "nearly_the_same_under_two_labels": (
                None if two_labels is None else [pair.as_dict() for pair in two_labels]
            ),
            "unknown": _figures_of_unknown(trained, evaluation) if evaluation.images else None,
            "unreadable_photos": [*map(str, trained.features.unreadable)],
            "history": asdict(trained.history),
            "fine_tuning_accuracy_of_carved_out": list(trained.fine_tuning),
            "settings": settings,
        },
    )
    if not evaluation.images:
        return [path]
    _, confusion, mistakes = report_files(path)
    plot_confusion(evaluation, confusion)
    contact_sheet(evaluation, mistakes)
    return [path, confusion, mistakes]


def _figures(evaluation: Evaluation) -> dict[str, dict[str, float]]:
    return classification_report(
        evaluation.truth,
        evaluation.predicted,
        labels=range(len(evaluation.labels)),
        target_names=evaluation.labels,
        output_dict=True,
        zero_division=0,
    )


def _figures_of_unknown(trained: Trained, evaluation: Evaluation) -> dict[str, object]:
    """Say how many known and never seen images ``--unknown`` would call unknown, one by one."""
    known, unsure, features = evaluation.probabilities, evaluation.unsure, trained.features
    return {
        "known_called_unknown": share(known_called_unknown(known, unsure)),
        "unseen_called_unknown": share(called_unknown(evaluation.unseen, known, unsure)),
        "unseen_photos": [*map(str, features.unseen.images)],
        "outliers_learned": [*map(str, features.outliers.images)],
    }


def _mistake(evaluation: Evaluation, index: int) -> dict[str, object]:
    probabilities = evaluation.probabilities[index]
    return {
        "photo": str(evaluation.images[index]),
        "label": evaluation.labels[evaluation.truth[index]],
        "predicted": evaluation.labels[probabilities.argmax()],
        "probability": float(probabilities.max()),
        "probability_of_label": float(probabilities[evaluation.truth[index]]),
    }
