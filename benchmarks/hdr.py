"""How HDR clips look beside the clips that they were made of, and what that costs.

    python -m benchmarks.hdr --input CLIP CLIP CLIP CLIP CLIP

FFmpeg's own ``scale`` filter makes HDR of each clip: HLG and PQ, 10 bits, BT.2020, paper white at
203 cd/m2, stored without loss. Figures are mean differences, of 255, from the clip itself, over all
frames and channels: of frames, of what the network sees, and of what is written.

The second table is what HDR costs: milliseconds of processor time for a frame, between decoding and
encoding, and seconds to the first frame, each beside the same pictures in a clip that does not say
that they are HDR.
"""

import argparse
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
from av.filter import Graph
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from activity.media.clip import VideoSource
from activity.media.frame import ROUNDED, Frame
from activity.media.sink import open_sink
from activity.network.arguments import positive
from benchmarks.measuring import in_own_process, print_table

TRANSFERS = {"HLG": ("arib-std-b67", 18), "PQ": ("smpte2084", 16)}
FULL_HD = (1920, 1080)
_HELD = 24  # frames of 1920x1080 in memory
_ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--input", type=Path, nargs="+", required=True, help="SDR clips")
    parser.add_argument("--frames", type=positive, default=50, help="of each clip")
    args = parser.parse_args()
    columns = ["frames", "network", ".mp4", ".avi"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rows: list[list[str]] = []
        for name in TRANSFERS:
            for clip in args.input:
                row = row_of(clip, name, args.frames, folder)
                rows.append([clip.stem, name, *(f"{value:.1f}" for value in row)])
        print_table(["clip", "", *columns], rows)
        print()
        costs = [[name, *costs_of(args.input[0], name, folder)] for name in TRANSFERS]
        print_table(["1920x1080", "table", ".avi", ".mp4", "first frame, s"], costs)


def row_of(clip: Path, name: str, frames: int, folder: Path) -> Iterator[float]:
    """Measure how far frames and written clips are from those of an SDR clip."""
    hdr = write_hdr(clip, folder / "hdr.mp4", name, frames)
    sdr = [(frame.pixels, frame.network_input()) for frame in read(clip, frames)]
    pixels, inputs = zip(*sdr, strict=True)
    yield away((frame.pixels for frame in read(hdr, frames)), pixels)
    yield away((frame.network_input() for frame in read(hdr, frames)), inputs)
    for suffix in (".mp4", ".avi"):
        output = folder / f"out{suffix}"
        source = VideoSource(hdr, as_pixels=suffix == ".avi")
        with open_sink(output, source.info, None) as sink:
            for frame in source.frames():
                sink.write(frame.to_wait())
        yield away((frame.pixels for frame in read(output, frames)), pixels)


def costs_of(clip: Path, name: str, folder: Path) -> Iterator[str]:
    """Measure what is more: for a frame of each kind of output, and for the first one."""
    hdr = write_hdr(clip, folder / "hdr.mp4", name, _HELD, FULL_HD)
    unsaid = write_hdr(clip, folder / "unsaid.mp4", name, _HELD, FULL_HD, says_so=False)
    for output in ("table", ".avi", ".mp4"):
        more = processor_seconds(hdr, output) - processor_seconds(unsaid, output)
        yield f"{1000 * more:+.1f}"
    yield f"{first_frame_seconds(hdr) - first_frame_seconds(unsaid):+.2f}"


def processor_seconds(clip: Path, output: str) -> float:
    """Measure what is done with a frame after decoding; the quickest round counts."""
    with closing(VideoSource(clip, as_pixels=output == ".avi")) as source:
        form = source.info.planes
    to_planes = VideoReformatter()
    seconds = []
    for _ in range(_ROUNDS):
        frames = list(read(clip, _HELD))
        begun = time.process_time()
        for frame in frames:
            frame.network_input()
            if output == ".avi":
                _ = frame.pixels
            elif output == ".mp4" and frame.planes_to_write(form) is None:
                picture = av.VideoFrame.from_ndarray(frame.pixels, format="bgr24")
                to_planes.reformat(picture, format="yuv420p", interpolation=ROUNDED, threads=1)
        seconds.append((time.process_time() - begun) / len(frames))
    return min(seconds)


def first_frame_seconds(clip: Path) -> float:
    """Measure by the clock how long a new process takes for the first frame, without imports."""
    times = []
    for _ in range(_ROUNDS):
        with in_own_process() as process:
            times.append(process.submit(seconds_to_first_frame, clip).result())
    return min(times)


def seconds_to_first_frame(clip: Path) -> float:
    begun = time.perf_counter()
    frame = next(VideoSource(clip).frames())
    frame.network_input()
    _ = frame.pixels
    return time.perf_counter() - begun


def read(clip: Path, frames: int) -> Iterator[Frame]:
    with closing(VideoSource(clip)) as source:
        yield from islice(source.frames(), frames)


def away(pictures: Iterable[NDArray[np.uint8]], others: Iterable[NDArray[np.uint8]]) -> float:
    """Return the mean difference of pictures, of 255."""
    return float(
        np.mean([cv2.absdiff(*both).mean() for both in zip(pictures, others, strict=True)])
    )


def write_hdr(
    clip: Path,
    path: Path,
    name: str,
    frames: int,
    size: tuple[int, int] | None = None,
    *,
    says_so: bool = True,
) -> Path:
    """Write the first frames of an SDR clip as HDR.

    Args:
        says_so: whether the clip says that it is HDR; if not, it says that it is BT.709's curve.
    """
    transfer, number = TRANSFERS[name]
    options = {"preset": "ultrafast", "x265-params": "lossless=1:bframes=0:log-level=none"}
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        video, graph = target.add_stream("libx265", rate=25, options=options), None
        for count, picture in enumerate(islice(source.decode(video=0), frames)):
            if graph is None:
                width, height = size or (picture.width, picture.height)
                graph = Graph()
                nodes = [
                    graph.add_buffer(
                        width=picture.width,
                        height=picture.height,
                        format=picture.format,
                        time_base=Fraction(1, 25),
                    ),
                    graph.add("setparams", said_of(picture)),
                    graph.add(
                        "scale",
                        f"{width}:{height}:out_primaries=bt2020:out_transfer={transfer}:"
                        "out_color_matrix=bt2020nc:intent=relative_colorimetric",
                    ),
                    graph.add("format", "yuv420p10le"),
                    graph.add("buffersink"),
                ]
                graph.link_nodes(*nodes).configure()
                video.width, video.height, video.pix_fmt = width, height, "yuv420p10le"
                context = video.codec_context
                context.color_primaries, context.colorspace, context.color_range = 9, 9, 1
                context.color_trc = number if says_so else 1
            graph.push(picture)
            converted = graph.vpull()
            converted.pts, converted.time_base = count, Fraction(1, 25)
            target.mux(video.encode(converted))
        target.mux(video.encode(None))
    return path


def said_of(picture: av.VideoFrame) -> str:
    """Return what the filter is to know of a picture, whatever the clip says or leaves open."""
    matrix = "bt709" if picture.colorspace == 1 else "smpte170m"
    return f"color_primaries=bt709:color_trc=bt709:colorspace={matrix}:range=tv"


if __name__ == "__main__":
    main()
