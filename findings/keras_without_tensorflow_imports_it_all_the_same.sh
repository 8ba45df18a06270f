#!/usr/bin/env bash
# Seen 2026-11-29: Keras 3.15.1, TensorFlow 2.21.0, OpenVINO backend, Python 3.11.
# Expected: on another backend, Keras leaves TensorFlow alone.
# Seen: setting a seed, or saving a model, imports it where it is installed, to look whether a
# setting is one of its types: seconds and half a gigabyte. With sys.modules["tensorflow"] = None,
# which tells Python that it is not there, a Rescaling layer fails instead: it takes the entry for
# a TensorFlow that is there. Exits non-zero when this is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 tensorflow==2.21.0 openvino==2026.4.1 scipy==1.17.1
cat >"$folder/show.py" <<'PYTHON'
import sys, keras

print("Keras", keras.__version__, "on", keras.config.backend())
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
before = "tensorflow" in sys.modules
model.save("model.keras")
after = "tensorflow" in sys.modules
print("TensorFlow imported before saving:", before, "after:", after)
sys.exit(0 if after and not before else 1)
PYTHON
cat >"$folder/hidden.py" <<'PYTHON'
import sys

sys.modules["tensorflow"] = None
import keras, numpy as np

try:
    keras.layers.Rescaling(2.0)(np.ones((1, 4)))
except ImportError as error:
    print("Rescaling with None in its place:", str(error).splitlines()[0])
    sys.exit(0)
sys.exit(1)
PYTHON
cd "$folder"
export KERAS_HOME="$folder" KERAS_BACKEND=openvino
venv/bin/python show.py 2>/dev/null
venv/bin/python hidden.py
