#!/usr/bin/env bash
# A crop that a container asks for is read by FFmpeg, and can be neither seen nor followed with PyAV.
#
# Seen on 2026-11-29 with PyAV 18.1.0 (FFmpeg 8.1), Python 3.11.
# Expected: `ffmpeg` (since 7.1) and players show the part of the pictures that `clap` in an .mp4 asks
#   for, so a decoded frame has that size, or the stream says which part it is.
# Seen: frames have the stored size; neither the stream, nor a packet, nor a frame has the request. It
#   is only in the text of dumps_format(), which is empty unless the log level of the process is INFO.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
"$folder/venv/bin/python" - "$folder/clip.mp4" <<'PYTHON'
import sys

import av
import av.logging
import numpy as np

path = sys.argv[1]
with av.open(path, "w") as clip:
    video = clip.add_stream("libx264", rate=25)
    video.width, video.height, video.pix_fmt = 320, 320, "yuv420p"
    for number in range(5):
        pixels = np.full((320, 320, 3), 40 * number, np.uint8)
        clip.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
    clip.mux(video.encode(None))

# The clean aperture: 320x200 around the centre. The boxes around it grow by its size.
numbers = (320, 1, 200, 1, 0, 1, 0, 1)
clap = b"\0\0\0\x28clap" + b"".join(number.to_bytes(4, "big") for number in numbers)
with open(path, "rb") as file:
    content = bytearray(file.read())
at = content.index(b"avcC") - 4
content[at:at] = clap
for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
    at = content.rindex(kind) - 4
    size = int.from_bytes(content[at : at + 4], "big") + len(clap)
    content[at : at + 4] = size.to_bytes(4, "big")
with open(path, "wb") as file:
    file.write(content)

print("PyAV", av.__version__, "libavformat", av.library_versions["libavformat"])
with av.open(path) as clip:
    quiet = "Cropping" in clip.dumps_format()
    stream = clip.streams.video[0]
    packets = [packet for packet in clip.demux(stream) if packet.size]
    on_packet = [data.data_type for data in packets[0].iter_sidedata()]
    frame = next(frame for packet in packets for frame in packet.decode())
    on_frame = [str(data.type) for data in frame.side_data]
av.logging.set_level(av.logging.INFO)
with av.open(path) as clip:
    (line,) = [line for line in clip.dumps_format().splitlines() if "Cropping" in line]
print("frames:", frame.width, "x", frame.height, "| of packet:", on_packet, "| of frame:", on_frame)
print("dumps_format():", "a crop" if quiet else "no crop", "| at level INFO:", line.strip())
assert (frame.width, frame.height) == (320, 320), "the crop is followed now"
assert not quiet and not on_packet and not any("CROP" in kind for kind in on_frame)
assert line.strip() == "Frame Cropping: 0/0/60/60", line
PYTHON
