#!/usr/bin/env bash
# Seen 2026-11-29: Keras 3.15.1, Python 3.11.
# Expected: "backend" in ~/.keras/keras.json is what a person has chosen.
# Seen: Keras writes "tensorflow" there when it is first imported, also where KERAS_BACKEND names
# another one and TensorFlow is not installed. A program that takes it for a choice always finds
# TensorFlow chosen. Exits non-zero when this is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 openvino==2026.4.1 scipy==1.17.1
KERAS_HOME="$folder/home" KERAS_BACKEND=openvino "$folder/venv/bin/python" -c '
import keras
print("Keras", keras.__version__, "runs on", keras.config.backend())'
echo "it has written:"
cat "$folder/home/keras.json"
echo
grep -q '"backend": "tensorflow"' "$folder/home/keras.json"
