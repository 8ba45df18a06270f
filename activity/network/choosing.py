"""What to take which network for: its size and its speed."""

from dataclasses import dataclass

from activity.network.networks import NETWORKS

# ResNet50 takes 26 frames a second on two cores (docs/benchmarks.md), a clip 25 to 30.
_IN_REAL_TIME = 0.95
_IN_REASON = 0.2


@dataclass(frozen=True)
class Figures:
    """What a person chooses a network by.

    Attributes:
        megabytes: of its weights without the top, float32.
        speed: photos a second, ResNet50's being 1, as ``python -m benchmarks.networks`` measures it
            on one core.
        known_for: what sets it apart; nothing for most.
    """

    megabytes: float
    speed: float
    known_for: str = ""

    @property
    def purpose(self) -> str:
        """What the network is for, in a few words."""
        if self.known_for:
            return self.known_for
        if self.speed >= _IN_REAL_TIME:
            return "a CPU, in real time"
        return "a CPU for files, a GPU" if self.speed >= _IN_REASON else "a GPU"


FIGURES = {
    "resnet50": Figures(94.4, 1, "the tutorial's network"),
    "efficientnet-lite0": Figures(13.7, 7.4, "laptops, offline: needs no download"),
    "mobilenetv3-small": Figures(3.8, 28, "the smallest and fastest"),
    "mobilenetv3-large": Figures(12.0, 10),
    "mobilenetv2": Figures(9.0, 8.8),
    "efficientnetv2-b0": Figures(23.7, 2.0),
    "efficientnetv2-b1": Figures(27.7, 1.5),
    "efficientnetv2-b2": Figures(35.1, 1.1),
    "efficientnetv2-b3": Figures(51.7, 0.64),
    "efficientnetv2-s": Figures(81.3, 0.17),
    "efficientnetv2-m": Figures(212.6, 0.06),
    "efficientnetv2-l": Figures(471.0, 0.03),
    "convnext-tiny": Figures(111.3, 0.71),
    "convnext-small": Figures(197.8, 0.38),
    "convnext-base": Figures(350.2, 0.20),
    "convnext-large": Figures(784.8, 0.10),
    "convnext-xlarge": Figures(1392.4, 0.05),
    "efficientnet-b0": Figures(16.2, 1.8),
    "efficientnet-b1": Figures(26.3, 1.1),
    "efficientnet-b2": Figures(31.1, 0.84),
    "efficientnet-b3": Figures(43.1, 0.48),
    "efficientnet-b4": Figures(70.7, 0.24),
    "efficientnet-b5": Figures(114.1, 0.11),
    "efficientnet-b6": Figures(163.8, 0.06),
    "efficientnet-b7": Figures(256.4, 0.04),
    "resnet101": Figures(170.6, 0.51),
    "resnet152": Figures(233.5, 0.33),
    "resnet50v2": Figures(94.3, 0.98),
    "resnet101v2": Figures(170.5, 0.49),
    "resnet152v2": Figures(233.3, 0.33),
    "densenet121": Figures(28.2, 1.1),
    "densenet169": Figures(50.6, 0.96),
    "densenet201": Figures(73.3, 0.75),
}


def format_networks() -> str:
    """List the networks for ``--help``, one line each."""
    lines = ["networks (size of the weights; input in pixels; speed on a CPU beside resnet50):"]
    for name, network in NETWORKS.items():
        figures = FIGURES[name]
        lines.append(
            f"  {name:18} {figures.megabytes:4.0f} MB  {network.side}  {figures.speed:4.2g}x  "
            f"{figures.purpose}"
        )
    return "\n".join(lines)
