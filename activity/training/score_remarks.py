"""What a training run has to say of its score and its model; each remark is a line."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from activity.common.errors import printable, shortened
from activity.training.evaluation import Evaluation, share

if TYPE_CHECKING:  # these import Keras and scikit-learn, which takes seconds
    from activity.training.leakage import Leakage
    from activity.training.near_copies import NearCopies

_WIDEST_INTERVAL = 0.3
"""Wider ones are told. Ten photos that are all right are enough for less, and so are forty of
which half are."""


def remarks_on_score(evaluation: Evaluation, leakage: "Leakage") -> list[str]:
    """Give the scores on photos and on frames apart, and without what was as good as trained on."""
    remarks = []
    is_frame, right = evaluation.is_frame, evaluation.right
    if is_frame.any():
        clips = len({image.path for image in evaluation.images if image.seconds is not None})
        of_frames = f"{share(right[is_frame]):.1%} of {is_frame.sum()} frames of {clips} clips"
        of_photos = f"{share(right[~is_frame]):.1%} of {(~is_frame).sum()} photos; "
        remarks.append(f"right: {'' if is_frame.all() else of_photos}{of_frames}")
    remarks += _remarks_on_few(evaluation)
    copies = sum(len(group.test) for group in leakage.identical)
    if copies:
        remarks.append(
            f"{copies} photos of the test set are byte-identical to training photos: "
            f"the score is up to {copies / len(right):.1%} too high"
        )
    near = leakage.near_copies
    if near is None:
        remarks.append("too many images to look for near copies among them")
    elif near:
        is_new = np.array([image not in near for image in evaluation.images], bool)
        others = f"{share(right[is_new]):.1%} are right" if is_new.any() else "none are left"
        remarks.append(
            f"{(~is_new).sum()} test images show nearly the same picture as a training image; "
            f"without them, {others}"
        )
    return remarks


def _remarks_on_few(evaluation: Evaluation) -> list[str]:
    """Name the activities of which there are so few test photos that their scores say little."""
    vague = [
        f"{printable(recall.label)} {recall.share:.0%} of {recall.files} photos or clips "
        f"(95 % interval: {recall.low:.0%} to {recall.high:.0%})"
        for recall in evaluation.recalls()
        if recall.files and recall.high - recall.low > _WIDEST_INTERVAL
    ]
    return (
        [f"too few to test with for a score that means much: {shortened(vague)}"] if vague else []
    )


def remarks_on_two_labels(pairs: "Sequence[NearCopies] | None") -> list[str]:
    """Say how many near copies bear two labels, and name the most similar."""
    if not pairs:
        return []
    first, second = (printable(str(image)) for image in pairs[0].images)
    labels = " and ".join(printable(label) for label in pairs[0].labels)
    return [
        f"{len(pairs)} pairs of images show nearly the same picture under two labels: the report "
        f"names them; the most similar are {first} and {second} ({labels})"
    ]


def remark_on_model(model: Path) -> str:
    """Say how a program of one's own opens the model: Keras goes by the ending of its name."""
    name, copy = printable(str(model)), printable(str(model.with_suffix(".keras")))
    if model.suffix in (".keras", ".h5", ".hdf5"):
        opened = f'keras.models.load_model("{name}")'
    else:
        opened = f'keras.models.load_model("{copy}"), a copy of {name}'
    return (
        f"in a program of your own: {opened}; RGB pixels 0..255, subtract nothing "
        "(docs/own_program.md)"
    )
