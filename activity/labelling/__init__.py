"""The parts of ``predict_video.py``: clips to label, predictions, overlay, preview, timeline."""
