"""What was predicted: smoothed, judged, written down, drawn.

Uses the wings below it: ``ground``, ``inputs``, ``saved`` and ``network``.
"""
