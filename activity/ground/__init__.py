"""What everything stands on: errors in plain words, interruptions, complete files, workers.

Knows nothing of photos or clips, and uses no other wing.
"""
