"""How many frames of changing footage get the right label, and how late: both ways of smoothing.

    python -m benchmarks.labels_on_video --model model/activity.model --label-bin model/lb.pickle \\
        --clips tennis=tennis.mp4 football=soccer.mp4 weight_lifting=lifting.mp4 \\
        --dataset Sports-Type-Classifier/data

Footage of known labels is joined in random order, encoded, and given to predict_video.py with its
truth: segments of 3 to 15 s from --clips, and segments of 3 to 30 s made of the test photos of
--dataset, each shown for 20 to 120 frames. Without either, the demo's scenes are drawn. --unknown
runs everything a second time with predict_video.py --unknown; then two fifths of the segments show
other activities (clips as unknown=FILE, photos in --others).
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from activity.common.errors import UserError
from activity.common.script import run_script
from activity.network.arguments import add_cache_argument, positive, seed
from activity.network.artifacts import load_label_file
from activity.temporal.segments import UNKNOWN
from activity.training.data.dataset import find_images
from activity.training.data.split import split_photos
from benchmarks.measuring import measure, print_table
from benchmarks.sequences import (
    CLIP_STRETCH,
    PHOTO_STRETCH,
    Footage,
    drawn_footage,
    footage_of_clips,
    footage_of_photos,
    write_sequence,
)
from demo.scenes import ACTIVITIES

HEADER = ["right", "of known frames", "unknown found", "switches", "delay", "F1@50", "edit"]


class Kind(NamedTuple):
    """A kind of footage: the labels that it shows, and how many seconds a segment of it lasts."""

    name: str
    labels: Sequence[str]
    shows_unknown: bool
    footage: Footage
    seconds: tuple[int, int]


def main() -> None:
    args = parse_arguments()
    for kind in kinds_of_footage(args, load_label_file(args.label_bin).classes):
        rows: list[list[object]] = []
        with tempfile.TemporaryDirectory() as folder:
            clip, table, frames = write_sequence(
                Path(folder),
                kind.footage,
                kind.labels,
                unknown=args.unknown and kind.shows_unknown,
                stretches=args.stretches,
                seconds=kind.seconds,
                seed=args.seed,
            )
            for flags in ([], ["--unknown"])[: 1 + args.unknown]:
                truth = judged(clip, table, flags, args)
                rows += [row(result, frames, flags) for result in truth["results"]]
        head = f"{kind.name}: {sum(frames.values())} frames, {truth['switches']} changes"
        print_table([head, *HEADER], rows)
        print()


def kinds_of_footage(args: argparse.Namespace, labels: Sequence[str]) -> Iterator[Kind]:
    """Yield the kinds of footage that the flags ask for, or drawn scenes if they ask for none."""
    if args.clips:
        clips: dict[str, list[Path]] = {}
        for label, path in args.clips:
            if label not in [*labels, UNKNOWN]:
                raise UserError(f"the model does not know {label}: it knows {', '.join(labels)}")
            clips.setdefault(label, []).append(path)
        known = sorted({*clips} - {UNKNOWN})
        if not known:
            raise UserError("--clips names no clip of a label that the model knows")
        yield Kind("clips", known, UNKNOWN in clips, footage_of_clips(clips), CLIP_STRETCH)
    if args.dataset:
        photos = test_photos(args.dataset, labels)
        if args.others:
            photos[UNKNOWN] = photos_of_others(args.others, args.dataset)
        yield Kind("photos", labels, bool(args.others), footage_of_photos(photos), PHOTO_STRETCH)
    if not args.clips and not args.dataset:
        if set(labels) != set(ACTIVITIES):
            raise UserError("drawn scenes are for the model of python -m demo: give --clips, ...")
        yield Kind("drawn", labels, True, drawn_footage, CLIP_STRETCH)


def test_photos(dataset: Path, labels: Sequence[str]) -> dict[str, list[Path]]:
    """Find the test photos of each label."""
    photos = find_images([dataset], labels).photos
    found: dict[str, list[Path]] = {label: [] for label in labels}
    paths, label_of = [photo.image.path for photo in photos], [photo.label for photo in photos]
    for index in split_photos(paths, label_of)[1]:
        found[label_of[index]].append(photos[index].image.file)
    return found


def photos_of_others(folder: Path, dataset: Path) -> list[Path]:
    """Find the photos of activities that training never saw, not even as outliers."""
    seen = {path.name for path in dataset.iterdir()}
    found = [path for path in sorted(folder.glob("*/*")) if path.parent.name not in seen]
    if not found:
        raise UserError(f"no photos of activities in {folder} that are not in {dataset}, too")
    return found


def judged(
    clip: Path, table: Path, flags: Sequence[str], args: argparse.Namespace
) -> dict[str, Any]:
    """Run predict_video.py on a clip, and return its agreement with the truth."""
    summary = clip.with_suffix(".json")
    measure(
        *("predict_video.py", "--model", args.model, "--label-bin", args.label_bin),
        *("--input", clip, "--truth", table, "--json", summary, "--display", "off"),
        *("--size", args.sizes[0], "--compare", *args.sizes, "--stride", args.stride, *flags),
        *("--cache", args.cache or "off"),
    )
    return json.loads(summary.read_text())["truth"]


def row(result: Mapping[str, Any], frames: Mapping[str, int], flags: Sequence[str]) -> list[object]:
    """Format the agreement of one smoothing as a row of the table."""
    way = "raw" if result["size"] == 1 else f"{result['smoothing']} {result['size']}"
    known = {label: count for label, count in frames.items() if label != UNKNOWN}
    right = sum(count * result["recall"][label] for label, count in known.items())
    found = result["recall"].get(UNKNOWN)
    return [
        " ".join([way, *flags]),
        f"{result['frames_right']:.4f}",
        f"{right / max(1, sum(known.values())):.4f}",
        "" if found is None else f"{found:.3f}",
        result["switches"],
        "" if result["delay_frames"] is None else f"{result['delay_frames']:g}",
        f"{result['f1_50']:.3f}",
        f"{result['edit']:.3f}",
    ]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--label-bin", type=Path, required=True)
    parser.add_argument(
        "--clips",
        nargs="+",
        type=labelled_clip,
        default=[],
        metavar="LABEL=FILE",
        help="clips that show one activity from start to end; unknown=FILE shows another one",
    )
    parser.add_argument(
        "--dataset", type=Path, metavar="FOLDER", help="the photos that the model was trained on"
    )
    parser.add_argument(
        "--others",
        type=Path,
        metavar="FOLDER",
        help="folders of photos, of which those that --dataset does not have are unknown",
    )
    parser.add_argument("--unknown", action="store_true", help="also run with --unknown")
    parser.add_argument("--stretches", type=positive, default=40, metavar="N")
    parser.add_argument("--stride", type=positive, default=1, metavar="N")
    parser.add_argument("--sizes", type=positive, nargs="+", default=[128, 64, 32, 16])
    parser.add_argument("--seed", type=seed, default=42)
    add_cache_argument(parser)
    return parser.parse_args()


def labelled_clip(text: str) -> tuple[str, Path]:
    label, equals, path = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not LABEL=FILE")
    return label, Path(path)


if __name__ == "__main__":
    run_script(main)
