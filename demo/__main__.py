"""Draw stand-in photos and clips, then train and predict with them, as a person would.

Run ``python -m demo`` in the project's folder.
"""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

from activity.common.script import run_script
from activity.labelling.review.data_files import INDEX, copy_file, data_file
from demo.media import (
    CHANGING,
    CLIPS,
    artists,
    changes_of,
    draw_before_and_after,
    draw_clip,
    draw_photos,
)
from demo.places import OWN_FOLDER, Ledger, Places, choose_places, remove_earlier

ROOT = Path(__file__).resolve().parent.parent
TRAINING_FLAGS = ["--epochs", "50", "--backbone", "efficientnet-lite0"]
# How each clip is labelled; the keys become part of the file names.
STEADY = {"1frame": ["--size", "1"], "128frames_smoothened": ["--size", "128"]}
SHIFTING = {
    smoothing: ["--smoothing", smoothing, "--size", "64", "--unknown"]
    for smoothing in ("rolling", "viterbi")
}
MODEL, LABELS = "activity.model", "lb.pickle"
PLOT, PICTURE = "demo_training.png", "demo_before_and_after.jpg"
REVIEW = "demo_review"


def main() -> None:
    """Draw, train, predict, and print what to look at."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--photos",
        type=int,
        default=120,
        metavar="N",
        help="photos to draw of each activity (default: %(default)s)",
    )
    count = parser.parse_args().photos

    ledger = Ledger(ROOT)
    videos = [video_name(clip, version) for clip in CLIPS for version in versions_of(clip)]
    page = [str(path) for path in page_files(Path(REVIEW))]
    places = choose_places(ROOT, ledger, CLIPS, [MODEL, LABELS], [*videos, PLOT, PICTURE, *page])
    for folder in vars(places).values():
        if folder.is_relative_to(OWN_FOLDER):
            print(
                f"{folder.relative_to(OWN_FOLDER)} contains files of yours: they are not changed, "
                f"and the demo uses {folder} instead."
            )
    try:
        draw(places, ledger, count)
        run_commands(places, ledger)
    finally:
        ledger.save()
    print(closing_words(places, count))


def versions_of(clip: str) -> dict[str, list[str]]:
    """Return the flags of each labelled version of a clip, by the word for its file name."""
    return SHIFTING if clip == CHANGING else STEADY


def video_name(clip: str, version: str) -> str:
    """Return the name of a labelled video, such as ``tennis_1frame.avi``."""
    return f"{Path(clip).stem}_{version}.avi"


def page_files(folder: Path) -> list[Path]:
    """Return the files of the review page of the changing clip."""
    name = Path(CHANGING).stem
    return [folder / INDEX, data_file(folder, name), copy_file(folder, name)]


def draw(places: Places, ledger: Ledger, count: int) -> None:
    """Draw all photos and clips."""
    print(f"Drawing {count} photos of each activity and {len(CLIPS)} clips ...", flush=True)
    remove_earlier(ROOT / places.photos, ledger)
    with artists() as pool:
        draw_photos(ROOT / places.photos, count, pool, ledger.record)
        for name, clip in CLIPS.items():
            path = ROOT / places.clips / name
            draw_clip(path, clip, pool)
            ledger.record(path)


def run_commands(places: Places, ledger: Ledger) -> None:
    """Run both scripts on what was drawn, and draw a picture that compares their results."""
    model, labels = places.model / MODEL, places.model / LABELS
    plot, picture = places.output / PLOT, places.output / PICTURE
    run(
        "train.py",
        "--dataset",
        places.photos,
        "--model",
        model,
        "--label-bin",
        labels,
        "--plot",
        plot,
        *TRAINING_FLAGS,
    )
    ledger.record(*(ROOT / path for path in (model, labels, plot)))
    for clip in CLIPS:
        for version, flags in versions_of(clip).items():
            video = places.output / video_name(clip, version)
            review = ["--review", places.output / REVIEW] if version == "viterbi" else []
            run(
                "predict_video.py",
                "--model",
                model,
                "--label-bin",
                labels,
                "--input",
                places.clips / clip,
                "--output",
                video,
                *flags,
                *review,
            )
            ledger.record(ROOT / video)
    ledger.record(*page_files(ROOT / places.output / REVIEW))

    captions = {
        f"--smoothing {version}": ROOT / places.output / video_name(CHANGING, version)
        for version in SHIFTING
    }
    moments = [change + 0.6 for change in [0.0, *changes_of(CLIPS[CHANGING])]]
    draw_before_and_after(ROOT / picture, moments, captions)
    ledger.record(ROOT / picture)


def run(script: str, *arguments: object) -> None:
    """Print a command as a person would type it, and run it; exit if it fails."""
    words = [script, *map(str, arguments)]
    print(f"\n$ python {shlex.join(words)}", flush=True)
    status = subprocess.run([sys.executable, *words], cwd=ROOT).returncode
    if status:
        sys.exit(status)


def closing_words(places: Places, count: int) -> str:
    """Return what was made, where it is, what to look at, and what to do next."""
    return f"""
Done. The demo made
  {places.photos}/   {count} drawn photos of each activity
  {places.clips}/   three drawn clips, each with a few misleading shots (a crowd, a face),
      and one in which the activity changes
  {places.model}/   the model that train.py made from the photos, and its labels
  {places.output}/   every clip twice, with its label drawn on it

Play {places.output / video_name("tennis.mp4", "1frame")}: each frame is labelled separately
(--size 1), and the label flickers when the clip shows the crowd. In
{places.output / video_name("tennis.mp4", "128frames_smoothened")} (--size 128) the last 128
predictions are averaged, and the label is steady. "label switches" above counts both.

Then look at {places.output / PICTURE}: when the activity changes,
an average is late (--smoothing rolling), and the least cost over the whole clip is on time
(--smoothing viterbi).

Open {places.output / REVIEW / INDEX} in a browser to see where the label changes, and to
correct what is wrong (--review).

Drawn photos only show that everything works. For real use, put your own photos into
Sports-Type-Classifier/data/<activity>/ and train on them. The demo used EfficientNet-Lite0, whose
ImageNet weights come with the project. Without --backbone you get ResNet50; its ImageNet weights
are downloaded once."""


if __name__ == "__main__":
    run_script(main)
