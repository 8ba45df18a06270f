"""Predictions over time: smoothing, segments, metrics, and the files that hold results."""
