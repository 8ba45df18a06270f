#!/usr/bin/env bash
# SVT-AV1's encoder, opened as root, makes the thread that opens it a real-time one, and leaves it so.
#
# Seen on 2026-11-29 with PyAV 18.1.0 (FFmpeg 8.1), Python 3.11, Linux, as root.
# Expected: an encoder changes the priority of its own threads, if any, and nobody asked it to.
# Seen: the scheduler of the calling thread goes from SCHED_OTHER to SCHED_FIFO with priority 99, and
#   stays there when the encoder is closed; a process that is started then has it, too. On two cores,
#   two of them leave other processes a twentieth of the time (the kernel's own limit). Neither
#   libx264 nor libvpx-vp9 does that.
set -euo pipefail
[ "$(id -u)" = 0 ] && [ "$(uname)" = Linux ] || { echo "takes root on Linux" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
SVT_LOG=1 "$folder/venv/bin/python" - "$folder/clip.mkv" <<'PYTHON'
import os
import subprocess
import sys

import av
import numpy as np

NAMES = {os.SCHED_OTHER: "SCHED_OTHER", os.SCHED_FIFO: "SCHED_FIFO"}
CHILD = [sys.executable, "-c", "import os; print(os.sched_getscheduler(0))"]


def encode(codec: str) -> tuple[str, int, str]:
    """Write three frames; return scheduler and priority of this thread, and of a new process."""
    with av.open(sys.argv[1], "w") as clip:
        video = clip.add_stream(codec, rate=25)
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        for number in range(3):
            pixels = np.full((120, 160, 3), 80 * number, np.uint8)
            clip.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        clip.mux(video.encode(None))
    child = int(subprocess.run(CHILD, capture_output=True, text=True, check=True).stdout)
    own = os.sched_getscheduler(0), os.sched_getparam(0).sched_priority
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return NAMES[own[0]], own[1], NAMES[child]


print("PyAV", av.__version__, "libavcodec", av.library_versions["libavcodec"])
seen = {codec: encode(codec) for codec in ("libx264", "libvpx-vp9", "libsvtav1")}
print(seen)
assert seen["libx264"] == seen["libvpx-vp9"] == ("SCHED_OTHER", 0, "SCHED_OTHER")
assert seen["libsvtav1"] == ("SCHED_FIFO", 99, "SCHED_FIFO"), "it leaves the thread as it was"
PYTHON
