"""Photos and frames as they come in: found, split, read, augmented; clips and live sources.

Uses ``ground`` alone.
"""
