#!/usr/bin/env bash
# Seen 2026-11-29: PyAV 18.1.0 (its own libx264), Python 3.11, glibc 2.36, x86-64. FFmpeg 5.1 of
# Debian 12 with its own libx264 (164) does the same.
# Expected: x264 gives the same bytes for the same frames and options, whatever else the process did.
# Seen: which bytes come out depends on what freed memory holds, even with one thread. Under glibc's
# MALLOC_PERTURB_, which fills it, the presets veryfast and medium give other bytes, and another
# size, for another filling; ultrafast does not. The pictures look alike. So a digest of an encoded
# clip tells nothing of its frames. Exits non-zero when this is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet av==18.1.0 numpy==2.4.6
cat >"$folder/encode.py" <<'PYTHON'
import hashlib, io, sys, av, numpy

output = io.BytesIO()
with av.open(output, "w", format="mp4") as clip:
    stream = clip.add_stream("libx264", rate=25)
    stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
    stream.options = {"preset": sys.argv[1], "crf": "20"}
    stream.codec_context.thread_count = 1
    down, across = numpy.mgrid[:180, :160]
    for number in range(40):
        planes = ((3 * across + 2 * down + 5 * number) % 256).astype(numpy.uint8)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = number
        clip.mux(stream.encode(frame))
    clip.mux(stream.encode(None))
content = output.getvalue()
print(hashlib.sha256(content).hexdigest()[:16], len(content))
PYTHON
for preset in ultrafast veryfast medium; do
    for filling in 1 85 200 1; do
        MALLOC_PERTURB_=$filling "$folder/venv/bin/python" "$folder/encode.py" "$preset" |
            tee -a "$folder/$preset" | sed "s/^/$preset, memory filled with $filling: /"
    done
done
different() { sort -u "$folder/$1" | wc -l; }
[ "$(different ultrafast)" = 1 ] && [ "$(different veryfast)" -gt 1 ] && [ "$(different medium)" -gt 1 ]
