#!/usr/bin/env bash
# OpenTimelineIO's EDL adapter writes markers at 29.97 frames a second, and does not read them back.
#
# Seen on 2026-11-29 with OpenTimelineIO 0.18.1 and otio-cmx3600-adapter 1.0.0, Python 3.11.
# Expected: a marker that is written with a name, a colour and a duration is read back with them.
# Seen: at 25 it comes back in capitals and without a duration; at 30000/1001 and 60000/1001, whose
#   timecodes are drop-frame (with a semicolon), there is no marker any more. No warning.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check opentimelineio==0.18.1 otio-cmx3600-adapter==1.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

print("OpenTimelineIO", otio.__version__, "adapter", version("otio-cmx3600-adapter"))
counts = []
for rate in (25.0, 30000 / 1001, 60000 / 1001):
    whole = TimeRange(RationalTime(0, rate), RationalTime(1000, rate))
    clip = otio.schema.Clip("a", otio.schema.ExternalReference("a.mov", whole), whole)
    marked = TimeRange(RationalTime(150, rate), RationalTime(20, rate))
    clip.markers.append(otio.schema.Marker("Tennis", marked, color="RED"))
    timeline = otio.schema.Timeline("t")
    timeline.tracks.append(otio.schema.Track("V1", [clip], kind="Video"))
    text = otio.adapters.write_to_string(timeline, "cmx_3600", rate=rate)
    (line,) = [line for line in text.splitlines() if "LOC" in line]
    (again,) = otio.adapters.read_from_string(text, "cmx_3600", rate=rate).find_clips()
    found = [(marker.name, marker.marked_range.duration.value) for marker in again.markers]
    counts.append(found)
    print(f"{rate:.3f}: wrote {line!r}, read back {found}")
assert counts == [[("TENNIS", 0.0)], [], []], "markers are read back now"
PYTHON
