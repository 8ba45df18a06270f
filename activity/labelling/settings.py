"""How clips are labelled."""

from dataclasses import dataclass

from activity.media.photo import Framing


@dataclass(frozen=True)
class Settings:
    """How clips are labelled; small, and the same for all clips of a run.

    Attributes:
        model: path of the model, as it was given.
        model_sha256: its digest.
        engine: name of the engine, as it was given.
        smoothing: one of ``SMOOTHINGS``.
        size: of the smoothing, in frames.
        stride: every how many frames one is classified.
        compare: further sizes in the timeline, and to be judged.
        bars: whether a bar a class is drawn.
        unknown: whether ``unknown`` is one of the labels.
        framing: how the model was trained to see a frame.
    """

    model: str
    model_sha256: str
    engine: str
    smoothing: str = "rolling"
    size: int = 128
    stride: int = 1
    compare: tuple[int, ...] = ()
    bars: bool = False
    unknown: bool = False
    framing: Framing = "centre"
