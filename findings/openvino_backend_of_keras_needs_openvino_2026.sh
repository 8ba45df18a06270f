#!/usr/bin/env bash
# Seen 2026-11-29: Keras 3.15.1, OpenVINO 2025.4.1 and 2026.0.0, Python 3.11, x86-64.
# Expected: Keras's OpenVINO backend runs with an OpenVINO that it can import, or says which it needs.
# Seen: Keras names no version of OpenVINO. With 2025.4.1 it is imported without a word, says
# "openvino" when asked for its backend, and then cannot make a single tensor: it takes opset16,
# which is complete from 2026.0.0 on, for everything (AttributeError: ... 'constant'). Exits non-zero
# when this is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/show.py" <<'PYTHON'
import importlib.metadata, keras, openvino

asked = [line for line in importlib.metadata.requires("keras") if "openvino" in line]
print("Keras", keras.__version__, "OpenVINO", openvino.__version__, keras.backend.backend())
print("Keras asks for:", asked or "no OpenVINO at all")
try:
    print(keras.ops.convert_to_numpy(keras.ops.add(keras.ops.ones(2), 1.0)))
except AttributeError as error:
    print("AttributeError:", error)
PYTHON
cd "$folder"
for version in 2025.4.1 2026.0.0; do
    python3 -m venv "$version"
    "$version/bin/pip" install --quiet keras==3.15.1 "openvino==$version" scipy==1.17.1
    KERAS_HOME="$folder" KERAS_BACKEND=openvino "$version/bin/python" show.py | tee "$version.txt"
done
grep -q "AttributeError: module 'openvino.opset16' has no attribute 'constant'" 2025.4.1.txt
grep -q '^\[2. 2.\]$' 2026.0.0.txt
