"""How clips are labelled."""

from dataclasses import dataclass, field

from activity.network.engine import EngineOptions
from activity.temporal.smoothing import Smoothing


@dataclass(frozen=True)
class Settings:
    """How clips are labelled; small, and the same for all clips of a run.

    Attributes:
        smoothing: how predictions become labels.
        stride: every how many frames one is classified.
        compare: further sizes in the timeline, and to be judged.
        bars: whether a bar for each label is drawn.
        options: how the network is run.
    """

    smoothing: Smoothing
    stride: int = 1
    compare: tuple[int, ...] = ()
    bars: bool = False
    options: EngineOptions = field(default_factory=EngineOptions)
