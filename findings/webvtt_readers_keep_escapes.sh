#!/usr/bin/env bash
# Two readers of WebVTT keep &amp; and &lt; in the text, where FFmpeg and browsers show & and <.
#
# Seen on 2026-11-29 with pysubs2 1.8.0, webvtt-py 0.6.0 and PyAV 18.1.0 (FFmpeg 8.1), Python 3.11.
# Expected: the text of a cue is unescaped (WebVTT, section 6.4): 'A & B <c>'.
# Seen: pysubs2 and webvtt-py give 'A &amp; B &lt;c&gt;'; FFmpeg gives 'A & B <c>'. A program that
#   reads with one of them and writes SubRip shows the escapes to people.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pysubs2==1.8.0 webvtt-py==0.6.0 av==18.1.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

import av
import pysubs2
import webvtt

with open("t.vtt", "w") as file:
    file.write("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nA &amp; B &lt;c&gt;\n")
(one,) = [event.text for event in pysubs2.load("t.vtt")]
(other,) = [cue.text for cue in webvtt.read("t.vtt")]
with av.open("t.vtt") as container:
    packets = [packet for packet in container.demux(subtitles=0) if packet.size]
    track = container.streams.subtitles[0]
    shown = [subtitle for packet in packets for subtitle in track.decode2(packet)]
    ffmpeg = b"".join(subtitle.dialogue for subtitle in shown).decode()
print("pysubs2", version("pysubs2"), repr(one))
print("webvtt-py", version("webvtt-py"), repr(other))
print("PyAV", av.__version__, repr(ffmpeg))
assert one == other == "A &amp; B &lt;c&gt;", "escapes are resolved now"
assert "A & B <c>" in ffmpeg
PYTHON
