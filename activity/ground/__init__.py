"""What everything stands on: errors in plain words, interruptions, complete files, threads.

Knows nothing of photos or clips, and uses no other wing.
"""
