"""Train a classifier of activities from folders of photos and clips.

A small head is trained on the features of a frozen, ImageNet-trained network. Written are the
model (RGB pixels in, probabilities out), the label binarizer that names its outputs, and a
plot of the training.
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from activity.common.errors import UserError
from activity.common.quiet import hidden_chatter
from activity.common.script import run_script
from activity.common.stores import is_stored
from activity.common.writing import check_apart, check_output
from activity.network.arguments import add_speed_arguments
from activity.network.engine import EngineOptions
from activity.training.arguments import add_file_arguments, add_training_arguments
from activity.training.dataset import find_images, shortened
from activity.training.evaluation import Evaluation, near_copies, straddling_groups
from activity.training.image_sets import build_sets
from activity.training.remarks import (
    remarks_on_found,
    remarks_on_score,
    remarks_on_sets,
    remarks_on_unreadable,
)

if TYPE_CHECKING:
    from sklearn.preprocessing import LabelBinarizer

EXAMPLE = """\
example:
  python train.py --dataset Sports-Type-Classifier/data --model model/activity.model \\
      --label-bin model/lb.pickle --epochs 50
"""


def main() -> None:
    args = parse_arguments()
    found = find_images(args.dataset, args.labels)
    say(remarks_on_found(args.labels, found))
    check_outputs(args, [*found.files, *found.tables, *found.skipped])
    sets = build_sets(args.dataset, found, args.every)
    say(remarks_on_sets(found, sets))

    # These take seconds to import: --help and a wrong path should not wait for them.
    with hidden_chatter():
        from sklearn.preprocessing import LabelBinarizer

        from activity.cluster.features import fill_cache
        from activity.network.artifacts import save_model_and_labels
        from activity.network.backbone import build_backbone
        from activity.network.unknown import format_unknown, known_confidence
        from activity.training.features import View, compute_features, pixels_of, rows_to_use
        from activity.training.fine_tuning import fine_tune
        from activity.training.head import join, predict, train_head
        from activity.training.quantization import check_installed, write_int8_version
        from activity.training.report import format_report, plot_history, write_report

    if args.int8:
        check_installed()
    # The backbone is frozen, so each view of an image goes through it once, not once an epoch.
    backbone = build_backbone(args.backbone, args.weights)
    views = [View(image, number) for image in sets.training for number in range(args.views)]
    views += [View(image, 0) for image in [*sets.test, *sets.unknown]]
    print(f"[INFO] computing features of {len(views)} views of the images ...")
    images = (args.dataset, sets.digests)
    options = EngineOptions(args.engine, args.batch_size, args.cache)
    if args.cluster:
        fill_cache(args.cluster, *images, views, backbone, options)
    features, readable = compute_features(*images, views, backbone, options)
    unreadable = {view.image: None for view, ok in zip(views, readable, strict=True) if not ok}
    say(remarks_on_unreadable(list(unreadable)))

    binarizer = LabelBinarizer().fit(found.all_labels())
    targets = one_hot(binarizer, [sets.labels[view.image] for view in views])
    to_train, to_test, to_check = rows_to_use(
        readable, len(sets.training), args.views, len(sets.test)
    )
    check_images_left(binarizer, targets[to_train[:, 0]])

    print("[INFO] training the head ...")
    with tqdm(total=args.epochs, desc="epochs", disable=None, unit="epoch") as bar:

        def show(figures: dict[str, float]) -> None:
            bar.set_postfix(loss=figures["loss"], test_accuracy=figures.get("val_accuracy"))
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

    near = near_copies(features, to_train[:, 0], to_test, [view.image for view in views])
    tuning: list[float] = []
    if args.fine_tune:
        head, tuning = fine_tune(
            *(backbone, head, features, targets, to_train),
            files=[views[row].image.path for row in to_train[:, 0]],
            pixels_of=lambda rows: pixels_of(args.dataset, sets.digests, views, rows),
            epochs=args.fine_tune,
            head_epochs=args.epochs,
            seed=args.seed,
            options=options,
        )
        others = np.concatenate([to_test, to_check])
        features[others], unchanged = compute_features(
            *images, [views[row] for row in others], backbone, replace(options, cache_folder=None)
        )
        changed = [views[row].image for row in others[~unchanged]]
        say(remarks_on_unreadable(changed))
        unreadable.update(dict.fromkeys(changed))
        tested, checked = np.split(unchanged, [len(to_test)])
        to_test, to_check = to_test[tested], to_check[checked]

    evaluation = Evaluation(
        labels=binarizer.classes_.tolist(),
        images=[views[row].image for row in to_test],
        truth=targets[to_test].argmax(axis=1),
        probabilities=predict(head, features, to_test),
    )
    identical = straddling_groups(sets.digests, sets.training, evaluation.images)
    if evaluation.images:
        print("[INFO] evaluating on the test images ...")
        print(format_report(evaluation))
        strange = predict(head, features, to_check)
        say([format_unknown(evaluation.probabilities, evaluation.truth, strange)])
        say(remarks_on_score(evaluation, identical, near))
    elif sets.test:
        say(["none of the test images can be read: there is no score"])

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
            fine_tuning=tuning,
            settings=vars(args),
            unreadable=list(unreadable),
            identical=identical,
            near_copies=near,
        )
    print(f"[INFO] wrote {', '.join(map(str, written))}")
    if args.int8:
        folder, agreement = write_int8_version(
            args.model,
            len(binarizer.classes_),
            args.dataset,
            training=[views[row].image for row in to_train[:, 0]],
            test=evaluation.images,
            cache_folder=args.cache,
        )
        report_int8(folder, agreement, "test" if evaluation.images else "training")


def say(remarks: Iterable[str]) -> None:
    for remark in remarks:
        print(f"[INFO] {remark}")


def check_outputs(args: argparse.Namespace, files: Sequence[str]) -> None:
    """Refuse, before hours of work, outputs that cannot be written or would overwrite an input."""
    outputs = {
        "the model": args.model,
        "the label binarizer": args.label_bin,
        "the plot": args.plot,
        "the report": args.report,
    }
    if args.int8 and is_stored(args.model):
        raise UserError("--int8 writes a folder beside the model: give --model a path on this disk")
    given = {what: path for what, path in outputs.items() if path is not None}
    for what, path in given.items():
        check_output(path, what)
    check_apart(list(given.values()), inputs=(args.dataset / file for file in files))


def one_hot(binarizer: "LabelBinarizer", labels: Sequence[str]) -> NDArray[np.float32]:
    """Binarize labels to float32, shape (labels, classes); two classes get two columns."""
    columns = binarizer.transform(labels).astype(np.float32)
    return np.hstack([1 - columns, columns]) if columns.shape[1] == 1 else columns


def report_int8(folder: Path | None, agreement: float, judged: str) -> None:
    if folder is None:
        print(
            f"[INFO] int8 would give another label on {1 - agreement:.1%} of the {judged} images: "
            "that is too often, and no int8 version is kept; the model itself is as good as ever"
        )
    else:
        print(f"[INFO] int8 gives the same label on {agreement:.1%} of the {judged} images")
        print(f"[INFO] wrote {folder}; use it with: predict_video.py --engine int8")


def check_images_left(binarizer: "LabelBinarizer", targets: NDArray[np.float32]) -> None:
    """Make sure that of each label some training image could be read."""
    bare = binarizer.classes_[targets.sum(axis=0) == 0].tolist()
    if bare:
        raise UserError(
            f"nothing to learn {shortened(bare)} from: no photo for training can be read, and no "
            "clip gives a frame of it; mend these, or name the other activities after --labels"
        )


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
