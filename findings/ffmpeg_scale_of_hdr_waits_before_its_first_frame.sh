#!/usr/bin/env bash
# Seen 2026-11-29: PyAV 18.1.0 (FFmpeg 8.1, libswscale 9.5), Python 3.11, x86-64.
# Expected: FFmpeg's scale filter takes about as long for the first frame of an HDR clip as for the
# next ones.
# Seen: asked to convert PQ or HLG in BT.2020 to BT.709, it takes 2.6 s of processor time for the
# first frame, of 64x64 pixels, and 0.2 ms for each after it. Each new graph pays again. Exits
# non-zero when this is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet av==18.1.0 numpy==2.4.6
cat >"$folder/show.py" <<'PYTHON'
import sys, time, av, numpy
from av.filter import Graph

def seconds_of_frames(transfer):
    graph = Graph()
    source = graph.add("buffer", video_size="64x64", pix_fmt="yuv420p10le", time_base="1/25",
                       colorspace="9", range="1")
    scale = graph.add("scale", "out_primaries=bt709:out_transfer=bt709:out_color_matrix=bt709:"
                      "out_range=tv:intent=relative_colorimetric")
    graph.link_nodes(source, scale, graph.add("buffersink")).configure()
    grey = numpy.full((96, 64), 500, numpy.uint16)
    for number in range(3):
        frame = av.VideoFrame.from_ndarray(grey, format="yuv420p10le")
        frame.pts, frame.colorspace, frame.color_range = number, 9, 1
        frame.color_primaries, frame.color_trc = 9, transfer
        begun = time.process_time()
        graph.push(frame)
        graph.vpull()
        yield time.process_time() - begun

print("PyAV", av.__version__, "libswscale", av.library_versions["libswscale"])
ratios = []
for name, transfer in (("PQ", 16), ("HLG", 18)):
    first, *others = seconds_of_frames(transfer)
    ratios.append(first / max(others))
    print(f"{name}, 64x64: first frame {first:.2f} s, the next ones {max(others):.4f} s at most")
sys.exit(0 if min(ratios) > 50 else 1)
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
