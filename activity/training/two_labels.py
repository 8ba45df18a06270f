"""One picture under two labels: one of the labels is wrong, whatever the network makes of it."""

from collections.abc import Mapping

from activity.media.images import Image


def under_two_labels(labels: Mapping[Image, str]) -> list[dict[str, str]]:
    """Find the photos, and the clips, that are there byte for byte under more than one label.

    Args:
        labels: of each image; images without a digest are left out.

    Returns:
        For each such content, its files' paths with their labels, in the order of paths.
    """
    groups: dict[str, dict[str, str]] = {}
    for image in sorted(labels, key=lambda image: (image.path, image.seconds or 0)):
        if image.digest:
            groups.setdefault(image.digest, {})[image.path] = labels[image]
    # The frames of a clip tell the same, each: it is named once.
    conflicts = {tuple(files): files for files in groups.values() if len({*files.values()}) > 1}
    return list(conflicts.values())
