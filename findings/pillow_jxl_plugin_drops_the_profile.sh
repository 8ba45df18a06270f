#!/usr/bin/env bash
# pillow-jxl-plugin takes icc_profile and does not write it: wide colours come back as sRGB.
#
# Seen on 2026-11-29 with pillow-jxl-plugin 1.3.8, Pillow 13.0.0, Python 3.11.
# Expected: as with JPEG, PNG, WebP and AVIF, save(..., icc_profile=profile) keeps the profile, so that
#   a viewer shows the picture in its own colours.
# Seen: neither an error nor a warning; the file says sRGB, with lossless=True, too, while the pixels are
#   as they were given. (A JPEG that is packed with lossless_jpeg=True keeps its profile.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    pillow-jxl-plugin==1.3.8 pillow==13.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import io
from importlib.metadata import version

import pillow_jxl  # noqa: F401
from PIL import Image, ImageCms

print("pillow-jxl-plugin", version("pillow-jxl-plugin"), "Pillow", version("pillow"))
own = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
# Red and green change places: a profile that cannot be taken for sRGB.
own = bytes(own.replace(b"rXYZ", b"tXYZ").replace(b"gXYZ", b"rXYZ").replace(b"tXYZ", b"gXYZ"))
picture, kept = Image.new("RGB", (64, 64), (200, 60, 40)), {}
for kind, options in {"PNG": {}, "AVIF": {}, "JXL": {"lossless": True}}.items():
    written = io.BytesIO()
    picture.save(written, kind, icc_profile=own, **options)
    read = Image.open(written)
    kept[kind] = read.info.get("icc_profile") == own
    print(kind, "keeps the profile:", kept[kind], "pixel:", read.getpixel((0, 0)))
assert kept == {"PNG": True, "AVIF": True, "JXL": False}, "it behaves otherwise now"
PYTHON
