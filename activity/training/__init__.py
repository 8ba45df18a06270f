"""The parts of ``train.py``: data set, split, features, head, fine-tuning, evaluation, report."""
