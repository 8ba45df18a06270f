#!/usr/bin/env bash
# OpenTimelineIO's FCPXML adapter writes an empty frame duration at 29.97 frames a second.
#
# Seen on 2026-11-29 with OpenTimelineIO 0.18.1 and otio-fcpx-xml-adapter 1.0.0, Python 3.11.
# Expected: <format frameDuration="1001/30000s">, as Final Cut Pro writes it.
# Seen: frameDuration="", at 60000/1001 too; at 25 it is 1/25s.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check opentimelineio==0.18.1 otio-fcpx-xml-adapter==1.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import re
from importlib.metadata import version

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

print("OpenTimelineIO", otio.__version__, "adapter", version("otio-fcpx-xml-adapter"))
found = []
for rate in (25.0, 30000 / 1001, 60000 / 1001):
    whole = TimeRange(RationalTime(0, rate), RationalTime(1000, rate))
    clip = otio.schema.Clip("a", otio.schema.ExternalReference("a.mov", whole), whole)
    timeline = otio.schema.Timeline("t")
    timeline.tracks.append(otio.schema.Track("V1", [clip], kind="Video"))
    text = otio.adapters.write_to_string(timeline, "fcpx_xml")
    found.append(re.search('frameDuration="(.*?)"', text)[1])
    print(f"{rate:.3f}: frameDuration={found[-1]!r}")
assert found == ["1/25s", "", ""], "the duration is written now"
PYTHON
