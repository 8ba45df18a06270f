#!/usr/bin/env bash
# The first video stream of an animated AVIF is a single picture; the frames are in the second.
#
# Seen on 2026-11-29 with PyAV 18.1.0 (FFmpeg 8.1), Pillow 13.0.0 (libavif), Python 3.11.
# Expected: decode(video=0) of an animation of three pictures gives three frames, as of a GIF.
# Seen: it gives one. FFmpeg makes a stream of the still picture that the file has for viewers
#   that do not animate, and puts it first; streams.best("video") says which one moves.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 pillow==13.0.0
"$folder/venv/bin/python" - "$folder/animation.avif" <<'PYTHON'
import sys

import av
from PIL import Image

first, *others = [Image.new("RGB", (64, 64), (level, 0, 0)) for level in (10, 120, 240)]
first.save(sys.argv[1], save_all=True, append_images=others, duration=100)
print("PyAV", av.__version__, "Pillow", Image.__version__)
counts = []
with av.open(sys.argv[1]) as container:
    streams, best = len(container.streams.video), container.streams.best("video").index
for number in range(streams):
    with av.open(sys.argv[1]) as container:
        counts.append(sum(1 for _ in container.decode(video=number)))
print("frames of each video stream:", counts, "best:", best)
assert counts[0] == 1 and 3 in counts, "it behaves otherwise now"
PYTHON
