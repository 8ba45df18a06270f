"""Turn folders of photos into a classifier that labels video without flicker."""

import os
import sys

from activity.common.cores import limit_libraries

# Must be set before TensorFlow and OpenCV are imported: the first silences start-up chatter
# that a person cannot act on, the second makes OpenCV refuse a decompression bomb instead of
# taking gigabytes for it (its own limit is sixteen times as high; 67 million pixels are more
# than a full-frame camera's).
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**26))
# What OpenCV and the FFmpeg inside it say of damaged clips, a person is told in one line by us.
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
# The window of opencv-python misses its fonts, and needs none.
os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")
# OpenVINO and NNCF report imports, exports and quantization to an analytics host, and leave a file
# in ~/intel. Both do without where this package cannot be imported, which None says to Python.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
# Read when NumPy, OpenCV and TensorFlow are imported.
limit_libraries()
