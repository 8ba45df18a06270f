"""Packets to pictures: how many of them are in memory at once."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import av
import pytest

from activity.media.decoding import Decoder, Picture
from tests.clips import write_av_clip


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
