"""Predictions over time: smoothing, segments, judging, and the files that hold results."""
