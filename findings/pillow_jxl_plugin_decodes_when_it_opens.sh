#!/usr/bin/env bash
# With pillow-jxl-plugin, Image.open decodes the whole picture; reading a size takes as long as that.
#
# Seen on 2026-11-29 with pillow-jxl-plugin 1.3.8, Pillow 13.0.0, Python 3.11.
# Expected: "This is a lazy operation; this function identifies the file, but the file remains open and
#   the actual image data is not read from the file until you try to process the data" (Pillow's
#   documentation of Image.open), so a program can look at the size first and leave a picture out.
# Seen: after Image.open of 6 megapixels all 18 MB of pixels are in memory, before load() is called.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    pillow-jxl-plugin==1.3.8 pillow==13.0.0
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pillow_jxl  # noqa: F401
from PIL import Image

print("pillow-jxl-plugin", version("pillow-jxl-plugin"), "Pillow", version("pillow"))
picture = Image.effect_mandelbrot((3000, 2000), (-3, -2.5, 2, 2.5), 100).convert("RGB")
held = {}
for kind in ("png", "jxl"):
    path = Path(sys.argv[1]) / f"picture.{kind}"
    picture.save(path)
    start = time.perf_counter()
    opened = Image.open(path)
    middle = time.perf_counter()
    held[kind] = sum(len(value) for value in vars(opened).values() if isinstance(value, bytes))
    opened.load()
    end = time.perf_counter()
    print(f"{kind}: open {middle - start:.3f} s, load {end - middle:.3f} s; held: {held[kind]} bytes")
assert held["jxl"] >= 3000 * 2000 * 3 > held["png"], "it behaves otherwise now"
PYTHON
