"""How close prediction and training come to the least work that there is, step by step.

    python -m benchmarks.limit --model model/activity.model --label-bin model/lb.pickle \\
        --input example_clips/tennis.mp4 --photos Sports-Type-Classifier/data

The clip is scaled to each size. Steps, whole runs and floors are milliseconds of processor time for
a frame or photo, of all cores together and without start-up. The floor of a clip is FFmpeg's own
command line, which decodes it and encodes an .mp4 with the same settings, and the network alone;
that of photos is OpenCV's decoder and the network. "At once" is the rate with a network that
answers at once: what more cores or a GPU would be held up by.
"""

import argparse
import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import chain, cycle, islice
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import PictureType
from numpy.typing import NDArray

from activity.labelling.jobs import Job, Settings
from activity.labelling.label_clip import label_clip
from activity.labelling.outputs import Outputs
from activity.labelling.overlay import overlay, whole_frame
from activity.media.clip import VideoSource
from activity.media.frame import Frame, PlanePainter, VideoInfo
from activity.media.images import Image
from activity.media.photo import decode_image
from activity.media.sink import open_sink
from activity.network.arguments import add_cache_argument, positive
from activity.network.classifier import Classifier, OpenClassifier
from activity.network.engine import Engine, EngineOptions, Stream, Tag
from activity.temporal.smoothing import Rolling
from activity.training.data.dataset import ALL_LABELS, find_images
from activity.training.features.sets import Examples
from activity.training.features.views import View, pixels_of
from activity.training.learning.head import HEAD, HIDDEN_UNITS, train_head
from benchmarks.measuring import print_table, processor_seconds_of, spent

SIZES = ("638x402", "1280x720", "1920x1080", "3840x2160")

# 22 activities of the public data set, in the features of EfficientNet-Lite0.
DATA_SET = {"images": 10_377, "features": 1280, "labels": 22}

_FFMPEG = shutil.which("ffmpeg")
_ENCODER = {"preset": "veryfast", "crf": "20"}
_BYTES_HELD = 2**28


def main() -> None:
    args = parse_arguments()
    opened = Classifier.load(args.model, args.label_bin).open(
        EngineOptions("openvino", cache_folder=args.cache)
    )
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as temporary:
        for size in args.sizes:
            clip = scale(args.input, size, args.frames, Path(temporary) / "clip.mp4")
            rows += [[size, *row] for row in rows_of_clip(clip, opened, args.frames)]
    steps = ["decode", "input", "network", "draw", "encode", "whole run", "floor", "of floor"]
    print_table(["clip", "output", *steps, "frames/s", "at once"], rows)
    if _FFMPEG is None:
        print("There is no ffmpeg command: the floor is the same in a plain loop with PyAV.")
    if args.photos:
        print_photos(args.photos, args.count, opened)
    print_head(args.epochs)


def rows_of_clip(clip: Path, opened: OpenClassifier, frames: int) -> Iterator[list[object]]:
    """Measure the steps of a clip, and the runs and the floor of each output."""
    at_once = OpenClassifier(opened.saved, answer_at_once(len(opened.saved.labels)))
    with closing(VideoSource(clip)) as source:
        info = source.info
        held = max(4, _BYTES_HELD // (2 * info.width * info.height))
        some = list(islice(source.frames(), held))
    decode = spent(lambda: [None for _ in VideoSource(clip).frames()]).processor / frames
    scaled = spent(lambda: [opened.network_input(frame) for frame in some]).processor / len(some)
    network = network_seconds(opened, [opened.network_input(frame) for frame in some[:32]])
    draw = spent(lambda: draw_on(some, info, opened.saved.labels)).processor / len(some)
    again = spent(lambda: write_again(clip, clip.with_name("again.mp4"))).processor / frames
    for outputs, steps in [
        (Outputs(csv=clip.with_name("out.csv")), [decode, scaled, network]),
        (
            Outputs(video=clip.with_name("out.mp4")),
            [decode, scaled, network, draw, again - decode],
        ),
    ]:
        job, settings = Job(str(clip), outputs), Settings(Rolling(128))
        waiting = spent(partial(label_clip, [job], at_once, settings))
        whole = spent(partial(label_clip, [job], opened, settings))
        floor = floor_seconds(clip, outputs.video) / frames + network
        yield [
            ".mp4" if outputs.video else "table",
            *map(milliseconds, steps),
            *[""] * (5 - len(steps)),
            milliseconds(whole.processor / frames),
            milliseconds(floor),
            f"{whole.processor / frames / floor:.2f}",
            f"{frames / whole.wall:.0f}",
            f"{frames / waiting.wall:.0f}",
        ]


def print_photos(folder: Path, count: int, opened: OpenClassifier) -> None:
    """Measure the steps of photos, from their files to what the network makes of one view."""
    found = find_images([folder], [ALL_LABELS]).photos
    chosen = [found[place].image for place in np.linspace(0, len(found) - 1, count, dtype=int)]
    contents = [image.file.read_bytes() for image in chosen]
    frames = [Frame(pixels) for pixels in map(decode_image, contents) if pixels is not None]
    # Every file is hashed again on its way, as for the first run of a training.
    views = [
        View(image._replace(digest=hashlib.sha256(content).hexdigest()), 0)
        for image, content in zip(chosen, contents, strict=True)
    ]
    side = opened.saved.side
    read = spent(lambda: [hashlib.sha256(i.file.read_bytes()) for i in chosen]).processor / count
    decode = spent(lambda: list(map(decode_image, contents))).processor / count
    scaled = spent(lambda: [frame.network_input(side=side) for frame in frames]).processor / count
    network = network_seconds(opened, [frame.network_input(side=side) for frame in frames[:32]])
    waiting = spent(lambda: list(pixels_of(views, side)))
    whole = spent(lambda: list(opened(pixels_of(views, side))))
    flat = [np.frombuffer(content, np.uint8) for content in contents]
    plain = spent(lambda: [cv2.imdecode(each, cv2.IMREAD_COLOR) for each in flat]).processor
    floor = plain / count + network
    steps = [read, decode, scaled, network, whole.processor / count, floor]
    rates = [f"{count / whole.wall:.0f}", f"{count / waiting.wall:.0f}"]
    of_floor = f"{whole.processor / count / floor:.2f}"
    names = ["read, hash", "decode", "input", "network", "whole pass", "floor", "of floor"]
    print()
    print_table(
        ["", *names, "photos/s", "at once"],
        [[f"{count} photos", *map(milliseconds, steps), of_floor, *rates]],
    )


def print_head(epochs: int) -> None:
    """Measure an epoch of the head, and the matrix products that it cannot do without."""
    images, features, labels = DATA_SET.values()
    random = np.random.default_rng(0)
    table = random.standard_normal((images, features), np.float32)
    targets = np.eye(labels, dtype=np.float32)[random.integers(labels, size=images)]
    rows = np.arange(images).reshape(-1, 1)
    train = Examples([Image("drawn")] * images, targets, table, rows)
    nothing = train.take(np.arange(0))
    learn = partial(train_head, train, nothing, seed=0, progress=False)
    learn(epochs=1)  # what is done once is done
    one, more = (spent(partial(learn, epochs=1 + count)) for count in (0, epochs))

    batch = HEAD.batch_size
    pixels, kernel = table[:batch], random.standard_normal((features, HIDDEN_UNITS), np.float32)
    hidden, last = pixels @ kernel, random.standard_normal((HIDDEN_UNITS, labels), np.float32)
    answers = hidden @ last

    def products() -> None:
        for _ in range(-(-images // batch)):
            _ = (pixels @ kernel) @ last  # forwards
            _ = hidden.T @ answers, pixels.T @ (answers @ last.T)  # backwards

    epoch = [(many - few) / epochs for few, many in zip(one, more, strict=True)]
    bare = spent(products, rounds=5)
    print()
    print_table(
        [", ".join(f"{count} {what}" for what, count in DATA_SET.items()), "processor", "wall"],
        [
            ["an epoch of the head", *map(milliseconds, epoch)],
            [f"its matrix products, batches of {batch}, NumPy", *map(milliseconds, bare)],
        ],
    )


def milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.1f}"


def answer_at_once(labels: int) -> Engine:
    """Make an engine that gives all inputs the same probabilities, and does not look at them."""
    answer = np.full(labels, 1 / labels, np.float32)

    def engine(stream: Stream[Tag]) -> Iterator[tuple[Tag, NDArray[np.float32]]]:
        return ((tag, answer) for tag, _ in stream)

    return engine


def network_seconds(opened: OpenClassifier, inputs: Sequence[NDArray[np.uint8]]) -> float:
    """Measure the network alone: seconds of the processor for one input."""
    stream = [(None, pixels) for pixels in islice(cycle(inputs), 96)]
    return spent(lambda: list(opened(stream)), rounds=3).processor / len(stream)


def scale(clip: Path, size: str, frames: int, output: Path) -> Path:
    """Write a clip in another size; it starts again where it is too short."""
    width, height = map(int, size.split("x"))
    info = VideoInfo(width, height, 30, frames)
    laps = chain.from_iterable(VideoSource(clip).frames() for _ in range(frames))
    with open_sink(output, info, None) as sink:
        for number, frame in enumerate(islice(laps, frames)):
            scaled = cv2.resize(frame.pixels, (width, height), interpolation=cv2.INTER_AREA)
            sink.write(Frame(np.asarray(scaled, np.uint8), number / info.fps))
    return output


def draw_on(frames: Sequence[Frame], info: VideoInfo, labels: Sequence[str]) -> None:
    """Draw a label on each frame, as it is done for an .mp4."""
    painter = PlanePainter()
    even = np.full(len(labels), 1 / len(labels))
    for frame in frames:
        planes = frame.planes_to_write(info.planes)
        for plate in overlay(frame.size, whole_frame(frame.size), labels, even, 0, bars=False):
            painter.draw(plate, planes) if planes else plate.draw(frame.pixels)


def write_again(clip: Path, output: Path) -> None:
    """Decode a clip and encode it, with nothing drawn on it."""
    with closing(VideoSource(clip)) as source, open_sink(output, source.info, None) as sink:
        for frame in source.frames():
            sink.write(frame)


def floor_seconds(clip: Path, output: Path | None) -> float:
    """Measure FFmpeg decoding a clip, and encoding it where there is an output."""
    if _FFMPEG is None:
        return spent(lambda: plain_loop(clip, output)).processor
    encoder = [word for name, value in _ENCODER.items() for word in (f"-{name}", value)]
    target = ["-c:v", "libx264", *encoder, str(output)] if output else ["-f", "null", "-"]
    command = [_FFMPEG, "-v", "error", "-y", "-i", str(clip), "-an", *target]
    return min(processor_seconds_of(command) for _ in range(2))


def plain_loop(clip: Path, output: Path | None) -> None:
    """Do the same with FFmpeg's libraries."""
    with av.open(str(clip)) as source:
        video = source.streams.video[0]
        video.thread_type = "AUTO"
        if output is None:
            for _ in source.decode(video):
                pass
            return
        with av.open(str(output), "w") as target:
            stream = target.add_stream("libx264", rate=video.average_rate, options=_ENCODER)
            stream.width, stream.height = video.width, video.height
            for frame in source.decode(video):
                frame.pict_type = PictureType.NONE
                target.mux(stream.encode(frame))
            target.mux(stream.encode(None))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for flag in ("--model", "--label-bin", "--input"):
        parser.add_argument(flag, type=Path, required=True)
    parser.add_argument("--sizes", nargs="+", default=SIZES, help="of the clip, WIDTHxHEIGHT")
    parser.add_argument("--frames", type=positive, default=120, help="of the clip")
    parser.add_argument("--photos", type=Path, help="a folder of them; none are read without it")
    parser.add_argument("--count", type=positive, default=256, help="of photos")
    parser.add_argument("--epochs", type=positive, default=10, help="of the head")
    add_cache_argument(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
