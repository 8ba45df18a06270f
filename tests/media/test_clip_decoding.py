"""Packets to pictures: where they end, and how many of them are in memory at once."""

import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from activity.common.errors import UserError
from activity.media.clip import Decoder, Picture, VideoSource
from tests.clips import fail_to_read_on, write_av_clip, write_pictures


class CountingDecoder(Decoder):
    """Counts the pictures that were decoded."""

    decoded = 0

    def _decode(self, *args: Any, **kwargs: Any) -> Generator[Picture, None, None]:
        for picture in super()._decode(*args, **kwargs):
            self.decoded += 1
            yield picture


@pytest.mark.parametrize(
    "parts",
    [[(0, 60), (0, 60)], [(0, 60), (0, 20)], [(0, 20), (9_000_000, 1), (800, 60)]],
    ids=["back", "back to a shorter part", "one picture far ahead"],
)
def test_where_a_clock_goes_back_few_pictures_are_held(
    parts: list[tuple[int, int]], tmp_path: Path
) -> None:
    path, header = tmp_path / "reconnected.flv", 13
    for start, count in parts:
        part = write_av_clip(tmp_path / "part.flv", range(start, start + 40 * count, 40))
        with path.open("ab") as file:
            file.write(part.read_bytes()[header if file.tell() else 0 :])
    with av.open(str(path)) as container:
        decoder = CountingDecoder(path, container, container.streams.video[0])
        held = [decoder.decoded - number for number, _ in enumerate(decoder.pictures())]
    assert max(held) <= 18
    # Once: nothing is missing, so nothing has to be decoded again.
    assert len(held) == decoder.decoded == sum(count for _, count in parts)


@pytest.mark.skipif(sys.platform != "linux", reason="swaps an open file in /proc")
@pytest.mark.parametrize(
    ("suffix", "way"),
    [
        (".mkv", "Input/output error"),
        (".mp4", "Input/output error"),
        (".avi", "Transport endpoint is not connected"),
    ],
)
def test_a_disk_that_fails_is_not_the_end_of_a_clip(suffix: str, way: str, tmp_path: Path) -> None:
    # Far more than is read before the first frame comes out.
    noise = np.random.default_rng(0).integers(0, 255, (12, 480, 640, 3), np.uint8)
    options = {"qmin": "1", "qmax": "1"}
    path = write_pictures(tmp_path / f"clip{suffix}", list(noise), "mpeg4", options=options)
    with closing(VideoSource(path).frames()) as frames:
        next(frames)
        fail_to_read_on(path, way)
        with pytest.raises(UserError, match=f"cannot read {path}: {way}"):
            list(frames)
