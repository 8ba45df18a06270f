"""Train a classifier of activities from folders of photos.

A small head is trained on the features of a frozen, ImageNet-trained network. Written are the
model (RGB pixels in, probabilities out), the label binarizer that names its outputs, and a
plot of the training.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.arguments.shared import add_speed_arguments
from activity.arguments.training import add_file_arguments, add_training_arguments
from activity.ground.errors import UserError, printable, run_script
from activity.ground.quiet import hidden_chatter
from activity.ground.writing import check_apart, check_output
from activity.inputs.dataset import ALL_LABELS, DEFAULT_LABELS, find_photos, shortened, split
from activity.outcome.evaluation import Evaluation, straddling_groups

if TYPE_CHECKING:
    from sklearn.preprocessing import LabelBinarizer

EXAMPLE = """\
example:
  python train.py --dataset Sports-Type-Classifier/data --model model/activity.model \\
      --label-bin model/lb.pickle --epochs 50
"""


def main() -> None:
    args = parse_arguments()
    photos, labels, left_out = find_photos(args.dataset, args.labels)
    report_found(args.labels, set(labels), left_out)
    check_outputs(args, photos)
    training, test = split(photos, labels)
    print(f"[INFO] {len(training)} photos to train on, {len(test)} to test with")

    # These take seconds to import: --help and a wrong path should not wait for them.
    with hidden_chatter():
        from sklearn.preprocessing import LabelBinarizer

        from activity.network.backbone import build_backbone
        from activity.network.features import View, compute_features, hash_photos
        from activity.network.head import join, train_head
        from activity.network.quantization import check_installed, write_int8_version
        from activity.outcome.report import format_report, plot_history, write_report
        from activity.outcome.unknown import format_unknown, known_confidence
        from activity.saved.artifacts import save_model_and_labels

    if args.int8:
        check_installed()
    # The backbone is frozen, so each view of a photo goes through it once, not once an epoch.
    backbone = build_backbone(args.backbone, args.weights)
    digests = hash_photos(args.dataset, photos)
    views = [View(photos[i], number) for i in training for number in range(args.views)]
    views += [View(photos[i], 0) for i in test]
    print(f"[INFO] computing features of {len(views)} views of the photos ...")
    features, readable = compute_features(
        args.dataset,
        digests,
        views,
        backbone,
        engine=args.engine,
        batch_size=args.batch_size,
        cache_folder=args.cache,
    )
    unreadable = sorted({view.photo for view, ok in zip(views, readable, strict=True) if not ok})
    report_unreadable(unreadable)

    binarizer = LabelBinarizer().fit(labels)
    label_of = dict(zip(photos, labels, strict=True))
    targets = one_hot(binarizer, [label_of[view.photo] for view in views])
    to_train, to_test = rows_to_use(readable, len(training), args.views)
    check_photos_left(binarizer, targets[to_train[:, 0]], targets[to_test])

    print("[INFO] training the head ...")
    with tqdm(total=args.epochs, desc="epochs", disable=None, unit="epoch") as bar:

        def show(figures: dict[str, float]) -> None:
            bar.set_postfix(loss=figures["loss"], test_accuracy=figures["val_accuracy"])
            bar.update()

        head, history = train_head(
            features,
            targets,
            to_train,
            to_test,
            epochs=args.epochs,
            seed=args.seed,
            on_epoch=show,
        )

    print("[INFO] evaluating on the test photos ...")
    evaluation = Evaluation(
        labels=binarizer.classes_.tolist(),
        photos=[views[row].photo for row in to_test],
        truth=targets[to_test].argmax(axis=1),
        probabilities=head.predict(features[to_test], verbose=0),
    )
    print(format_report(evaluation))
    print(f"[INFO] {format_unknown(evaluation.probabilities, evaluation.truth)}")
    identical = straddling_groups(digests, [photos[i] for i in training], evaluation.photos)
    report_identical(sum(len(group.test) for group in identical), len(evaluation.photos))

    save_model_and_labels(
        join(backbone, head),
        args.model,
        binarizer,
        args.label_bin,
        known_confidence=known_confidence(evaluation.probabilities),
    )
    plot_history(history, args.plot)
    written = [args.model, args.label_bin, args.plot]
    if args.report is not None:
        written += write_report(
            args.report,
            evaluation,
            args.dataset,
            history=history,
            settings=vars(args),
            unreadable=unreadable,
            identical=identical,
        )
    print(f"[INFO] wrote {', '.join(map(str, written))}")
    if args.int8:
        photo_of = [args.dataset / view.photo for view in views]
        folder, agreement = write_int8_version(
            args.model,
            len(binarizer.classes_),
            training=[photo_of[row] for row in to_train[:, 0]],
            test=[photo_of[row] for row in to_test],
            exports=args.cache and args.cache / "exports",
        )
        report_int8(folder, agreement)


def report_found(wanted: Sequence[str] | None, found: set[str], left_out: dict[str, int]) -> None:
    """Say which labels are taken where that is not plain, and which files are not."""
    if wanted is None and not found & set(DEFAULT_LABELS):
        taken = printable(shortened(sorted(found)))
        print(f"[INFO] none of {', '.join(DEFAULT_LABELS)} is there: taking all there is, {taken}")
    for label in sorted(set(DEFAULT_LABELS if wanted is None else wanted) - {ALL_LABELS, *found}):
        if wanted is not None or found & set(DEFAULT_LABELS):
            print(f"[INFO] no photos of {printable(label)}: going on without")
    if left_out:
        kinds = ", ".join(f"{count} {printable(kind)}" for kind, count in left_out.items())
        print(f"[INFO] left out, as files of other kinds: {kinds}")


def check_outputs(args: argparse.Namespace, photos: Sequence[str]) -> None:
    """Refuse, before hours of work, outputs that cannot be written or would overwrite a photo."""
    outputs = {
        "the model": args.model,
        "the label binarizer": args.label_bin,
        "the plot": args.plot,
        "the report": args.report,
    }
    given = {what: path for what, path in outputs.items() if path is not None}
    for what, path in given.items():
        check_output(path, what)
    check_apart(list(given.values()), inputs=(args.dataset / photo for photo in photos))


def one_hot(binarizer: "LabelBinarizer", labels: Sequence[str]) -> NDArray[np.float32]:
    """Binarize labels to float32, shape (labels, classes); two classes get two columns."""
    columns = binarizer.transform(labels).astype(np.float32)
    return np.hstack([1 - columns, columns]) if columns.shape[1] == 1 else columns


def rows_to_use(
    readable: NDArray[np.bool_], training_photos: int, views: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """List the rows of features that can be used: ``views`` for each training photo, then tests.

    Returns:
        (training, test): shapes (photos, views) and (photos,).
    """
    training, test = np.split(np.arange(len(readable)), [training_photos * views])
    training = training.reshape(-1, views)
    return training[readable[training].all(axis=1)], test[readable[test]]


def report_unreadable(photos: Sequence[str]) -> None:
    if photos:
        print(f"[INFO] skipped {len(photos)} photos that cannot be read:")
        for photo in photos:
            print(f"[INFO]   {printable(photo)}")


def report_identical(copies: int, test_photos: int) -> None:
    if copies:
        print(
            f"[INFO] {copies} photos of the test set are byte-identical to training photos: "
            f"the score is up to {copies / test_photos:.1%} too kind"
        )


def report_int8(folder: Path | None, agreement: float) -> None:
    if folder is None:
        print(
            f"[INFO] int8 would give another label on {1 - agreement:.1%} of the test photos: that "
            "is too often, and no int8 version is kept; the model itself is as good as ever"
        )
    else:
        print(f"[INFO] int8 gives the same label on {agreement:.1%} of the test photos")
        print(f"[INFO] wrote {folder}; use it with: predict_video.py --engine int8")


def check_photos_left(
    binarizer: "LabelBinarizer",
    training_targets: NDArray[np.float32],
    test_targets: NDArray[np.float32],
) -> None:
    """Make sure that enough photos could be read."""
    bare = binarizer.classes_[training_targets.sum(axis=0) == 0].tolist()
    if bare:
        raise UserError(
            f"none of the training photos of {shortened(bare)} can be read: replace them, "
            "or name the other activities after --labels"
        )
    if not len(test_targets):
        raise UserError("none of the test photos can be read: replace them, or add more photos")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_file_arguments(parser)
    add_training_arguments(parser)
    add_speed_arguments(parser)
    return parser.parse_args()


if __name__ == "__main__":
    run_script(main)
