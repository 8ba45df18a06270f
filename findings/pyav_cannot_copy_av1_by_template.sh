#!/usr/bin/env bash
# PyAV cannot add a stream from the template of an AV1 clip that it reads, unless it is told opaque=True.
#
# Seen on 2026-11-29 with PyAV 18.1.0 (FFmpeg 8.1), Python 3.11.
# Expected: add_stream_from_template(stream), by which streams are copied without encoding, takes any
#   video stream, as it takes one of H.264.
# Seen: UnknownCodecError: 'libdav1d': it looks for an encoder with the name of the decoder. With
#   opaque=True, which is the default of sound and subtitles, the copy is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import av
import numpy as np

with av.open("clip.mp4", "w") as clip:
    video = clip.add_stream("libsvtav1", rate=25)
    video.width, video.height, video.pix_fmt = 128, 128, "yuv420p"
    for number in range(5):
        pixels = np.full((128, 128, 3), 40 * number, np.uint8)
        clip.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
    clip.mux(video.encode(None))

print("PyAV", av.__version__, "libavformat", av.library_versions["libavformat"])
with av.open("clip.mp4") as clip, av.open("copy.mkv", "w") as copy:
    stream = clip.streams.video[0]
    print("decoder:", stream.codec_context.name)
    try:
        copy.add_stream_from_template(stream)
    except av.codec.codec.UnknownCodecError as error:
        print("without opaque: UnknownCodecError", error)
    else:
        raise SystemExit("the stream is taken now")
    added = copy.add_stream_from_template(stream, opaque=True)
    for packet in clip.demux(stream):
        if packet.dts is not None:
            packet.stream = added
            copy.mux(packet)
with av.open("copy.mkv") as copy:
    frames = sum(1 for _ in copy.decode(video=0))
print("with opaque=True:", frames, "frames")
assert frames == 5
PYTHON
