"""The frozen networks, the engines that run them, their features, and the head on top.

Uses ``ground``, ``inputs`` and ``saved``.
"""
