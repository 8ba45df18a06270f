"""The model and the label binarizer on disk: written together, opened without running code.

Uses ``ground`` and ``inputs``.
"""
