"""The source tutorial's loop over a clip, written plainly, to measure predict_video.py against.

One ``predict`` call for each frame, and one step after the other.
"""

import argparse
from collections import deque
from pathlib import Path

import cv2
import numpy as np

from activity.media.frame import Frame
from activity.network.artifacts import load_label_file, load_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for flag in ("--model", "--label-bin", "--input", "--output"):
        parser.add_argument(flag, type=Path, required=True)
    parser.add_argument("--size", type=int, default=128)
    args = parser.parse_args()

    model = load_model(args.model)
    labels = load_label_file(args.label_bin).classes
    window: deque[np.ndarray] = deque(maxlen=args.size)
    capture = cv2.VideoCapture(str(args.input))
    writer = None
    while True:
        read, frame = capture.read()
        if not read:
            break
        pixels = Frame(np.asarray(frame, np.uint8)).network_input("squashed").astype(np.float32)
        window.append(model.predict(np.expand_dims(pixels, axis=0), verbose=0)[0])
        label = labels[int(np.array(window).mean(axis=0).argmax())]
        place, font = (35, 50), cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(frame, f"activity: {label}", place, font, 1.25, (0, 255, 0), 5)
        if writer is None:
            codec = cv2.VideoWriter.fourcc(*"MJPG")
            writer = cv2.VideoWriter(str(args.output), codec, 30, frame.shape[1::-1])
        writer.write(frame)
    if writer is not None:
        writer.release()
    capture.release()


if __name__ == "__main__":
    main()
