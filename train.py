"""Train a classifier of activities from folders of photos and clips.

A small head is trained on the features of a frozen, ImageNet-trained network. It writes the
model (RGB pixels in, probabilities out), the label binarizer that names its outputs, and a
plot of the training.
"""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from activity.common.errors import UserError
from activity.common.keras_settings import check_backend
from activity.common.quiet import hidden_chatter
from activity.common.script import run_script
from activity.common.stores import is_stored
from activity.common.writing import check_apart, check_output
from activity.network.arguments import add_speed_arguments
from activity.network.classifier import Classifier
from activity.network.engine import EngineOptions
from activity.network.networks import format_networks
from activity.training.arguments import add_file_arguments, add_training_arguments
from activity.training.dataset import find_images
from activity.training.image_sets import build_sets
from activity.training.remarks import (
    remarks_on_found,
    remarks_on_sets,
    remarks_on_unreadable,
)
from activity.training.score_remarks import remark_on_model, remarks_on_score, remarks_on_two_labels

EXAMPLE = """\
example:
  python train.py --dataset Sports-Type-Classifier/data --model model/activity.model \\
      --label-bin model/lb.pickle --epochs 50
"""


def main() -> None:
    args = parse_arguments()
    check_backend()
    found = find_images(args.dataset, args.labels, args.label_folder, args.tier)
    say(remarks_on_found(args.labels, found))
    check_outputs(args, found.inputs)
    sets = build_sets(found, args.every, args.cache, outliers=args.outliers, seed=args.seed)
    say(remarks_on_sets(found, sets))

    # These take seconds to import: --help and a wrong path should not wait for them.
    with hidden_chatter():
        from activity.cluster.features import fill_cache
        from activity.cluster.ray_cluster import ClusterOptions
        from activity.network.backbone import build_backbone
        from activity.training.feature_sets import compute_feature_sets, views_of
        from activity.training.fine_tuning import fine_tune
        from activity.training.leakage import find_leakage
        from activity.training.near_copies import near_copies_under_two_labels
        from activity.training.pictures import plot_history
        from activity.training.quantization import check_installed, write_int8_version
        from activity.training.report import format_score, write_report
        from activity.training.trained import evaluate, save, train_on

    if args.int8:
        check_installed()
    # The backbone is frozen, so each view of an image goes through it once, not once an epoch.
    backbone = build_backbone(args.backbone, args.weights)
    options = EngineOptions(args.engine, args.batch_size, args.cache)
    if args.cluster:
        cluster = ClusterOptions(args.cluster, args.cluster_log)
        fill_cache(cluster, views_of(sets, args.views), backbone, options)
    features = compute_feature_sets(sets, found.all_labels(), backbone, args.views, options)
    say(remarks_on_unreadable(features.unreadable))
    leakage = find_leakage(sets.training, features)
    print("[INFO] training the head ...")
    trained = train_on(features, backbone, epochs=args.epochs, seed=args.seed)
    if args.fine_tune:
        trained = fine_tune(trained, options, args.fine_tune, args.epochs, args.seed)
        say(remarks_on_unreadable(trained.features.unreadable[len(features.unreadable) :]))

    evaluation = evaluate(trained)
    if evaluation.images:
        print("[INFO] evaluating on the test images ...")
        print(format_score(evaluation))
        say(remarks_on_score(evaluation, leakage))
    elif sets.test:
        say(["none of the test images can be read: there is no score"])

    save(trained, evaluation, sets.learned, args.model, args.label_bin)
    plot_history(trained.history, args.plot)
    written = [args.model, args.label_bin, args.plot]
    if args.report is not None:
        two_labels = near_copies_under_two_labels(features)
        say(remarks_on_two_labels(two_labels))
        written += write_report(args.report, trained, evaluation, leakage, two_labels, vars(args))
    print(f"[INFO] wrote {', '.join(map(str, written))}")
    if args.int8:
        classifier = Classifier.load(args.model, args.label_bin)
        say(write_int8_version(classifier, trained.features, args.cache).remarks())
    say([remark_on_model(args.model)])


def say(remarks: Iterable[str]) -> None:
    for remark in remarks:
        print(f"[INFO] {remark}")


def check_outputs(args: argparse.Namespace, inputs: Sequence[Path]) -> None:
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
    check_apart(list(given.values()), inputs=inputs)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"{EXAMPLE}\n{format_networks()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_file_arguments(parser)
    add_training_arguments(parser)
    add_speed_arguments(parser)
    return parser.parse_args()


if __name__ == "__main__":
    run_script(main)
