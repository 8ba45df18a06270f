#!/usr/bin/env bash
# kloppy reads the codes of Sportscode instances as numbers where they look like numbers.
#
# Seen on 2026-11-29 with kloppy 3.19.1, Python 3.11.
# Expected: the code of an instance is its text: 007, 1.10, true.
# Seen: it is 7, 1.1, True, so that two codes (007 and 7) become one, and what is written back has other
#   names than the file that was read.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check kloppy==3.19.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

from kloppy import sportscode

NAMES = ["007", "1.10", "true", "tennis"]
instances = "".join(
    f"<instance><ID>{n}</ID><start>{n}.0</start><end>{n}.5</end><code>{name}</code></instance>"
    for n, name in enumerate(NAMES, 1)
)
with open("match.xml", "w") as file:
    file.write(f"<file><ALL_INSTANCES>{instances}</ALL_INSTANCES></file>")
found = [code.code for code in sportscode.load("match.xml").codes]
print("kloppy", version("kloppy"), "reads", NAMES, "as", found)
assert found == ["7", "1.1", "True", "tennis"], "codes are texts now"
PYTHON
