"""How clips are labelled."""

from dataclasses import dataclass, field

from activity.network.engine import EngineOptions
from activity.temporal.smoothing import Smoothing


@dataclass(frozen=True)
class Settings:
    """How to label clips: the same for all clips of a run, and small enough to send to workers.

    Attributes:
        smoothing: how predictions become labels.
        stride: classify every ``stride``-th frame.
        compare: further sizes of smoothing for the timeline and ``--truth``.
        bars: whether to draw a bar for each label.
        options: how to run the network.
    """

    smoothing: Smoothing
    stride: int = 1
    compare: tuple[int, ...] = ()
    bars: bool = False
    options: EngineOptions = field(default_factory=EngineOptions)
