"""What training was tuned with, and what it was tuned on.

All of it was chosen on photos carved out of the training photos, never on the test photos;
docs/recipe.md has the comparisons.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Optimization:
    """AdamW with a rate that falls along a cosine from ``learning_rate`` to 0."""

    learning_rate: float
    weight_decay: float
    batch_size: int


HEAD = Optimization(learning_rate=1e-3, weight_decay=1.0, batch_size=64)
FINE_TUNING = Optimization(learning_rate=3e-4, weight_decay=0.05, batch_size=64)

HIDDEN_UNITS = 512
DROPOUT = 0.5

# For the sake of --unknown: a head that is not driven to be certain is less sure of what it has
# never seen.
LABEL_SMOOTHING = 0.1

CARVED_SHARE = 0.1
"""Share of each label's files that fine-tuning carves out of the training images, to choose the
epoch by."""
