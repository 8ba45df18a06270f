#!/usr/bin/env bash
# Seen 2026-11-29: Keras 3.15.1, OpenVINO 2026.4.1, Python 3.11, x86-64.
# Expected: a network that Keras exports for OpenVINO runs equally fast, whichever backend wrote it.
# Seen: the OpenVINO backend writes a transposition before and behind each convolution, and around
# each normalization a pair that also swaps height and width ([0, 3, 2, 1]). They do not cancel out,
# nothing is fused over them, and the network (right in its answers) takes more than twice as long
# as the same one exported from TensorFlow. Exits non-zero when this is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 openvino==2026.4.1 scipy==1.17.1
cat >"$folder/show.py" <<'PYTHON'
import collections, sys, keras, openvino

layers, pixels = keras.layers, keras.Input((64, 64, 3))
outputs = pixels
for _ in range(10):
    outputs = layers.Conv2D(32, 3, padding="same", use_bias=False)(outputs)
    outputs = layers.ReLU(6)(layers.BatchNormalization()(outputs))
keras.Model(pixels, outputs).export("network.xml", format="openvino", verbose=False)
network = openvino.Core().read_model("network.xml")
network.reshape([1, 64, 64, 3])
orders = collections.Counter(
    tuple(int(axis) for axis in node.input_value(1).get_node().get_data())
    for node in network.get_ordered_ops()
    if node.get_type_name() == "Transpose"
    and node.input_value(0).get_node().get_type_name() != "Constant"
)
compiled = openvino.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
kinds = collections.Counter(
    node.get_rt_info()["layerType"].value for node in compiled.get_runtime_model().get_ops()
)
print("Keras", keras.__version__, "OpenVINO", openvino.__version__)
print("transpositions written for 10 convolutions:", dict(orders))
print("what runs:", dict(kinds))
moved = kinds["Transpose"] + kinds["Reorder"]
sys.exit(0 if orders[(0, 3, 2, 1)] == 20 and moved >= 20 else 1)
PYTHON
cd "$folder"
KERAS_HOME="$folder" KERAS_BACKEND=openvino venv/bin/python show.py
