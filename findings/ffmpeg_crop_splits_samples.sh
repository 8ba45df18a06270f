#!/usr/bin/env bash
# FFmpeg's crop filter with exact=1 begins in the middle of a sample where samples have several bytes.
#
# Seen on 2026-11-29 with PyAV 18.1.0 (FFmpeg 8.1), Python 3.11.
# Expected: of planes of 10 bits, or with U and V side by side, an odd left edge begins at the sample
#   before or behind it, as of planes of 8 bits.
# Seen: red stays red in yuv420p; in yuv420p10le and nv12 the colour samples begin one byte too late:
#   other colours, and no error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import av
import numpy as np
from av.filter import Graph

RED = np.full((64, 64, 3), (200, 40, 40), np.uint8)


def cropped(form: str, left: int) -> list[int]:
    """Cut 32 columns out of a red picture, and return the mean colour of what is left."""
    planes = av.VideoFrame.from_ndarray(RED, format="rgb24").reformat(format=form)
    graph = Graph()
    source = graph.add("buffer", video_size="64x64", pix_fmt=form, time_base="1/1")
    crop = graph.add("crop", f"32:32:{left}:0:exact=1")
    graph.link_nodes(source, crop, graph.add("buffersink")).configure()
    graph.push(planes)
    pixels = graph.vpull().reformat(format="rgb24").to_ndarray()
    return [round(float(value)) for value in pixels.mean(axis=(0, 1))]


print("PyAV", av.__version__, "libavfilter", av.library_versions["libavfilter"])
off = {}
for form in ("yuv420p", "yuv420p10le", "nv12"):
    even, odd = cropped(form, 4), cropped(form, 5)
    off[form] = max(abs(one - other) for one, other in zip(even, odd))
    print(f"{form}: from column 4 {even}, from column 5 {odd}")
assert off["yuv420p"] <= 2
assert off["yuv420p10le"] > 40 and off["nv12"] > 40, "it begins at a whole sample now"
PYTHON
