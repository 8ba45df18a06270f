"""A photo with its label, and what a data set says of the side of a split that it belongs to."""

from dataclasses import dataclass

from activity.media.images import Image
from activity.training.parts import Part


@dataclass(frozen=True)
class LabelledPhoto:
    """A photo of a data set.

    Attributes:
        image: the photo.
        label: its activity.
        dataset: the number of the data set that it is from: each is split by itself.
        part: where it belongs in a data set that is split already.
        group: what ties it to others, such as frames of one video, which stay on its side.
    """

    image: Image
    label: str
    dataset: int = 0
    part: Part | None = None
    group: str | None = None
