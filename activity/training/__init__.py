"""The steps of ``train.py``: data, features, learning and results."""
