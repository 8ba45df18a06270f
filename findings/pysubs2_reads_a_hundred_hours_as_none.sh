#!/usr/bin/env bash
# pysubs2 reads the hour 100 of a SubRip file as hour 0, and of a WebVTT file as it is.
#
# Seen on 2026-11-29 with pysubs2 1.8.0, Python 3.11.
# Expected: 100:00:00,000, as recorders that run for days write it, is 360,000 seconds in both formats,
#   or is refused.
# Seen: in SubRip it is 0:00:00, so that the subtitle moves to the start. No error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pysubs2==1.8.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

import pysubs2

with open("t.srt", "w") as file:
    file.write("1\n100:00:00,000 --> 100:00:01,000\nlate\n\n")
with open("t.vtt", "w") as file:
    file.write("WEBVTT\n\n100:00:00.000 --> 100:00:01.000\nlate\n")
found = {name: [(event.start, event.end) for event in pysubs2.load(name)] for name in ("t.srt", "t.vtt")}
print("pysubs2", version("pysubs2"), "milliseconds:", found)
assert found == {"t.srt": [(0, 1000)], "t.vtt": [(360_000_000, 360_001_000)]}, "hours are read now"
PYTHON
