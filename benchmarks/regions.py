"""What several regions of a clip cost, beside runs on clips that were cropped before.

    python -m benchmarks.regions --model model/activity.model --label-bin model/lb.pickle \\
        --input example_clips/tennis.mp4 example_clips/lifting.mp4

A clip of 1920x1080 shows the given ones in its four quarters. It is labelled once with four
regions; and each quarter is encoded in the same way and labelled by itself. Figures are
milliseconds of processor time for a frame of the large clip, of all cores together and without
start-up, the best of some rounds in turn. "Cropping" is FFmpeg cutting the four clips out of the
large one, as a person would have to before. "Least" is decoding once, and scaling and the network
four times.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from itertools import chain, islice
from pathlib import Path

import cv2
import numpy as np

from activity.labelling.jobs import Settings
from activity.labelling.label_clip import label_clip
from activity.labelling.outputs import Outputs
from activity.labelling.planning import plan_jobs
from activity.labelling.prediction import parts_of
from activity.media.clip import VideoSource
from activity.media.frame import Frame, VideoInfo
from activity.media.region import Region, parse_region
from activity.media.sink import open_sink
from activity.network.arguments import add_cache_argument, positive
from activity.network.classifier import Classifier, OpenClassifier
from activity.network.engine import EngineOptions
from activity.temporal.smoothing import Viterbi
from benchmarks.limit import milliseconds, network_seconds
from benchmarks.measuring import print_table, processor_seconds_of, spent

SIZE = 1920, 1080
QUARTERS = [
    parse_region(f"{name}={left},{top},0.5,0.5")
    for name, left, top in (("a", 0, 0), ("b", 0.5, 0), ("c", 0, 0.5), ("d", 0.5, 0.5))
]


def main() -> None:
    args = parse_arguments()
    opened = Classifier.load(args.model, args.label_bin).open(
        EngineOptions("openvino", cache_folder=args.cache)
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        clips = write_clips(folder, args.input, args.frames)
        cropping = crop_seconds(clips[0]) / args.frames
        rows = []
        for name in ("csv", "mp4"):
            runs = {"one run": partial(run, clips[0], QUARTERS, name, opened)}
            runs["four runs"] = partial(run_all, clips[1:], name, opened)
            found: dict[str, list[float]] = {what: [] for what in runs}
            for _ in range(args.rounds):
                for what, once in runs.items():
                    found[what].append(spent(once).processor / args.frames)
            one, four = (min(found[what]) for what in runs)
            least = least_seconds(clips[0], opened, args.frames) if name == "csv" else None
            rows.append(
                [
                    "table" if name == "csv" else ".mp4",
                    milliseconds(one),
                    milliseconds(four),
                    f"{one / four:.2f}",
                    milliseconds(cropping),
                    f"{one / (four + cropping):.2f}",
                    milliseconds(least) if least else "",
                    f"{one / least:.2f}" if least else "",
                ]
            )
        print_table(
            [
                "output",
                "four regions",
                "four clips",
                "ratio",
                "cropping",
                "ratio with it",
                "least",
                "of least",
            ],
            rows,
        )
        print(f"frames labelled as alone: {agreement(folder):.4f}")


def run(clip: Path, regions: Sequence[Region], output: str, opened: OpenClassifier) -> None:
    """Label a clip, or its regions, and write their tables or the labelled clip."""
    target = clip.with_name(f"{clip.stem}.out.{output}")
    outputs = Outputs(csv=target) if output == "csv" else Outputs(video=target)
    jobs = plan_jobs([str(clip)], outputs, regions=regions)
    label_clip(jobs, opened, Settings(Viterbi(64)))


def run_all(clips: Sequence[Path], output: str, opened: OpenClassifier) -> None:
    """Label cropped clips one after the other."""
    for clip in clips:
        run(clip, (), output, opened)


def least_seconds(clip: Path, opened: OpenClassifier, frames: int) -> float:
    """Measure decoding a frame once, and scaling and classifying each of its regions."""
    decode = spent(lambda: [None for _ in VideoSource(clip).frames()]).processor / frames
    with closing(VideoSource(clip)) as source:
        parts = parts_of(QUARTERS, source.info, clip.name)
        some = list(islice(source.frames(), 40))
    crops = [frame.part(part) for frame in some for part in parts if part]
    scaled = spent(lambda: [opened.network_input(crop) for crop in crops]).processor / len(some)
    network = network_seconds(opened, [opened.network_input(crop) for crop in crops[:32]])
    return decode + scaled + len(parts) * network


def crop_seconds(clip: Path) -> float:
    """Measure FFmpeg's command line cutting out each quarter; 0 where there is none."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        return 0.0
    seconds = 0.0
    for left, top, width, height in (region.window(SIZE, clip.name) for region in QUARTERS):
        crop = ["-vf", f"crop={width}:{height}:{left}:{top}", "-preset", "veryfast", "-crf", "20"]
        output = str(clip.with_name("cropped.mp4"))
        command = [ffmpeg, "-v", "error", "-y", "-i", str(clip), *crop, output]
        seconds += processor_seconds_of(command)
    return seconds


def agreement(folder: Path) -> float:
    """Compare the tables of the regions with those of the cropped clips, frame by frame."""
    same = []
    for region in QUARTERS:
        tables = [
            (folder / name).read_text().splitlines()[1:]
            for name in (f"all.out.{region.name}.csv", f"{region.name}.out.csv")
        ]
        labels = [[row.split(",")[3] for row in table] for table in tables]
        same += [one == other for one, other in zip(*labels, strict=True)]
    return float(np.mean(same))


def write_clips(folder: Path, inputs: Sequence[Path], frames: int) -> list[Path]:
    """Write the large clip, and one of each of its quarters."""
    quarter = SIZE[0] // 2, SIZE[1] // 2
    paths = [folder / "all.mp4", *(folder / f"{region.name}.mp4" for region in QUARTERS)]
    with ExitStack() as stack:
        sinks = [
            stack.enter_context(open_sink(path, VideoInfo(*size, 30, frames), None))
            for path, size in zip(paths, [SIZE, *[quarter] * 4], strict=True)
        ]
        # The same clip in two quarters shows them something else.
        shown = [
            islice(repeated(inputs[number % len(inputs)], quarter), 20 * number, None)
            for number in range(4)
        ]
        for number, pictures in zip(range(frames), zip(*shown, strict=True), strict=False):
            a, b, c, d = pictures
            whole = np.vstack([np.hstack([a, b]), np.hstack([c, d])])
            for sink, pixels in zip(sinks, (whole, *pictures), strict=True):
                sink.write(Frame(pixels, number / 30))
    return paths


def repeated(clip: Path, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Yield the frames of a clip again and again, scaled."""
    for frame in chain.from_iterable(VideoSource(clip).frames() for _ in iter(int, 1)):
        scaled = cv2.resize(frame.pixels, size, interpolation=cv2.INTER_AREA)
        yield np.asarray(scaled, np.uint8)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for flag in ("--model", "--label-bin"):
        parser.add_argument(flag, type=Path, required=True)
    parser.add_argument("--input", type=Path, nargs="+", required=True, help="one to four clips")
    parser.add_argument("--frames", type=positive, default=150, help="of the clip")
    parser.add_argument("--rounds", type=positive, default=3)
    add_cache_argument(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
