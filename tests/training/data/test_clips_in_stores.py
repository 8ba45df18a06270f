"""Clips to learn from in an object store: how often each is fetched."""

import math
from pathlib import Path

import pytest

from activity.common.stores import location
from activity.media.images import Image
from activity.media.region import parse_region
from activity.temporal.segments import Segment
from activity.training.data.dataset import Found
from activity.training.data.labelled import LabelledClip
from activity.training.data.split import build_sets
from activity.training.features.views import View, pixels_of
from tests.common.test_stores import store  # noqa: F401
from tests.conftest import write_clip


def test_a_clip_is_fetched_once_to_be_looked_at_and_once_for_its_frames(
    store: str,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from s3fs import S3FileSystem

    folder = location(f"{store}/data")
    for name, colours in (("a.avi", ["red"] * 61), ("b.avi", ["blue"] * 90)):
        (folder / name).write_bytes(write_clip(tmp_path / name, colours).read_bytes())
    fetched: list[str] = []
    real = S3FileSystem._open

    def noted(self: S3FileSystem, path: str, *arguments: object, **options: object) -> object:
        fetched.append(path.rpartition("/")[2])
        return real(self, path, *arguments, **options)

    monkeypatch.setattr(S3FileSystem, "_open", noted)
    segments = {
        "a.avi": [Segment(0, math.inf, "red")],
        # Learned as an activity, and as none: two sets of images, one clip.
        "b.avi": [Segment(0, 1, "blue"), Segment(1, 2, "unknown"), Segment(2, 3, "blue")],
    }
    clips = [LabelledClip(Image(name, None, folder), some) for name, some in segments.items()]
    left = parse_region("left=0,0,0.5,1")
    clips.append(LabelledClip(Image("b.avi", None, folder, region=left), [Segment(0, 3, "red")]))
    sets = build_sets(Found([], clips), 0.5, tmp_path / "cache", outliers=9, seed=0)
    assert sorted(fetched) == ["a.avi", "b.avi"]
    views = [View(image, 0) for image in [*sets.training, *sets.outliers.learned]]
    assert sets.outliers.learned
    assert len(list(pixels_of(views, 32))) == len(views) > 10
    assert sorted(fetched) == ["a.avi", "a.avi", "b.avi", "b.avi"]
