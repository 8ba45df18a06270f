#!/usr/bin/env bash
# After a damaged packet, FFmpeg's HEVC decoder gives nothing up to the next key frame, and no error.
#
# Seen on 2026-11-29 with PyAV 18.1.0 (FFmpeg 8.1), Python 3.11.
# Expected: an error or a marked frame, and then the other frames, as of H.264 and MPEG-4.
# Seen: bytes of the packet are overwritten behind its header: decode() raises nothing, and 40 of 120
#   frames come. With the flag output_corrupt, 120 come, and 80 of these say is_corrupt.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
"$folder/venv/bin/python" - "$folder/clip.mp4" <<'PYTHON'
import sys

import av
import numpy as np
from av.codec.context import Flags

path = sys.argv[1]
with av.open(path, "w") as clip:
    options = {"x265-params": "keyint=250:bframes=0:log-level=none"}
    video = clip.add_stream("libx265", rate=25, options=options)
    video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
    for number in range(120):
        pixels = np.full((120, 160, 3), 90, np.uint8)
        pixels[:, number % 160] = (30, 230, 40)
        clip.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
    clip.mux(video.encode(None))
with av.open(path) as clip:
    packet = [packet for packet in clip.demux(video=0) if packet.size][40]
    start, size = packet.pos, packet.size
with open(path, "r+b") as file:
    file.seek(start + 8)
    file.write(np.random.default_rng(0).bytes(size - 8))


def decoded(flags: Flags | None) -> tuple[int, int, int]:
    frames, errors = [], 0
    with av.open(path) as clip:
        context = clip.streams.video[0].codec_context
        context.thread_count = 1
        if flags:
            context.flags |= flags
        for packet in clip.demux(video=0):
            try:
                frames += context.decode(packet if packet.size else None)
            except av.FFmpegError:
                errors += 1
    return len(frames), sum(frame.is_corrupt for frame in frames), errors


print("PyAV", av.__version__, "libavcodec", av.library_versions["libavcodec"])
plain, asked = decoded(None), decoded(Flags.output_corrupt)
print("of 120 frames come, are marked corrupt; errors:", plain, "| with output_corrupt:", asked)
assert plain == (40, 0, 0), "it says something now, or goes on"
assert asked[0] > 110 and asked[1] == asked[0] - 40 and asked[2] == 0
PYTHON
