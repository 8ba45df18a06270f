"""A clip labelled: which clips, the stream of predictions, the labelled clip and its sound.

Uses all other wings.
"""
