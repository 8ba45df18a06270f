"""Train a classifier of activities from folders of photos and clips.

A small head is trained on the features of a frozen, ImageNet-trained network. It writes the
model (RGB pixels in, probabilities out), the label binarizer that names its outputs, and a
plot of the training.
"""

import argparse
from collections.abc import Iterable

from activity.common.keras_settings import choose_backend, load_keras
from activity.common.quiet import hide_stderr
from activity.common.script import check_temporary_folder, provide_home, run_script
from activity.network.arguments import add_speed_arguments
from activity.network.classifier import Classifier
from activity.network.engine import EngineOptions
from activity.network.networks import RANDOM, format_networks
from activity.training.arguments import add_training_arguments, check_inputs_survive, check_outputs
from activity.training.data.dataset import find_images
from activity.training.data.split import build_sets
from activity.training.results.remarks import (
    remark_on_model,
    remarks_on_found,
    remarks_on_sets,
    remarks_on_unreadable,
)

EXAMPLE = """\
example:
  python train.py --dataset Sports-Type-Classifier/data --model model/activity.model \\
      --label-bin model/lb.pickle --epochs 50
"""


def main() -> None:
    args = parse_arguments()
    check_temporary_folder()
    provide_home()
    choose_backend(args.engine, trains=args.fine_tune > 0 or args.weights == RANDOM)
    check_inputs_survive(args, args.dataset)
    found = find_images(
        args.dataset, args.labels, args.label_folder, args.tier, args.region, args.regions
    )
    say(remarks_on_found(args.labels, found))
    check_inputs_survive(args, found.inputs)
    check_outputs(args)
    sets = build_sets(found, args.every, args.cache, outliers=args.outliers, seed=args.seed)
    say(remarks_on_sets(found, sets))

    # These take seconds to import: --help and a wrong path should not wait for them.
    load_keras()
    with hide_stderr():
        from activity.cluster.features import fill_cache
        from activity.cluster.ray_cluster import ClusterOptions
        from activity.network.backbone import build_with_classifier
        from activity.training.features.sets import compute_feature_sets, views_of
        from activity.training.learning.fine_tuning import check_feature_maps_can_be_kept, fine_tune
        from activity.training.learning.head import leave_export, save, train_on
        from activity.training.learning.int8 import check_installed, write_int8_version
        from activity.training.results.report import plot_history, write_report
        from activity.training.results.score import (
            evaluate,
            find_leakage,
            format_score,
            near_copies_under_two_labels,
            remarks_on_score,
            remarks_on_two_labels,
        )

    if args.int8:
        check_installed()
    if args.fine_tune:
        check_feature_maps_can_be_kept(args.cache)
    # The backbone is frozen, so each view of an image goes through it once, not once an epoch.
    backbone, of_names = build_with_classifier(args.backbone, args.weights)
    options = EngineOptions(args.engine, args.batch_size, args.cache)
    if args.cluster:
        cluster = ClusterOptions(args.cluster, args.cluster_log)
        fill_cache(cluster, views_of(sets, args.views), backbone, options)
    features = compute_feature_sets(sets, found.all_labels(), backbone, args.views, options)
    say(remarks_on_unreadable(features.unreadable))
    leakage = find_leakage(sets.training, features)
    print("[INFO] training the head ...")
    trained = train_on(features, backbone, epochs=args.epochs, seed=args.seed, classifier=of_names)
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

    save(trained, evaluation.known, sets.learned, args.model, args.label_bin)
    plot_history(trained.history, args.plot)
    written = [args.model, args.label_bin, args.plot]
    if args.report is not None:
        two_labels = near_copies_under_two_labels(features)
        say(remarks_on_two_labels(two_labels))
        settings = {**vars(args), "region": [*map(str, args.region)]}
        written += write_report(args.report, trained, evaluation, leakage, two_labels, settings)
    print(f"[INFO] wrote {', '.join(map(str, written))}")
    classifier = Classifier.load(args.model, args.label_bin)
    say(leave_export(trained, classifier, options))
    if args.int8:
        say(write_int8_version(classifier, trained.features, args.cache))
    say([remark_on_model(args.model)])


def say(remarks: Iterable[str]) -> None:
    for remark in remarks:
        print(f"[INFO] {remark}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"{EXAMPLE}\n{format_networks()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_training_arguments(parser)
    add_speed_arguments(parser)
    return parser.parse_args()


if __name__ == "__main__":
    run_script(main)
