"""What a labelled clip costs beside a table: drawn and encoded, or copied with subtitles.

    python -m benchmarks.labelled_copy --model MODEL --label-bin LABELS --input CLIP

The clip is scaled to 1920x1080 and to 3840x2160, and each is labelled into a table, an .mkv and an
.mp4, in turn. What counts is the processor time of whole runs, start-up included.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import av

from activity.network.arguments import add_cache_argument, positive
from benchmarks.measuring import ROOT, print_table, processor_seconds_of

SIZES = {"1920x1080": (1920, 1080), "3840x2160": (3840, 2160)}
OUTPUTS = {"table": "--segments", "mkv": "--output", "mp4": "--output"}


def main() -> None:
    args = parse_arguments()
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, size in SIZES.items():
            # As many pixels in both.
            frames = args.frames * 1920 * 1080 // (size[0] * size[1])
            clip = write_scaled(args.input, folder / f"{name}.mp4", size, frames)
            seconds = {kind: float("inf") for kind in OUTPUTS}
            label(args, clip, folder, "table")  # exports the network, where that is not done yet
            for _ in range(args.rounds):
                for kind in OUTPUTS:
                    seconds[kind] = min(seconds[kind], label(args, clip, folder, kind))
            table, mkv, mp4 = seconds.values()
            shown = [f"{each:.1f}" for each in (table, mkv, mp4)]
            rows.append(
                [f"{name}, {frames} frames", *shown, f"{mkv / mp4:.2f}", f"{mkv / table:.2f}"]
            )
    print_table(["processor seconds", "table", ".mkv", ".mp4", ".mkv / .mp4", ".mkv / table"], rows)


def write_scaled(source: Path, path: Path, size: tuple[int, int], frames: int) -> Path:
    """Write the first frames of a clip in another size, again and again until there are enough."""
    with av.open(str(path), "w") as target:
        video = target.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        number = 0
        while number < frames:
            with av.open(str(source)) as clip:
                for frame in clip.decode(video=0):
                    if number == frames:
                        break
                    scaled = frame.reformat(*size, "yuv420p")
                    scaled.pts, scaled.time_base = number, 1 / video.rate
                    target.mux(video.encode(scaled))
                    number += 1
        target.mux(video.encode(None))
    return path


def label(args: argparse.Namespace, clip: Path, folder: Path, kind: str) -> float:
    """Label a clip, and return the processor seconds that it took."""
    output = folder / ("out.csv" if kind == "table" else f"out.{kind}")
    files = ["--model", args.model, "--label-bin", args.label_bin, "--input", clip]
    flags = ["--cache", args.cache or "off", "--display", "off", "--smoothing", "viterbi"]
    command = [sys.executable, ROOT / "predict_video.py", *files, *flags, OUTPUTS[kind], output]
    return processor_seconds_of([str(part) for part in command])


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--label-bin", type=Path, required=True)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--frames", type=positive, default=600, help="at 1920x1080")
    parser.add_argument("--rounds", type=positive, default=2)
    add_cache_argument(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
